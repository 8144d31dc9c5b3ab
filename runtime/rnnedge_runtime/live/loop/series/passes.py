"""Which readings of a batch may be stepped together, and which holes are stepped at all."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ....errors import DataError
from ....streams.model import Model
from ....tables.time_grid import MIN_GAP_PERIODS

Rows = NDArray[np.int64]


def longest_gap_us(
    model: Model, on_gap: Literal["reset", "step"], max_gap_s: float | None
) -> float:
    """The longest hole that is stepped, in microseconds.

    Raises:
        DataError: `max_gap_s` is 1.5 periods or less, or the model has no period.
    """
    period_s = model.spec.sample_period_s
    if max_gap_s is not None and period_s is None:
        raise DataError(
            f"--max-gap: {model.name} has no sampling period, so it knows no holes. "
            "Leave --max-gap out, or train on a table with a time column."
        )
    if max_gap_s is not None and period_s is not None:
        if not max_gap_s > MIN_GAP_PERIODS * period_s:
            raise DataError(
                f"--max-gap: {max_gap_s:g} s would start anew at every late reading, as "
                f"the period of {model.name} is {period_s:g} s. Choose a length of time "
                f"above {MIN_GAP_PERIODS * period_s:g} s, or leave --max-gap out."
            )
    else:
        max_gap_s = model.spec.max_gap_s
    return np.inf if on_gap == "step" or max_gap_s is None else max_gap_s * 1e6


def distinct_passes(series: NDArray[np.int32], rows: Rows | None) -> list[Rows | slice]:
    """Rows in passes of one reading a series, the k-th of each in the k-th pass.

    Args:
        series: `[n]` of a batch.
        rows: of it that count; None for all.
    """
    some = series if rows is None else series[rows]
    size = len(some)
    if not size:
        return []
    if size == 1 or bool((some[1:] > some[:-1]).all()):
        return [slice(None) if rows is None else rows]
    order = np.argsort(some, kind="stable")
    ascending = some[order]
    if rows is not None:
        order = rows[order]
    is_first = np.ones(size, dtype=np.bool_)
    np.not_equal(ascending[1:], ascending[:-1], out=is_first[1:])
    if is_first.all():
        return [order]
    starts = np.flatnonzero(is_first)
    lengths = np.diff(np.append(starts, size))
    rank = np.arange(size) - np.repeat(starts, lengths)
    by_rank = np.argsort(rank, kind="stable")
    ends = np.cumsum(np.bincount(rank))[:-1]
    return list(np.split(order[by_rank], ends))
