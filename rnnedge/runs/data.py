"""The data of a finished run, read again where its config says it came from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from rnnedge.data.tables.loading import load_recorded
from rnnedge.runs.folder import CONFIG, OWN_MODULE, Run
from rnnedge.tasks.config import read_config
from rnnedge.tasks.task import Prepared, find_task
from rnnedge_export.quantise.request import Int8Data, ScoredSeries
from rnnedge_runtime.errors import DataError, StateError
from rnnedge_runtime.spec.spec_json import spec_to_json


def load_run_data(run: Run, source: Any = None) -> Prepared:
    """The series of a run with their parts, as they were prepared for training.

    Args:
        run: a finished run.
        source: its data when it was a data frame, or its new place; None: where it was.

    Raises:
        DataError: the data is gone, or cannot be used.
        StateError: it is not the data of the run.
    """
    config, data = read_config(run.path / CONFIG)
    try:
        dataset = load_recorded(data, source)
    except DataError as error:
        if source is not None:
            raise
        raise DataError(
            f"{run.path}: the data it was trained on cannot be read again: {error} "
            "Or name its new place with source= (`--data`)."
        ) from None
    prepared = find_task().prepare(dataset, config)
    if OWN_MODULE in data:
        layers, wiring = run.spec.layers, run.spec.wiring
        prepared = prepared.with_spec(
            replace(prepared.spec, layers=layers, wiring=wiring)
        )
    features = tuple(
        replace(one, longest_unchanged=None) if old.longest_unchanged is None else one
        for one, old in zip(prepared.spec.features, run.spec.features, strict=False)
    )
    if len(features) == prepared.spec.num_features:  # a run of before it was recorded
        prepared = prepared.with_features(features)
    is_same = spec_to_json(prepared.spec) == spec_to_json(run.spec) and all(
        np.array_equal(run.weights[name], values)
        for name, values in prepared.affine_weights.items()
    )
    if not is_same:
        raise StateError(
            f"{run.path}: {dataset.source} is not the data the run was trained on: its "
            "features, their ranges or the scalers are others. Name the old data with "
            "source= (`--data`), or train again."
        )
    return prepared


def int8_data(prepared: Prepared) -> Int8Data:
    """Training parts to calibrate on, test parts to score on.

    Every series is streamed from its first row, as in the report of the run.
    """
    scored = []
    for series in prepared.series:
        test = series.parts.test
        is_scored = np.zeros(len(series.x), dtype=np.bool_)
        is_scored[test.start : test.stop] = series.is_reading[test.start : test.stop]
        y = np.where(is_scored[:, None], series.y, np.float32(np.nan))
        scored.append(ScoredSeries(series.x, y))
    calibration = tuple(s.x[: s.parts.train.stop] for s in prepared.series)
    return Int8Data(calibration, tuple(scored))
