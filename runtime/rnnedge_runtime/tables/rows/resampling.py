"""Rows without a regular period onto one: bins that end at whole periods since 1970 UTC.

A bin is stamped with its end and holds the readings after the end of the bin before, up to
and with its own end: nothing of it is newer than its stamp.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ..durations import parse_duration
from ..timestamps import time_text
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

    def end_us(self, time_us: Any) -> Any:
        """End of the bin of a time, or of each of an array of times."""
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


def resampled_rows(
    rows: Iterable[Row], resampling: Resampling, *, where: str
) -> Iterator[Row]:
    """One row for each bin that holds a row, as soon as a later row shows its end.

    Rows of one series must be in the order of time; each series has its own bins.

    Raises:
        DataError: the rows carry no time.
    """
    bins: dict[str | None, tuple[int, list[Row]]] = {}
    for row in rows:
        if row.time_us is None:
            raise DataError(
                f"{where}: no time column is found, but --resample needs the times of the "
                "rows. Name it (--time), or leave --resample out."
            )
        end_us = resampling.end_us(row.time_us)
        current = bins.get(row.series)
        if current is not None and end_us == current[0]:
            current[1].append(row)
            continue
        if current is not None:
            yield _row_of(*current, resampling.how)
        bins[row.series] = (end_us, [row])
    for current in bins.values():
        yield _row_of(*current, resampling.how)


def _row_of(end_us: int, rows: list[Row], how: str) -> Row:
    values = np.stack([row.readings for row in rows])
    readings = bin_values(values, np.zeros(1, dtype=np.int64), how)[0]
    first = rows[0]
    return Row(first.number, time_text(end_us), end_us, readings, first.series)


def bin_values(
    values: NDArray[np.float32], first: NDArray[np.int64], how: str
) -> NDArray[np.float32]:
    """`[K, C]` values of bins of rows; NaN where a column has no reading in the bin.

    Args:
        values: `[N, C]` readings, NaN where missing.
        first: `[K]` position of the first row of each bin.
        how: `mean`, `last` or `max`.
    """
    if how == "max":
        return np.fmax.reduceat(values, first)
    is_known = ~np.isnan(values)
    if how == "last":
        last = np.where(is_known, np.arange(len(values))[:, None], -1)
        last = np.maximum.reduceat(last, first)
        found = np.take_along_axis(values, last, axis=0)
        return np.where(last >= 0, found, np.float32(np.nan))
    of_row = np.zeros(len(values), dtype=np.int64)
    of_row[first[1:]] = 1
    of_row = np.cumsum(of_row)
    means = np.empty((len(first), values.shape[1]), dtype=np.float32)
    for column, known in enumerate(is_known.T):
        number = np.bincount(of_row[known], minlength=len(first))
        # One after another in double precision, in a stream and in training alike.
        total = np.bincount(
            of_row[known], weights=values[known, column], minlength=len(first)
        )
        means[:, column] = np.where(number, total / np.maximum(number, 1), np.nan)
    return means
