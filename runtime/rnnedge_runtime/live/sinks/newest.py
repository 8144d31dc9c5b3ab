"""The newest reading and forecast of every series, for those who ask when they like."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..loop.nouns import Outcome

NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Rows:
    """The newest of some series.

    Attributes:
        series: `[n]` int64, their numbers.
        time_us: `[n]` int64, of the reading; `NEVER` for a series without a forecast.
        received_us: `[n]` int64, when it was received.
        readings: `[n, F]` float32.
        values: `[n, O]` float32 forecasts.
    """

    series: NDArray[np.int64]
    time_us: NDArray[np.int64]
    received_us: NDArray[np.int64]
    readings: NDArray[np.float32]
    values: NDArray[np.float32]


class Newest:
    """One row a series, by its number; the loop writes, any thread reads.

    Args:
        num_features: F, values of a reading.
        num_outputs: O, values of a forecast.
    """

    def __init__(self, num_features: int, num_outputs: int) -> None:
        self._lock = threading.Lock()
        self._size = 0
        self._time_us = np.empty(0, np.int64)
        self._received_us = np.empty(0, np.int64)
        self._readings = np.empty((0, num_features), np.float32)
        self._values = np.empty((0, num_outputs), np.float32)

    def __len__(self) -> int:
        """Series that have a number up to the highest that had a forecast."""
        return self._size

    def take(self, outcome: Outcome) -> None:
        """Keep what is newer than what is here."""
        if not len(outcome.series):
            return
        with self._lock:
            self._grow(int(outcome.series.max()) + 1)
            is_new = outcome.time_us >= self._time_us[outcome.series]
            rows = slice(None) if is_new.all() else np.flatnonzero(is_new)
            series = outcome.series[rows]
            self._time_us[series] = outcome.time_us[rows]
            self._received_us[series] = outcome.now_us
            self._readings[series] = outcome.readings[rows]
            self._values[series] = outcome.values[rows]

    def rows(self, series: NDArray[np.int64]) -> Rows:
        """A copy of the rows of these series, all of them numbers below `len`."""
        with self._lock:
            return Rows(
                series,
                self._time_us[series],
                self._received_us[series],
                self._readings[series],
                self._values[series],
            )

    def _grow(self, size: int) -> None:
        if size > len(self._time_us):
            more = max(size, 2 * len(self._time_us), 64) - len(self._time_us)
            self._time_us = np.pad(self._time_us, (0, more), constant_values=NEVER)
            self._received_us = np.pad(self._received_us, (0, more))
            self._readings = np.pad(self._readings, ((0, more), (0, 0)))
            self._values = np.pad(self._values, ((0, more), (0, 0)))
        self._size = max(self._size, size)
