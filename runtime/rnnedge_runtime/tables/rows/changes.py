"""The change of a counter from row to row."""

from __future__ import annotations

import math

from ...spec.model_spec import ModelSpec
from ..options import TableOptions

LATE = 1.5
"""Periods between two rows above which their change is not that of one period."""


def change_name(counter: str) -> str:
    """Name of the column that holds the change of a counter."""
    return f"{counter}_change"


def counter_name(name: str, options: TableOptions) -> str:
    """Name of the counter whose change a column is; other names as they are."""
    counters = {change_name(counter): counter for counter in options.difference}
    return counters.get(name, name)


def counter_change(
    before: tuple[float, int | None],
    now: tuple[float, int | None],
    period_s: float | None,
) -> float:
    """What a counter counted in one period; NaN where that is not known.

    Args:
        before: value, and time in microseconds, of the row before.
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


class CounterChanges:
    """The changes of a model's counters, row by row; each series has its own.

    Args:
        spec: names the features and tells the period.
        options: names the counters.
    """

    def __init__(self, spec: ModelSpec, options: TableOptions) -> None:
        names = [change_name(counter) for counter in options.difference]
        self._places = [k for k, n in enumerate(spec.feature_names) if n in names]
        self._period_s = spec.sample_period_s
        self._last: dict[str | None, tuple[list[float], int | None]] = {}

    def apply(
        self, readings: list[float], time_us: int | None, series: str | None
    ) -> None:
        """Put the changes since the row before in place of counters' values."""
        if not self._places:
            return
        now = [readings[k] for k in self._places]
        values, last_us = self._last.get(series, (None, None))
        for j, k in enumerate(self._places):
            readings[k] = math.nan
            if values is not None:
                before = (values[j], last_us)
                readings[k] = counter_change(before, (now[j], time_us), self._period_s)
        if time_us is None or last_us is None or time_us > last_us:
            self._last[series] = (now, time_us)
