"""The forecasts that a batch brings, gathered into its outcome."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..nouns import Batch, Outcome


class Answers:
    """Forecasts of a batch, and of readings that waited for it.

    Those of the batch come out in the order of its rows. With some that waited they come out
    as they were stepped: of one series always in the order of time.

    Args:
        batch: what came.
        output_size: values of a forecast.
    """

    def __init__(self, batch: Batch, output_size: int) -> None:
        self._batch = batch
        self._output_size = output_size
        self._parts: list[tuple[Batch, NDArray[Any], NDArray[np.float32]]] = []

    def add(
        self, batch: Batch, rows: NDArray[Any], forecasts: NDArray[np.float32]
    ) -> None:
        """Forecasts `[m, O]` of the batch, or of one made of those that waited.

        Args:
            batch: that holds the readings.
            rows: `[m]` of it, where it is the batch; otherwise `[m]` of the batch, -1 where
                the reading came earlier, and the readings are those of `batch` in order.
            forecasts: of them.
        """
        if len(rows):
            self._parts.append((batch, rows, forecasts))

    def outcome(self, sequence: int) -> Outcome:
        """The whole of it."""
        batch = self._batch
        if any(part is not batch for part, _, _ in self._parts):
            return self._as_stepped(sequence)
        size = len(batch.series)
        values = np.empty((size, self._output_size), dtype=np.float32)
        is_answered = np.zeros(size, dtype=np.bool_)
        for _, rows, forecasts in self._parts:
            values[rows] = forecasts
            is_answered[rows] = True
        rows = np.flatnonzero(is_answered)
        chosen: Any = slice(None) if len(rows) == size else rows
        return Outcome(
            sequence=sequence,
            now_us=batch.now_us,
            series=batch.series[chosen],
            time_us=batch.time_us[chosen],
            readings=batch.values[chosen],
            values=values[chosen],
            rows=rows.astype(np.int32),
            origins=batch.origins,
        )

    def _as_stepped(self, sequence: int) -> Outcome:
        columns = [
            (part.series[rows], part.time_us[rows], part.values[rows])
            if part is self._batch
            else (part.series, part.time_us, part.values)
            for part, rows, _ in self._parts
        ]
        series, time_us, readings = (
            np.concatenate(column) for column in zip(*columns, strict=True)
        )
        return Outcome(
            sequence=sequence,
            now_us=self._batch.now_us,
            series=series,
            time_us=time_us,
            readings=readings,
            values=np.concatenate([forecasts for _, _, forecasts in self._parts]),
            rows=np.concatenate([rows for _, rows, _ in self._parts]).astype(np.int32),
            origins=self._batch.origins,
        )
