"""Rows of several series onto regular time slots: period, duplicates, holes.

The slot of a row and the order of rows mean what they mean to the stream of a device
(`rnnedge_runtime.tables.timestamps`, `rnnedge_runtime.streaming`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import DataError
from rnnedge_runtime.tables.time_grid import (
    MAX_HOLE,
    OFF_GRID_FRACTION,
    TimeGrid,
    backwards_error,
    hole_error,
)

FAR_FROM_SLOT = 0.25
"""Part of the period from which on a row's slot is a guess."""

MAX_FAR_SHARE = 0.2
"""Share of rows far from their slots above which there is no regular period."""

MAX_REPEAT_SHARE = 0.2
"""Share of rows in a slot already taken above which the time column is the wrong one."""


@dataclass(frozen=True, eq=False)
class SeriesRows:
    """Where the rows of one series are in their table.

    Attributes:
        where: table, and series if there are several, for messages.
        rows: `[N]` row numbers from 1.
        time_us: `[N]` microseconds since 1970 UTC.
    """

    where: str
    rows: NDArray[np.int64]
    time_us: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Placement:
    """The slots of one series.

    Attributes:
        time_us: `[T]` microseconds since 1970 UTC of all slots.
        slots: `[K]` slots that hold a reading, ascending, from 0 to T - 1.
        kept: `[K]` positions among the series' rows of those readings.
        notes: what was mended.
    """

    time_us: NDArray[np.int64]
    slots: NDArray[np.int64]
    kept: NDArray[np.int64]
    notes: tuple[str, ...]


def check_order(series: SeriesRows) -> None:
    """Raise DataError where a row is older than the one before it."""
    backwards = np.flatnonzero(np.diff(series.time_us) < 0)
    if len(backwards):
        k = int(backwards[0])
        raise backwards_error(
            where=series.where,
            row=int(series.rows[k + 1]),
            time_us=int(series.time_us[k + 1]),
            before_us=int(series.time_us[k]),
            what_to_do="Sort the rows by time; write local times with their offset; if the "
            "table holds several series, name their column (--series).",
        )


def find_period(all_series: Sequence[SeriesRows]) -> float | None:
    """The sampling period in seconds that all series share; None for single rows.

    The most frequent difference between rows, unless the mean difference of neighbours
    brings more rows near to their slots (stamps of 60 Hz in whole milliseconds, months).

    Raises:
        DataError: too many rows are far from their slots, or repeat a time.
    """
    steps = np.concatenate([np.diff(series.time_us) for series in all_series])
    repeated = steps == 0
    if repeated.mean() > MAX_REPEAT_SHARE if len(steps) else False:
        raise DataError(
            f"{all_series[0].where}: {repeated.sum():,} of {len(steps) + 1:,} rows repeat "
            "the time before them. If the table holds several series, name their column "
            "(--series); a date and a clock time must be in one column."
        )
    steps = steps[~repeated]
    if not len(steps):
        return None
    sizes, counts = np.unique(steps, return_counts=True)
    common = float(sizes[np.argmax(counts)])
    best = min(
        _candidates(steps, common), key=lambda period: _share_far(all_series, period)
    )
    share = _share_far(all_series, best)
    if share > MAX_FAR_SHARE:
        raise DataError(
            f"{all_series[0].where}: the rows have no regular period; at the best one, "
            f"{best:g} s, {share:.0%} of them lie more than a quarter of it off, expected "
            f"at most {MAX_FAR_SHARE:.0%}. Resample the readings to a fixed period first."
        )
    return best


def _candidates(steps: NDArray[np.int64], common: float) -> list[float]:
    """Periods in seconds to try, the first of equally good ones wins."""
    periods = [common]
    for start in (common, float(np.median(steps))):
        mean = steps.sum() / np.maximum(np.rint(steps / start), 1).sum()
        periods += [1e6 * round(mean / 1e6), 1e3 * round(mean / 1e3), float(mean)]
    return [period / 1e6 for period in periods if period > 0]


def _share_far(all_series: Sequence[SeriesRows], period_s: float) -> float:
    far = [
        TimeGrid(int(series.time_us[0]), period_s).distance(series.time_us)
        > FAR_FROM_SLOT
        for series in all_series
    ]
    return float(np.concatenate(far).mean())


def place(series: SeriesRows, period_s: float) -> Placement:
    """Put the rows of one series, in time order, into slots; the first row of a slot wins.

    Raises:
        DataError: a jump in time is too long to be a hole.
    """
    grid = TimeGrid(int(series.time_us[0]), period_s)
    row_slots = grid.slots(series.time_us)
    slots, kept = np.unique(row_slots, return_index=True)
    missing = np.diff(slots) - 1
    too_long = np.flatnonzero(missing > MAX_HOLE)
    if len(too_long):
        k = int(too_long[0])
        raise hole_error(
            where=series.where,
            row=int(series.rows[kept[k + 1]]),
            missing=int(missing[k]),
            period_s=period_s,
        )
    notes = []
    off = grid.distance(series.time_us) > OFF_GRID_FRACTION
    if off.any():
        notes.append(
            f"{series.where}: {count(off.sum(), 'row')} off the period of {period_s:g} s "
            f"moved to the nearest slot ({row_list(series.rows[off])})."
        )
    is_repeat = np.ones(len(row_slots), dtype=bool)
    is_repeat[kept] = False
    if is_repeat.any():
        notes.append(
            f"{series.where}: {count(is_repeat.sum(), 'row')} left out, their time slot "
            f"was already taken ({row_list(series.rows[is_repeat])})."
        )
    if missing.any():
        after = series.rows[kept[:-1][missing > 0]]
        notes.append(
            f"{series.where}: {count(missing.sum(), 'missing row')} put in, empty, after "
            f"{row_list(after)}."
        )
    time_us = grid.times_us(np.arange(slots[-1] + 1))
    return Placement(time_us, slots, kept, tuple(notes))


def count(number: int, noun: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def row_list(rows: NDArray[np.int64]) -> str:
    """The first few row numbers as text: `rows 3, 7 and 12 more`."""
    shown = ", ".join(str(row) for row in rows[:5])
    more = f" and {len(rows) - 5:,} more" if len(rows) > 5 else ""
    return f"row{'' if len(rows) == 1 else 's'} {shown}{more}"
