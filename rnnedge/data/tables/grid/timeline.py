"""Rows of a series onto time slots: order, duplicates, holes, stretches.

The slot of a row and the order of rows mean what they mean to the stream of a device
(`rnnedge_runtime.tables.time_grid`, `rnnedge_runtime.live.row_stream`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.tables.durations import duration_text
from rnnedge_runtime.tables.time_grid import (
    MAX_HOLE,
    OFF_GRID_FRACTION,
    backwards_error,
    hole_error,
    slot_steps,
)
from rnnedge_runtime.tables.times.calendar import DAY_US


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
    """The slots of one series, those of its stretches one after another.

    Attributes:
        time_us: `[T]` microseconds since 1970 UTC of all slots: a row's own time, and
            evenly in between where a row is missing.
        slots: `[K]` slots that hold a reading, ascending, from 0 to T - 1.
        kept: `[K]` positions among the series' rows of those readings.
        starts: `[S]` first slot of each stretch.
        notes: what was mended.
    """

    time_us: NDArray[np.int64]
    slots: NDArray[np.int64]
    kept: NDArray[np.int64]
    starts: NDArray[np.int64]
    notes: tuple[str, ...]


def time_order(
    series: SeriesRows, *, sort: bool
) -> tuple[NDArray[np.int64] | None, tuple[str, ...]]:
    """Positions of the rows in the order of their times; None: they are in order.

    Rows newest first throughout are turned round; other orders only with `sort`, which
    leaves rows of the same time as they are.

    Raises:
        DataError: a row is older than the one before it, and `sort` is off.
    """
    steps = np.diff(series.time_us)
    backwards = np.flatnonzero(steps < 0)
    if not len(backwards):
        return None, ()
    if len(steps) > 1 and len(backwards) == len(steps):
        note = f"{series.where}: the newest row came first; the rows were turned round."
        return np.arange(len(series.rows))[::-1], (note,)
    if sort:
        order = np.argsort(series.time_us, kind="stable")
        note = (
            f"{series.where}: the rows were sorted by time, "
            f"{count(len(backwards), 'row')} came after a newer one "
            f"({row_list(series.rows[backwards + 1])})."
        )
        return order, (note,)
    k = int(backwards[0])
    raise backwards_error(
        where=series.where,
        row=int(series.rows[k + 1]),
        time_us=int(series.time_us[k + 1]),
        before_us=int(series.time_us[k]),
        what_to_do="Sort the rows by time with --sort; write local times with their "
        "offset, or name their zone (--tz); if the table holds several series, name their "
        "column (--series).",
    )


def place(
    series: SeriesRows, period_s: float, max_gap_s: float | None = None
) -> Placement:
    """Put the rows of one series, in time order, into slots; the first row of a slot wins.

    A hole longer than `max_gap_s` starts a new stretch, with a grid of its own; shorter
    ones are filled with slots without a reading.

    Raises:
        DataError: a jump in time is too long to be a hole.
    """
    longest_us = np.inf if max_gap_s is None else max_gap_s * 1e6
    breaks = np.flatnonzero(np.diff(series.time_us) > longest_us) + 1
    first_rows = np.concatenate([np.zeros(1, dtype=np.int64), breaks])
    steps = _steps(series.time_us, first_rows, period_s)
    steps[first_rows] = 1  # a stretch starts at the slot after the last of the former
    long_steps = np.flatnonzero(steps > MAX_HOLE + 1)
    if len(long_steps):
        k = int(long_steps[0])
        raise hole_error(
            where=series.where,
            row=int(series.rows[k]),
            missing=int(steps[k]) - 1,
            period_s=period_s,
        )
    kept = np.flatnonzero(steps)
    slots = np.cumsum(steps)[kept] - 1
    starts = slots[np.searchsorted(kept, first_rows)]
    before = np.maximum(kept - 1, 0)
    return Placement(
        time_us=_slot_times(slots, series.time_us[kept], series.time_us[before]),
        slots=slots,
        kept=kept,
        starts=starts,
        notes=(
            *_step_notes(series, steps, first_rows, period_s),
            *_stretch_notes(series, breaks, max_gap_s),
        ),
    )


def _steps(
    time_us: NDArray[np.int64], first_rows: NDArray[np.int64], period_s: float
) -> NDArray[np.int64]:
    """`slot_steps` of every stretch."""
    if len(first_rows) == 1:
        return slot_steps(time_us, period_s)
    parts = np.split(time_us, first_rows[1:])
    return np.concatenate([slot_steps(part, period_s) for part in parts])


def _slot_times(
    slots: NDArray[np.int64], time_us: NDArray[np.int64], before_us: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Times of all slots from those with readings and the row before each of them."""
    num_slots = int(slots[-1]) + 1
    if num_slots == len(slots):
        return time_us
    found = np.empty(num_slots, dtype=np.int64)
    found[slots] = time_us
    steps = np.diff(slots, prepend=-1)
    holes = np.flatnonzero(steps > 1)
    steps = steps[holes]
    number = np.arange(int((steps - 1).sum())) + 1
    number -= np.repeat(np.cumsum(steps - 1) - (steps - 1), steps - 1)
    whole, rest = np.divmod(time_us[holes] - before_us[holes], steps)
    steps, whole, rest, first, slot = (
        np.repeat(values, steps - 1)
        for values in (steps, whole, rest, before_us[holes], slots[holes] - steps)
    )
    found[slot + number] = first + whole * number + rest * number // steps
    return found


def _step_notes(
    series: SeriesRows,
    steps: NDArray[np.int64],
    first_rows: NDArray[np.int64],
    period_s: float,
) -> list[str]:
    period_us = period_s * 1e6
    aside = steps * period_us
    aside[1:] -= np.diff(series.time_us)
    aside[first_rows] = 0
    notes = []
    off = np.abs(aside, out=aside) > OFF_GRID_FRACTION * period_us
    del aside
    if off.any() and (word := _calendar_word(series, steps, period_s)):
        notes.append(f"{series.where}: {word}, each is one step.")
    elif off.any():
        notes.append(
            f"{series.where}: {count(off.sum(), 'row')} off the period of "
            f"{duration_text(period_s)}, "
            "by the time since the row before, in the nearest slot "
            f"({row_list(series.rows[off])})."
        )
    is_repeat = steps == 0
    if is_repeat.any():
        notes.append(
            f"{series.where}: {count(is_repeat.sum(), 'row')} left out, their time slot "
            f"was already taken ({row_list(series.rows[is_repeat])})."
        )
    after_hole = np.flatnonzero(steps > 1)
    if len(after_hole):
        missing = int((steps[after_hole] - 1).sum())
        hint = ""
        if missing > len(steps):
            hint = " A shorter --max-gap starts new stretches instead."
        notes.append(
            f"{series.where}: {count(missing, 'missing row')} put in after "
            f"{row_list(series.rows[after_hole - 1])}.{hint}"
        )
    return notes


def _calendar_word(
    series: SeriesRows, steps: NDArray[np.int64], period_s: float
) -> str:
    """What the steps are where they are unlike in length as months are; "" otherwise."""
    taken = steps[1:] > 0
    days = np.diff(series.time_us)[taken] / steps[1:][taken] / DAY_US
    for low, high, word in (
        (28, 31, "the rows are months of 28 to 31 days"),
        (90, 92, "the rows are quarters of 90 to 92 days"),
    ):
        if low <= period_s * 1e6 / DAY_US <= high and np.all(
            (days >= low) & (days <= high)
        ):
            return word
    return ""


def _stretch_notes(
    series: SeriesRows, breaks: NDArray[np.int64], max_gap_s: float | None
) -> list[str]:
    if not len(breaks) or max_gap_s is None:
        return []
    time_us = series.time_us
    longest = duration_text(float((time_us[breaks] - time_us[breaks - 1]).max()) / 1e6)
    return [
        f"{series.where}: {len(time_us):,} rows in {len(breaks) + 1:,} stretches, each from "
        f"the initial state; {count(len(breaks), 'hole')} longer than "
        f"{duration_text(max_gap_s)} (the longest {longest}) between them, before "
        f"{row_list(series.rows[breaks])} (--max-gap)."
    ]


def count(number: int, noun: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def row_list(rows: NDArray[np.int64]) -> str:
    """The first few row numbers as text: `rows 3, 7 and 12 more`."""
    shown = ", ".join(str(row) for row in rows[:5])
    more = f" and {len(rows) - 5:,} more" if len(rows) > 5 else ""
    return f"row{'' if len(rows) == 1 else 's'} {shown}{more}"
