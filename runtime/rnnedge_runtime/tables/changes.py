"""The change of a counter from row to row."""

from __future__ import annotations

import math

LATE = 1.5
"""Periods between two rows above which their change is not that of one period."""


def change_name(counter: str) -> str:
    """Name of the column that holds the change of a counter."""
    return f"{counter}_change"


def counter_change(
    before: tuple[float, int | None],
    now: tuple[float, int | None],
    period_s: float | None,
) -> float:
    """What a counter counted in one period; NaN where that is not known.

    Args:
        before: value, and time in microseconds, of the row before.
        now: those of this row.
        period_s: usual time between rows in seconds.

    Returns:
        The difference; NaN where a value is missing, the counter fell, or a row is missing
        in between.
    """
    if now[1] is not None and before[1] is not None and period_s is not None:
        elapsed = now[1] - before[1]
        if not 0 < elapsed <= LATE * period_s * 1e6:
            return math.nan
    change = now[0] - before[0]
    return change if change >= 0 else math.nan
