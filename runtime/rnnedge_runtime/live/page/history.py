"""The last rows of each series, as many series as the memory set aside can hold."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..loop.nouns import Outcome

NUM_ROWS = 240
MAX_SERIES = 4096
MAX_NBYTES = 32_000_000
_FEWEST_SERIES = 16


@dataclass(frozen=True, slots=True)
class Position:
    """How far a reader has got in one series.

    Attributes:
        series: its number.
        use: which use of its memory; rows of another use are all new.
        count: rows that had come.
    """

    series: int
    use: int = -1
    count: int = 0


@dataclass(frozen=True, slots=True)
class Past:
    """Rows of one series, oldest first.

    Attributes:
        is_whole: all that are kept; else those since the position that was given.
        time_us: `[n]` int64.
        readings: `[n, F]` float32.
        values: `[n, O]` float32.
        end: the position after them.
    """

    is_whole: bool
    time_us: NDArray[np.int64]
    readings: NDArray[np.float32]
    values: NDArray[np.float32]
    end: Position


class History:
    """Rings of rows. The first series that come have one; one that is looked at gets one.

    Args:
        num_features: F.
        num_outputs: O.
        num_rows: kept of each series.
        max_nbytes: of all rings together, which bounds the number of series.
    """

    def __init__(
        self,
        num_features: int,
        num_outputs: int,
        *,
        num_rows: int = NUM_ROWS,
        max_nbytes: int = MAX_NBYTES,
    ) -> None:
        row_nbytes = 8 + 4 * num_features + 4 * num_outputs
        size = max(_FEWEST_SERIES, max_nbytes // (num_rows * row_nbytes))
        self.max_series = min(MAX_SERIES, size)
        self._num_rows = num_rows
        self._lock = threading.Lock()
        self._ring_of = np.full(64, -1, np.int32)
        self._series_of = np.full(self.max_series, -1, np.int64)
        self._count = np.zeros(self.max_series, np.int64)
        self._use = np.zeros(self.max_series, np.int64)
        self._looked_at = np.zeros(self.max_series)
        self._num_used = 0
        self._time_us = np.zeros((0, num_rows), np.int64)
        self._readings = np.zeros((0, num_rows, num_features), np.float32)
        self._values = np.zeros((0, num_rows, num_outputs), np.float32)

    def take(self, outcome: Outcome) -> None:
        """Keep the rows of an outcome whose series have a ring."""
        if not len(outcome.series):
            return
        with self._lock:
            self._make_rings(outcome.series)
            rings = self._ring_of[outcome.series]
            order = np.argsort(rings, kind="stable")
            order = order[np.searchsorted(rings[order], 0) :]
            rings = rings[order]
            found, starts, counts = np.unique(
                rings, return_index=True, return_counts=True
            )
            ranks = np.arange(len(rings)) - np.repeat(starts, counts)
            at = rings, (self._count[rings] + ranks) % self._num_rows
            self._time_us[at] = outcome.time_us[order]
            self._readings[at] = outcome.readings[order]
            self._values[at] = outcome.values[order]
            self._count[found] += counts

    def look_at(self, series: int) -> None:
        """Give a series a ring, that of the one looked at least lately where all are used."""
        with self._lock:
            self._reach(series)
            ring = int(self._ring_of[series])
            if ring < 0:
                if self._num_used < self.max_series:
                    ring = self._num_used
                    self._num_used += 1
                    self._allocate(self._num_used)
                else:
                    ring = int(np.argmin(self._looked_at))
                    self._ring_of[self._series_of[ring]] = -1
                self._give(ring, series)
            self._looked_at[ring] = time.monotonic()

    def since(self, position: Position, num_rows: int = NUM_ROWS) -> Past | None:
        """Rows after a position, at most the newest `num_rows`; None where none are new."""
        with self._lock:
            if position.series >= len(self._ring_of):
                return None
            ring = int(self._ring_of[position.series])
            if ring < 0:
                return None
            use, count = int(self._use[ring]), int(self._count[ring])
            missed = count - position.count if use == position.use else count
            is_whole = use != position.use or missed > self._num_rows
            if not missed:
                return None
            number = min(missed, self._num_rows, num_rows)
            at = ring, np.arange(count - number, count) % self._num_rows
            end = Position(position.series, use, count)
            return Past(
                is_whole, self._time_us[at], self._readings[at], self._values[at], end
            )

    def _make_rings(self, series: NDArray[np.int32]) -> None:
        self._reach(int(series.max()))
        if self._num_used == self.max_series:
            return
        new = np.unique(series[self._ring_of[series] < 0])
        new = new[: self.max_series - self._num_used]
        if len(new):
            first = self._num_used
            self._num_used += len(new)
            self._allocate(self._num_used)
            for ring, number in enumerate(new.tolist(), first):
                self._give(ring, number)

    def _give(self, ring: int, series: int) -> None:
        self._ring_of[series] = ring
        self._series_of[ring] = series
        self._count[ring] = 0
        self._use[ring] += 1

    def _reach(self, series: int) -> None:
        """Make the table of rings long enough for a series."""
        if series >= len(self._ring_of):
            more = max(series + 1, 2 * len(self._ring_of)) - len(self._ring_of)
            self._ring_of = np.pad(self._ring_of, (0, more), constant_values=-1)

    def _allocate(self, num_rings: int) -> None:
        """Memory for so many rings, doubled as they come."""
        old = len(self._time_us)
        if num_rings > old:
            size = min(self.max_series, max(_FEWEST_SERIES, num_rings, 2 * old))
            more = (0, size - old)
            self._time_us = np.pad(self._time_us, (more, (0, 0)))
            self._readings = np.pad(self._readings, (more, (0, 0), (0, 0)))
            self._values = np.pad(self._values, (more, (0, 0), (0, 0)))
