"""Rows without a regular period onto one: bins that end at whole periods since 1970 UTC.

A bin is stamped with its end and holds the readings after the end of the bin before, up to
and with its own end: nothing of it is newer than its stamp.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ..durations import parse_duration
from ..timestamps import time_text

if TYPE_CHECKING:
    from .row import Row

WAYS = ("mean", "last", "max")


@dataclass(frozen=True, slots=True)
class Resampling:
    """What `--resample` says.

    Attributes:
        period_us: length of a bin in microseconds.
        how: `mean`, `last` or `max` of the readings of a bin.
    """

    period_us: int
    how: str

    def end_us(self, time_us: int) -> int:
        """End of the bin of a time."""
        return -(-time_us // self.period_us) * self.period_us


def parse_resampling(text: str) -> Resampling:
    """The meaning of `PERIOD[:mean|last|max]`; without a way the mean.

    Raises:
        DataError: the period is no length of time, or there is no such way.
    """
    period, _, how = text.partition(":")
    how = how.strip() or "mean"
    if how not in WAYS:
        raise DataError(
            f"--resample '{text}': '{how}' is no way to resample, expected one of "
            f"{', '.join(WAYS)}. Write it as 10min:mean."
        )
    return Resampling(parse_duration(period, option="--resample"), how)


@dataclass(slots=True)
class _Bin:
    first: Row
    end_us: int
    readings: list[NDArray[np.float32]]


def resampled_rows(
    rows: Iterable[Row], resampling: Resampling, *, where: str
) -> Iterator[Row]:
    """One row for each bin that holds a row, as soon as a later row shows its end.

    Rows of one series must be in the order of time; each series has its own bins.

    Raises:
        DataError: the rows carry no time.
    """
    bins: dict[str | None, _Bin] = {}
    for row in rows:
        if row.time_us is None:
            raise DataError(
                f"{where}: no time column is found, but --resample needs the times of the "
                "rows. Name it (--time), or leave --resample out."
            )
        end_us = resampling.end_us(row.time_us)
        current = bins.get(row.series)
        if current is not None and end_us == current.end_us:
            current.readings.append(row.readings)
            continue
        if current is not None:
            yield _row_of(current, resampling.how)
        bins[row.series] = _Bin(row, end_us, [row.readings])
    for current in bins.values():
        yield _row_of(current, resampling.how)


def _row_of(current: _Bin, how: str) -> Row:
    values = np.stack(current.readings)
    is_known = ~np.isnan(values)
    last = len(values) - 1 - np.argmax(is_known[::-1], axis=0)
    if how == "last":
        found = values[last, np.arange(values.shape[1])]
    elif how == "max":
        found = np.fmax.reduce(values, axis=0)
    else:
        # One after another, as training adds them; `sum` adds some in pairs.
        known = np.where(is_known, values, 0.0)
        total = np.cumsum(known, axis=0, dtype=np.float64)[-1]
        found = total / np.maximum(is_known.sum(axis=0), 1)
    readings = np.where(is_known.any(axis=0), found, np.nan).astype(np.float32)
    first = current.first
    return type(first)(
        first.number, time_text(current.end_us), current.end_us, readings, first.series
    )
