"""What training reads: one or several series of readings on a common time grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.tables.timestamps import time_text


@dataclass(frozen=True, eq=False)
class Series:
    """The readings of one device, one row per slot of the grid, without a long hole.

    A device with holes longer than the largest gap gives several Series of one name, its
    stretches; each starts from the initial state.

    Attributes:
        name: value of the series column, stem of the file, `<stem>/<value>` for a series
            column in several files, or "".
        time_us: `[T]` microseconds since 1970 UTC of the slots; None when rows are just
            one step apart.
        values: `[T, C]` readings in their units, NaN where missing, never infinite.
        is_reading: `[T]` False in slots for which the table has no row.
        stretch: number of this stretch among those of the same name, from 0.
    """

    name: str
    time_us: NDArray[np.int64] | None
    values: NDArray[np.float32]
    is_reading: NDArray[np.bool_]
    stretch: int = 0

    def __len__(self) -> int:
        return len(self.values)

    @property
    def time(self) -> NDArray[np.int64] | None:
        """`[T]` Unix seconds UTC of the slots, rounded down."""
        return None if self.time_us is None else self.time_us // 1_000_000


@dataclass(frozen=True, eq=False)
class Dataset:
    """Series with the same columns and the same sampling period.

    Attributes:
        source: the table or tables, as text for messages.
        columns: C names: the features, then the targets that are not features.
        units: unit of each column, "" when unknown.
        features: columns that are inputs.
        targets: columns to forecast.
        series: at least one.
        sample_period_s: time between rows; None when the table has no time.
        notes: what was found and mended, one sentence each, with row numbers.
        max_gap_s: longest hole, in seconds, that is filled with missing rows; None without
            time.
        clock: what a time without an offset means in the tables: `UTC` or the name of a
            time zone; "" when every time had its offset, or there is no time.
        has_calendar: False when times only count from some start, so that they have no
            hour of day.
        found: readings that were found and not given: the time column, `time`, and fields of
            `TableOptions`, as far as they can be given.
    """

    source: str
    columns: tuple[str, ...]
    units: tuple[str, ...]
    features: tuple[str, ...]
    targets: tuple[str, ...]
    series: tuple[Series, ...]
    sample_period_s: float | None
    notes: tuple[str, ...]
    max_gap_s: float | None = None
    clock: str = ""
    has_calendar: bool = True
    found: Mapping[str, Any] = field(default_factory=dict)

    def moment_text(self, time_us: int) -> str:
        """A time of its series for people; without a calendar, as time from the start."""
        if self.has_calendar:
            return time_text(time_us)
        return str(timedelta(microseconds=int(time_us)))
