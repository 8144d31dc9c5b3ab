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
from rnnedge.tasks.scores import NETWORK, Comparison, Interval, Outcome, Score
from rnnedge.tasks.task import Prepared

Array = NDArray[np.float32]


def compare_with_best(
    prepared: Prepared,
    errors: Mapping[str, Sequence[Array]],
    scores: Mapping[str, Sequence[Score | None]],
    *,
    season: int,
) -> list[Comparison | None]:
    """Per output, the network beside the best baseline; None where nothing is scored.

    Args:
        prepared: data and spec.
        errors: `[N, O]` per forecaster and series, of the test rows that are readings.
        scores: per forecaster, one Score (or None) per output, on the test part.
        season: fewest slots that a block of the bootstrap holds.
    """
    mine = np.concatenate(errors[NETWORK])
    best = [best_baseline(scores, k) for k in range(mine.shape[1])]
    differences = np.full(mine.shape, np.nan, dtype=np.float64)
    for rival in {name for name in best if name}:
        columns = [k for k, name in enumerate(best) if name == rival]
        differences[:, columns] = (mine - np.concatenate(errors[rival]))[:, columns]
    slots = _slots(prepared)
    num_slots = len(np.unique(np.concatenate(slots)))
    length = block_length(num_slots, prepared.spec.horizon, season)
    has_time = all(series.time_us is not None for series in prepared.series)
    blocks = number_blocks(slots, length, is_common=has_time)
    found: list[Comparison | None] = []
    for k, interval in enumerate(mean_intervals(differences, blocks)):
        network, name = scores[NETWORK][k], best[k]
        theirs = scores[name][k] if name else None
        found.append(
            compare(network, theirs, name, interval)
            if network and name and theirs and interval
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


def best_baseline(
    scores: Mapping[str, Sequence[Score | None]], output: int
) -> str | None:
    """The baseline with the smallest error of one output; None where nothing is scored."""
    mae = {
        name: score.mae
        for name, outputs in scores.items()
        if name != NETWORK and (score := outputs[output])
    }
    return min(mae, key=lambda name: mae[name]) if mae else None


def compare(
    network: Score, baseline: Score, name: str, interval: Interval
) -> Comparison:
    """The Comparison of two scores of one output."""
    outcome: Outcome = "equal"
    if interval.high < 0:
        outcome = "better"
    elif interval.low > 0:
        outcome = "worse"
    return Comparison(name, network.mae, baseline.mae, interval, outcome)
