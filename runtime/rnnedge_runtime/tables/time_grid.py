"""The regular grid that rows lie on, and what cannot lie on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .timestamps import time_text

MAX_HOLE = 1_000_000
"""Missing slots in a row up to which a jump in time is taken for a hole."""

OFF_GRID_FRACTION = 0.01
"""Part of a period a row may lie beside its slot without being reported."""


@dataclass(frozen=True, slots=True)
class TimeGrid:
    """Regular slots, the first at the first row; slot k is at `start + k * period`.

    Attributes:
        start_us: time of slot 0 in microseconds since 1970 UTC.
        period_s: time between slots in seconds.
    """

    start_us: int
    period_s: float

    def slots(self, time_us: NDArray[np.int64]) -> NDArray[np.int64]:
        """The nearest slot of each time; the later one half way."""
        position = (time_us - self.start_us) / (self.period_s * 1e6)
        return np.floor(position + 0.5).astype(np.int64)

    def times_us(self, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """Times of slots in microseconds."""
        offset = np.rint(slots * (self.period_s * 1e6)).astype(np.int64)
        return np.asarray(offset + self.start_us, dtype=np.int64)

    def unix_seconds(self, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """Times of slots in Unix seconds UTC, rounded down."""
        return np.asarray(self.times_us(slots) // 1_000_000, dtype=np.int64)

    def distance(self, time_us: NDArray[np.int64]) -> NDArray[np.float64]:
        """How far each time lies from its slot, as a part of the period, 0 to 0.5."""
        aside = np.abs(time_us - self.times_us(self.slots(time_us)))
        return np.asarray(aside / (self.period_s * 1e6), dtype=np.float64)


def backwards_error(
    *, where: str, row: int, time_us: int, before_us: int, what_to_do: str
) -> DataError:
    """The error of a row that is older than the one before it."""
    return DataError(
        f"{where}: time goes backwards in row {row}, from {time_text(before_us)} to "
        f"{time_text(time_us)}. {what_to_do}"
    )


def hole_error(*, where: str, row: int, missing: int, period_s: float) -> DataError:
    """The error of a jump in time too long to be a hole."""
    return DataError(
        f"{where}: {missing:,} slots of {period_s:g} s are missing before row {row}, more "
        f"than {MAX_HOLE:,}. Mend the time of this row, or start a new series there."
    )
