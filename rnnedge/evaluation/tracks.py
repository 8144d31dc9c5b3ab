"""The last rows of a streamed table, kept for a picture."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.tables.rows.row import Row

Array = NDArray[np.float32]

ROWS_KEPT = 240
"""Rows of each series that a picture shows."""


@dataclass(frozen=True, eq=False)
class Track:
    """The last K rows of one series.

    Attributes:
        name: of the series, "" where there is one.
        rows: `[K]` row numbers, counted from 1.
        times_us: `[K]` microseconds since 1970 UTC; None without a time.
        readings: `[K, F]` as they came, NaN where missing.
        forecasts: `[K, O]` made at these rows, NaN where there was none.
    """

    name: str
    rows: NDArray[np.int64]
    times_us: NDArray[np.int64] | None
    readings: Array
    forecasts: Array


class Recorder:
    """Keeps the last rows of every series and the forecasts made at them."""

    def __init__(self, output_size: int) -> None:
        self._kept: dict[str, deque[tuple[Row, Array]]] = {}
        self._none = np.full(output_size, np.nan, dtype=np.float32)

    def add(self, row: Row, forecast: Array | None) -> None:
        """Keep a row and its forecast."""
        name = row.series or ""
        kept = self._kept.get(name)
        if kept is None:
            kept = self._kept[name] = deque(maxlen=ROWS_KEPT)
        kept.append((row, self._none if forecast is None else forecast))

    def tracks(self) -> list[Track]:
        """One Track per series, in the order of their first rows."""
        return [_track(name, list(kept)) for name, kept in self._kept.items()]


def _track(name: str, kept: list[tuple[Row, Array]]) -> Track:
    times = [row.time_us for row, _ in kept]
    known = [time_us for time_us in times if time_us is not None]
    return Track(
        name,
        np.array([row.number for row, _ in kept], dtype=np.int64),
        np.array(known, dtype=np.int64) if len(known) == len(times) else None,
        np.stack([row.readings for row, _ in kept]),
        np.stack([forecast for _, forecast in kept]),
    )
