"""Validation, and the truth beside the rows: the same numbers in less memory."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch

from rnnedge.data.series import Dataset, Series
from rnnedge.data.tables.grid.gridding import ReadSeries, grid_series
from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.forecast.preparing import prepare
from rnnedge.tasks.task import Prepared
from rnnedge.training import validation
from rnnedge.training.lanes import cut_segments, plan_epoch
from rnnedge.training.trainer import Trainer
from rnnedge.training.validation import Validator, stream_predictions
from rnnedge_runtime.tolerances import parity_limit

NAMES = ("a", "b", "c", "d")
CPU = torch.device("cpu")


def dataset(lengths: list[int], targets: tuple[str, ...] = ("a",)) -> Dataset:
    rng = np.random.default_rng(0)
    series = []
    for number, length in enumerate(lengths):
        values = rng.normal(size=(length, 4)).astype(np.float32)
        is_reading = rng.random(length) < 0.97
        values[~is_reading] = np.nan
        series.append(Series("s", None, values, is_reading, number))
    return Dataset("s", NAMES, ("",) * 4, NAMES, targets, tuple(series), None, ())


def prepared(
    lengths: list[int], horizon: int, targets: tuple[str, ...] = ("a",)
) -> tuple[Prepared, TrainConfig]:
    config = TrainConfig(horizon=horizon, hidden_size=4, epochs=1)
    return prepare(dataset(lengths, targets), config), config


@pytest.mark.parametrize("lengths", [[300], [300, 1, 40, 7, 90]])
@pytest.mark.parametrize("targets", [("a",), ("c", "a")])
@pytest.mark.parametrize("horizon", [1, 5])
def test_the_truth_beside_the_rows(
    lengths: list[int], targets: tuple[str, ...], horizon: int
) -> None:
    """Per training row the trainer compares with the series' own true outputs."""
    data, config = prepared(lengths, horizon, targets)
    rows = data.task.objective(data, config, CPU)
    plan = plan_epoch(cut_segments(rows.ranges, 8), 8, 24, 5)
    seen = []
    for first, count in zip(plan.first.flat, plan.count.flat, strict=True):
        some = torch.arange(int(first), int(first + count))
        x, y = rows.x[some].numpy(), rows.y[some].flatten(1).numpy()
        seen += [
            (row.tobytes(), truth.tobytes()) for row, truth in zip(x, y, strict=True)
        ]
    expected = [
        (one.x[k].tobytes(), np.ascontiguousarray(one.y[k]).tobytes())
        for one in data.series
        for k in one.parts.train
    ]
    assert sorted(seen) == sorted(expected)


def test_the_error_does_not_depend_on_the_groups(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lengths = [3000, *[40 + 7 * k for k in range(60)]]
    data, config = prepared(lengths, 3)
    model = Trainer(data, config, CPU).model
    monkeypatch.setattr(validation, "ROWS_AT_ONCE", 256)
    errors = []
    for one in data.series:
        rows = slice(one.parts.validation.start, one.parts.validation.stop)
        errors.append(np.abs(stream_predictions(model, one)[rows] - one.y[rows]))
        errors[-1][~one.is_reading[rows]] = np.nan
    expected = np.nanmean(np.concatenate(errors), axis=0, dtype=np.float64)
    mae = Validator(data, CPU).mean_errors(model)
    assert np.abs(mae - expected).max() <= parity_limit(expected)


def test_short_stretches_are_not_padded_to_the_longest() -> None:
    data, _ = prepared([200_000, *[50] * 300], 1)
    padded = sum(y.shape[0] * y.shape[1] for _, y in Validator(data, CPU)._groups)
    rows = sum(validation._num_streamed(s) for s in data.series)
    assert padded <= validation.PADDED_SHARE * rows


def test_predictions_in_chunks_are_those_of_one_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data, config = prepared([500], 2)
    model = Trainer(data, config, CPU).model
    (series,) = data.series
    whole = stream_predictions(model, series)
    monkeypatch.setattr(validation, "ROWS_AT_ONCE", 64)
    assert np.abs(stream_predictions(model, series) - whole).max() <= parity_limit(
        whole
    )


@pytest.mark.parametrize("session", [100_000, 500])
def test_memory_stays_within_six_tables(session: int) -> None:
    """From rows and times to what the trainer takes, a day of hours ahead."""
    num_rows = 100_000
    rows = np.arange(num_rows)
    values = np.random.default_rng(0).normal(size=(num_rows, 4)).astype(np.float32)
    tracemalloc.start()
    try:
        time_us = (rows + rows // session * 7200) * 1_000_000
        found = grid_series([ReadSeries("a", rows + 1, time_us, "a", values)])
        data = Dataset(
            "s", NAMES, ("",) * 4, NAMES, ("a",), found.series, 1.0, (), 3600.0
        )
        del found, time_us
        prepare(data, TrainConfig(horizon=24))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(data.series) == num_rows // session
    assert peak <= 6 * num_rows * 4 * 8
