"""One line of a table, as a model takes it."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table.

    Attributes:
        number: counted from 1 after the header; blank lines do not count.
        time: the time cell as it came, None when the table has no time.
        time_us: the same in microseconds since 1970 UTC.
        readings: `[F]` in the order of the features, NaN where missing.
        series: which series it belongs to; None when the table is one series.
        line: where it starts in the text, from 1; 0 where that is not known.
        is_held_out: the line could not be read: a step without readings, not answered.
    """

    number: int
    time: str | int | float | None
    time_us: int | None
    readings: NDArray[np.float32]
    series: str | None = None
    line: int = 0
    is_held_out: bool = False


def row_readings(values: list[float]) -> NDArray[np.float32]:
    """`[F]` numbers as a row holds them: NaN where one is missing or too large."""
    packed = array("f", values)
    readings = np.frombuffer(packed, dtype=np.float32)
    if not isfinite(sum(packed)):
        readings[~np.isfinite(readings)] = np.nan
    return readings
