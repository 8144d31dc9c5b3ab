"""Rows without a regular period onto one: the mean, last or largest reading of each bin.

A bin ends at a whole number of periods since 1970 UTC and is stamped with its end. It holds
the readings after the end of the bin before, up to and with its own end: nothing of it is
newer than its stamp.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from rnnedge.data.series import Series
from rnnedge_runtime.tables.rows.resampling import Resampling


def resample(
    time_us: NDArray[np.int64], values: NDArray[np.float32], resampling: Resampling
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """The bins that hold a row.

    Args:
        time_us: `[N]` ascending, at least one.
        values: `[N, C]` readings, NaN where missing.
        resampling: length of the bins, and what of their readings is taken.

    Returns:
        `[K]` position of the first row of each bin, `[K]` time of its end in microseconds,
        `[K, C]` values, NaN where a column has no reading in the bin.
    """
    ends = -(-time_us // resampling.period_us) * resampling.period_us
    first = np.flatnonzero(np.diff(ends, prepend=ends[0] - 1))
    binned = np.empty((len(first), values.shape[1]), dtype=np.float32)
    for column in range(values.shape[1]):
        binned[:, column] = _bin_values(values[:, column], first, resampling.how)
    return first, ends[first], binned


def _bin_values(
    values: NDArray[np.float32], first: NDArray[np.int64], how: str
) -> NDArray[np.float32]:
    """`[K]` value of each bin, the bins starting at positions `first`."""
    is_known = ~np.isnan(values)
    if how == "max":
        return np.fmax.reduceat(values, first)
    if how == "last":
        last = np.where(is_known, np.arange(len(values)), -1)
        last = np.maximum.reduceat(last, first)
        return np.where(last >= 0, values[last], np.float32(np.nan))
    of_row = np.zeros(len(values), dtype=np.int64)
    of_row[first[1:]] = 1
    of_row = np.cumsum(of_row)[is_known]
    number = np.bincount(of_row, minlength=len(first))
    # One after another in double precision, as the device adds them.
    total = np.bincount(of_row, weights=values[is_known], minlength=len(first))
    return np.where(number, total / np.maximum(number, 1), np.nan).astype(np.float32)


def fill_held(series: Series, limit: int) -> Series:
    """A stretch whose columns hold their last reading for up to `limit` slots.

    A slot in which a column has a value, held or read, counts as a reading: on change,
    no news says that nothing changed.
    """
    values = series.values.copy()
    slots = np.arange(len(values))
    for column in range(values.shape[1]):
        last = np.where(np.isnan(values[:, column]), -1, slots)
        np.maximum.accumulate(last, out=last)
        is_held = (last >= 0) & (slots - last <= limit)
        values[is_held, column] = values[last[is_held], column]
    is_reading = series.is_reading | ~np.isnan(values).all(axis=1)
    return dataclasses.replace(series, values=values, is_reading=is_reading)
