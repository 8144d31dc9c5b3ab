"""An artifact on a table, scored as training scores a network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnedge.data.limits import Bounds
from rnnedge.data.series import Dataset, Series
from rnnedge.evaluation.cutting import Counts, count_odd
from rnnedge.evaluation.scores.by_series import SeriesErrors, errors_by_series
from rnnedge.tasks.forecast.metrics import score_outputs
from rnnedge.tasks.forecast.targets import plausible, true_outputs
from rnnedge.tasks.scores import NETWORK, Score
from rnnedge_runtime.errors import DataError
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.streams.inputs import hold_readings
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.tables.durations import duration_in_words

Array = NDArray[np.float32]

PERIOD_TOLERANCE = 0.01
"""Part of the period by which that of a table may differ from the artifact's."""


@dataclass(frozen=True, slots=True)
class ArtifactScores:
    """What an artifact got right on a table.

    Attributes:
        scores: of the network and of persistence, one Score (or None) per output.
        by_series: errors of every series.
        num_rows: rows whose forecasts were scored, of one step ahead or more.
        cut: by feature, its readings and those `clipped` and `implausible` among them.
    """

    scores: dict[str, list[Score | None]]
    by_series: SeriesErrors
    num_rows: int
    cut: Counts


def score_artifact(
    model: Model,
    dataset: Dataset,
    *,
    from_us: int | None = None,
    until_us: int | None = None,
) -> ArtifactScores:
    """Stream every series from its first row and score the forecasts made in a span.

    Args:
        model: what forecasts.
        dataset: its features and targets, at its period.
        from_us: first time at which a forecast counts, microseconds since 1970 UTC.
        until_us: time from which on none counts.

    Raises:
        DataError: another period than the model's, or nothing to score.
    """
    spec = model.spec
    _check_period(spec, dataset)
    _check_times(spec, dataset, is_span=from_us is not None or until_us is not None)
    _check_present(spec, dataset)
    chosen = [_rows(one, from_us, until_us) for one in dataset.series]
    if not any(rows.any() for rows in chosen):
        raise DataError(
            f"{dataset.source}: no row lies in the span to score. "
            "Give other times with --from and --until, or a longer table."
        )
    scored = [
        [array[rows] for array in _forecasts(model, dataset, one)]
        for one, rows in zip(dataset.series, chosen, strict=True)
    ]
    y, y_hat, base = (list(arrays) for arrays in zip(*scored, strict=True))
    joined = [np.concatenate(arrays) for arrays in (y, y_hat, base)]
    no_scale = np.zeros(spec.output_size)
    scores = {
        NETWORK: score_outputs(joined[0], joined[1], joined[2], no_scale),
        "persistence": score_outputs(joined[0], joined[2], joined[2], no_scale),
    }
    by_series = errors_by_series(
        [one.name for one in dataset.series],
        {
            name: [np.abs(found - true) for found, true in zip(arrays, y, strict=True)]
            for name, arrays in ((NETWORK, y_hat), ("persistence", base))
        },
    )
    columns = [dataset.columns.index(name) for name in spec.feature_names]
    cut = count_odd(
        spec,
        (
            one.values[rows][:, columns]
            for one, rows in zip(dataset.series, chosen, strict=True)
        ),
    )
    num_rows = int(np.isfinite(joined[0]).any(axis=1).sum())
    return ArtifactScores(scores, by_series, num_rows, cut)


def _check_period(spec: ModelSpec, dataset: Dataset) -> None:
    mine, its = spec.sample_period_s, dataset.sample_period_s
    if not mine or not its or abs(its / mine - 1) <= PERIOD_TOLERANCE:
        return
    period = duration_in_words(mine).replace(" ", "")
    raise DataError(
        f"{dataset.source}: its rows are {its:g} s apart, but the artifact forecasts steps "
        f"of {mine:g} s. Put them on that period with --resample {period}."
    )


def _check_times(spec: ModelSpec, dataset: Dataset, *, is_span: bool) -> None:
    if all(series.time_us is not None for series in dataset.series):
        return
    if spec.derived:
        raise DataError(
            f"{dataset.source}: no time column is found, but the model derives inputs from "
            "the time. Name the column (--time), or add one."
        )
    if is_span:
        raise DataError(
            f"{dataset.source}: no time column is found, so --from and --until choose "
            "nothing. Name the column (--time), or leave them out."
        )


def _check_present(spec: ModelSpec, dataset: Dataset) -> None:
    for feature in spec.features:
        if feature.missing != "reject":
            continue
        k = dataset.columns.index(feature.name)
        for series in dataset.series:
            missing = np.flatnonzero(~np.isfinite(series.values[:, k]))
            if len(missing):
                raise DataError(
                    f"{dataset.source}: feature '{feature.name}' is missing in slot "
                    f"{missing[0] + 1} of {len(series.values)}, and its policy is "
                    "'reject'. Mend the table, or train with missing='hold'."
                )


def _forecasts(
    model: Model, dataset: Dataset, series: Series
) -> tuple[Array, Array, Array]:
    """True outputs, forecasts and those of persistence of one series, `[T, O]` each."""
    spec = model.spec
    readings = series.values[:, [dataset.columns.index(n) for n in spec.feature_names]]
    times = series.time if spec.derived else None
    y_hat = model.stream().run(readings, times).astype(np.float32)
    targets = series.values[:, [dataset.columns.index(n) for n in spec.target_names]]
    ranges: dict[str, Bounds | None] = {f.name: f.range for f in spec.features}
    known = plausible(targets, [ranges.get(name) for name in spec.target_names])
    initial = np.array([feature.initial for feature in spec.features], np.float32)
    held = hold_readings(spec.features, readings, initial, where="evaluate")
    last = np.stack(
        [
            held[:, spec.feature_names.index(name)]
            if name in spec.feature_names
            else _last_known(known[:, k])
            for k, name in enumerate(spec.target_names)
        ],
        axis=1,
    )
    each = max(1, len(spec.quantiles))
    y = np.repeat(true_outputs(known, spec.horizon), each, axis=1)
    return y, y_hat, np.repeat(last, spec.horizon * each, axis=1)


def _last_known(values: Array) -> Array:
    """`[T]`: the last value that is not missing; the first one before that."""
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return np.zeros_like(values)
    source = np.searchsorted(known, np.arange(len(values)), side="right") - 1
    return np.asarray(values[known[np.maximum(source, 0)]])


def _rows(
    series: Series, from_us: int | None, until_us: int | None
) -> NDArray[np.bool_]:
    rows = series.is_reading.copy()
    if series.time_us is not None:
        if from_us is not None:
            rows &= series.time_us >= from_us
        if until_us is not None:
            rows &= series.time_us < until_us
    return rows
