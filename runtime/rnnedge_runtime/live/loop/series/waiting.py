"""Readings that wait for those before them, or for what is missing in them.

A reading waits until it is the next of its series and complete, or until its time to wait is
over; of one series they leave in the order of time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .saved_streams import WaitingReadings, none_waiting


@dataclass(slots=True, eq=False)
class Pending:
    """A reading that waits; `row` of the batch that it came with, -1 for an earlier one."""

    series: int
    time_us: int
    received_us: int
    values: NDArray[np.float32]
    row: int
    is_out: bool = False


class WaitingRoom:
    """The readings that wait, of all series.

    Args:
        wait_us: how long one waits.
        join_us: two readings of a series that are less apart are of one slot.
        num_features: values of a reading.
    """

    def __init__(self, wait_us: int, join_us: float, num_features: int) -> None:
        self._wait_us, self._join_us = wait_us, join_us
        self._num_features = num_features
        self._by_series: dict[int, list[Pending]] = {}
        self._receipts: deque[Pending] = deque()

    def __len__(self) -> int:
        return sum(map(len, self._by_series.values()))

    def __contains__(self, series: int) -> bool:
        return series in self._by_series

    def add(self, reading: Pending) -> bool | None:
        """Take a reading; whether it was joined to one of its slot, None if it adds nothing."""
        found = self._by_series.setdefault(reading.series, [])
        at = bisect_left(found, reading.time_us, key=lambda item: item.time_us)
        near = min(
            found[max(at - 1, 0) : at + 1],
            key=lambda item: abs(item.time_us - reading.time_us),
            default=None,
        )
        if near is not None:
            apart = abs(near.time_us - reading.time_us)
            if apart == 0 or apart < self._join_us:
                return True if self._join(near, reading) else None
        found.insert(at, reading)
        self._receipts.append(reading)
        return False

    def _join(self, near: Pending, reading: Pending) -> bool:
        adds = ~np.isfinite(near.values) & np.isfinite(reading.values)
        if not adds.any():
            return False
        near.values = np.where(adds, reading.values, near.values)
        near.time_us = min(near.time_us, reading.time_us)
        near.row = reading.row
        return True

    def heads(self, series: Iterable[int]) -> list[Pending]:
        """The oldest of each series that has any."""
        return [self._by_series[k][0] for k in series if k in self._by_series]

    def take_out(self, readings: Iterable[Pending]) -> None:
        """Readings, each the oldest of its series, that wait no more."""
        for reading in readings:
            reading.is_out = True
            left = self._by_series[reading.series]
            del left[0]
            if not left:
                del self._by_series[reading.series]
        while self._receipts and self._receipts[0].is_out:
            self._receipts.popleft()

    def due(self, now_us: int) -> dict[int, int]:
        """By series, the time up to which its readings have waited long enough.

        One that waited so long does not stay behind an older one of its series.
        """
        if (
            self._receipts and self._receipts[-1].received_us > now_us
        ):  # a clock set back
            for reading in self._receipts:
                reading.received_us = min(reading.received_us, now_us)
        found: dict[int, int] = {}
        for reading in self._receipts:
            if reading.received_us + self._wait_us > now_us:
                break
            if not reading.is_out:
                latest = found.get(reading.series, reading.time_us)
                found[reading.series] = max(latest, reading.time_us)
        return found

    def due_us(self) -> int | None:
        """When the next one has waited long enough."""
        if not self._receipts:
            return None
        return self._receipts[0].received_us + self._wait_us

    def forget_rows(self) -> None:
        """The batch is done: all came with an earlier one."""
        for reading in reversed(self._receipts):
            if reading.row < 0 and not reading.is_out:
                break
            reading.row = -1

    def saved(self) -> WaitingReadings:
        """All of them."""
        left = [item for item in self._receipts if not item.is_out]
        if not left:
            return none_waiting(self._num_features)
        return WaitingReadings(
            np.array([item.series for item in left], dtype=np.int32),
            np.array([item.time_us for item in left], dtype=np.int64),
            np.array([item.received_us for item in left], dtype=np.int64),
            np.stack([item.values for item in left]),
        )

    def set_saved(self, saved: WaitingReadings) -> None:
        """Those of a saved state instead."""
        self._by_series.clear()
        self._receipts.clear()
        columns = (saved.series, saved.time_us, saved.received_us)
        lists = (column.tolist() for column in columns)
        for series, time_us, received_us, values in zip(
            *lists, saved.values, strict=True
        ):
            reading = Pending(series, time_us, received_us, values, -1)
            found = self._by_series.setdefault(reading.series, [])
            at = bisect_left(found, reading.time_us, key=lambda item: item.time_us)
            found.insert(at, reading)
            self._receipts.append(reading)
