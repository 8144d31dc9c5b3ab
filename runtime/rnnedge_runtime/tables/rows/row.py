"""One line of a table, as a model takes it, and those that a saved state holds already."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
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


class KnownRows:
    """Passes over the rows of each series up to the last one of a saved state.

    Args:
        last_us: time of that row by series.
        is_at_hand: the table is given again from its start, so a row of the same time is
            known as well; of a pipe it is a new row in the same slot.

    Attributes:
        count: rows that were passed over.
    """

    def __init__(self, last_us: Mapping[str, int], *, is_at_hand: bool) -> None:
        self.count = 0
        self._last_us = dict(last_us)
        self._is_at_hand = is_at_hand

    def new_rows(
        self, rows: Iterable[Row], skip: Callable[[int, int], int] | None = None
    ) -> Iterator[Row]:
        """The rows from the first newer one of each series on.

        Args:
            skip: passes over rows of a single series behind one on a line, none of them
                newer than a time; how many.
        """
        for row in rows:
            name = row.series or ""
            last_us = self._last_us.get(name)
            if last_us is None or row.time_us is None:
                yield row
            elif row.time_us < last_us or (self._is_at_hand and row.time_us == last_us):
                self.count += not row.is_held_out
                if skip is not None and self._is_at_hand:
                    self.count += skip(row.line, last_us)
            else:
                del self._last_us[name]
                yield row
