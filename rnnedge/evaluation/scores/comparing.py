"""The network beside the best baseline, with the noise of the test part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rnnedge.evaluation.scores.bootstrap import (
    block_length,
    mean_intervals,
    number_blocks,
)
from rnnedge.evaluation.scores.metrics import Score
from rnnedge.evaluation.scores.verdict import Comparison, best_baseline, compare
from rnnedge.tasks.forecast.preparing import Prepared

Array = NDArray[np.float32]


def compare_with_best(
    prepared: Prepared,
    forecasts: Mapping[str, list[Array]],
    scores: Mapping[str, Sequence[Score | None]],
    *,
    network: str,
    season: int,
) -> list[Comparison | None]:
    """Per output, the network beside the best baseline; None where nothing is scored.

    Args:
        prepared: data and spec.
        forecasts: `[T, O]` per forecaster and series.
        scores: per forecaster, one Score (or None) per output, on the test part.
        network: which of the forecasters it is.
        season: the shortest, in steps, which a block of the bootstrap holds.
    """
    y = part_rows([series.y for series in prepared.series], prepared, "test")
    errors = np.abs(part_rows(forecasts[network], prepared, "test") - y)
    best = [best_baseline(scores, k, network) for k in range(y.shape[1])]
    differences = np.full(y.shape, np.nan, dtype=np.float64)
    for rival in {name for name in best if name}:
        columns = [k for k, name in enumerate(best) if name == rival]
        error = np.abs(part_rows(forecasts[rival], prepared, "test") - y)
        differences[:, columns] = (errors - error)[:, columns]
    slots = _slots(prepared)
    num_slots = len(np.unique(np.concatenate(slots)))
    length = block_length(num_slots, prepared.spec.horizon, season)
    has_time = all(series.time_us is not None for series in prepared.series)
    blocks = number_blocks(slots, length, is_common=has_time)
    found: list[Comparison | None] = []
    for k, interval in enumerate(mean_intervals(differences, blocks)):
        mine, name = scores[network][k], best[k]
        theirs = scores[name][k] if name else None
        found.append(
            compare(mine, theirs, name, interval)
            if mine and name and theirs and interval
            else None
        )
    return found


def _slots(prepared: Prepared) -> list[NDArray[np.int64]]:
    """Slots of the scored test rows of every series, row numbers without a time."""
    period_us = (prepared.spec.sample_period_s or 1.0) * 1e6
    slots = []
    for series in prepared.series:
        rows = np.arange(len(series.x))
        if series.time_us is not None:
            rows = np.rint(series.time_us / period_us).astype(np.int64)
        part = slice(series.parts.test.start, series.parts.test.stop)
        slots.append(rows[part][series.is_reading[part]])
    return slots


def part_rows(arrays: Sequence[Array], prepared: Prepared, part: str) -> Array:
    """`[N, O]`: the rows of a part in all series that are readings."""
    return np.concatenate(rows_by_series(arrays, prepared, part))


def rows_by_series(
    arrays: Sequence[Array], prepared: Prepared, part: str
) -> list[Array]:
    """`[N, O]` of every series: its rows of a part that are readings."""
    chosen = []
    for array, series in zip(arrays, prepared.series, strict=True):
        rows = getattr(series.parts, part)
        span = slice(rows.start, rows.stop)
        chosen.append(array[span][series.is_reading[span]])
    return chosen
