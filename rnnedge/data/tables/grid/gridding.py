"""Series of rows onto one time grid: what `load_dataset` does with times and readings."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnedge.data.series import Series
from rnnedge_runtime.errors import DataError
from rnnedge_runtime.tables.durations import duration_text, parse_duration
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.rows.resampling import (
    Resampling,
    bin_values,
    parse_resampling,
)
from rnnedge_runtime.tables.time_grid import MAX_HOLE, MIN_GAP_PERIODS

from .period import find_period
from .timeline import SeriesRows, place, time_order

DEFAULT_GAP_PERIODS = 24
DEFAULT_GAP_S = 3600.0
MOST_GAP_PERIODS = 3600
"""A hole of 24 periods, or of one hour where that is no more than 3,600, is filled."""


@dataclass(frozen=True, eq=False)
class ReadSeries(SeriesRows):
    """The rows of one series as they are in their table.

    Attributes:
        name: of the series.
        values: `[N, C]` readings.
    """

    name: str
    values: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Gridded:
    """Series on a common grid.

    Attributes:
        series: the stretches of all series, in order.
        sample_period_s: time between slots; None for single rows.
        max_gap_s: longest hole, in seconds, that was filled; None without a period.
        notes: what was mended.
    """

    series: tuple[Series, ...]
    sample_period_s: float | None
    max_gap_s: float | None
    notes: tuple[str, ...]


def grid_series(
    all_series: Sequence[ReadSeries],
    options: TableOptions | None = None,
    max_gap_s: float | None = None,
) -> Gridded:
    """Sort, resample where asked, find the period, and put every row into its slot.

    Args:
        max_gap_s: longest hole that is filled where `options` do not say and it suits the
            period; None: 24 periods.

    Raises:
        DataError: times go backwards, have no regular period, or an option does not fit.
    """
    options = options or TableOptions()
    resampling = None
    if options.resample is not None:
        resampling = parse_resampling(options.resample)
    notes: list[str] = []
    ordered = []
    for series in all_series:
        series, found = _in_order(series, sort=options.sort)
        notes += found
        if resampling is not None:
            series, found = _resampled(series, resampling)
            notes += found
        ordered.append(series)
    if resampling is not None:
        period_s: float | None = resampling.period_us / 1e6
    else:
        period_s = find_period(ordered)
    if options.max_gap is not None or not _suits(max_gap_s, period_s):
        max_gap_s = _max_gap(options.max_gap, period_s)
    built = []
    for series in ordered:
        placed, found = _placed(series, period_s, max_gap_s, resampling)
        built += placed
        notes += found
    return Gridded(tuple(built), period_s, max_gap_s, tuple(notes))


def _in_order(series: ReadSeries, *, sort: bool) -> tuple[ReadSeries, Sequence[str]]:
    order, notes = time_order(series, sort=sort)
    if order is None:
        return series, notes
    return dataclasses.replace(
        series,
        rows=series.rows[order],
        time_us=series.time_us[order],
        values=series.values[order],
    ), notes


def _resampled(
    series: ReadSeries, resampling: Resampling
) -> tuple[ReadSeries, Sequence[str]]:
    first, time_us, values = resample(series.time_us, series.values, resampling)
    way = "last, held where none is new" if resampling.how == "last" else resampling.how
    note = (
        f"{series.where}: {len(series.values):,} rows resampled to {len(values):,}, "
        f"{duration_text(resampling.period_us / 1e6)} apart, by their {way}."
    )
    return dataclasses.replace(
        series, rows=series.rows[first], time_us=time_us, values=values
    ), (note,)


def resample(
    time_us: NDArray[np.int64], values: NDArray[np.float32], resampling: Resampling
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """The bins that hold a row.

    Args:
        time_us: `[N]` ascending, at least one.
        values: `[N, C]` readings, NaN where missing.

    Returns:
        `[K]` position of the first row of each bin, `[K]` time of its end in microseconds,
        `[K, C]` values, NaN where a column has no reading in the bin.
    """
    ends = resampling.end_us(time_us)
    first = np.flatnonzero(np.diff(ends, prepend=ends[0] - 1))
    return first, ends[first], bin_values(values, first, resampling.how)


def _suits(max_gap_s: float | None, period_s: float | None) -> bool:
    if max_gap_s is None or period_s is None:
        return False
    return MIN_GAP_PERIODS * period_s < max_gap_s <= MAX_HOLE * period_s


def _max_gap(text: str | None, period_s: float | None) -> float | None:
    if text is not None:
        max_gap_s = parse_duration(text, option="--max-gap") / 1e6
    elif period_s is not None:
        longest = min(DEFAULT_GAP_S, MOST_GAP_PERIODS * period_s)
        return max(DEFAULT_GAP_PERIODS * period_s, longest)
    if period_s is None:
        return None
    if not _suits(max_gap_s, period_s):
        fault = (
            f"would start anew at every late row, as the period is "
            f"{duration_text(period_s)}"
            if max_gap_s <= MIN_GAP_PERIODS * period_s
            else f"could fill one hole with more than {MAX_HOLE:,} rows of "
            f"{duration_text(period_s)}"
        )
        raise DataError(
            f"--max-gap {text}: this {fault}. Choose a length of time above "
            f"{duration_text(MIN_GAP_PERIODS * period_s)} and up to "
            f"{duration_text(MAX_HOLE * period_s)}."
        )
    return max_gap_s


def _placed(
    series: ReadSeries,
    period_s: float | None,
    max_gap_s: float | None,
    resampling: Resampling | None,
) -> tuple[list[Series], Sequence[str]]:
    """The stretches of a series; they are views of one grid."""
    spot = place(series, period_s or 1.0, max_gap_s)
    num_slots = len(spot.time_us)
    values, is_reading = series.values, np.ones(num_slots, dtype=np.bool_)
    if not len(spot.slots) == num_slots == len(values):
        values = np.full((num_slots, values.shape[1]), np.nan, dtype=np.float32)
        values[spot.slots] = series.values[spot.kept]
        is_reading = np.zeros(num_slots, dtype=np.bool_)
        is_reading[spot.slots] = True
    stops = np.append(spot.starts[1:], num_slots)
    found = [
        Series(
            series.name,
            spot.time_us[start:stop],
            values[start:stop],
            is_reading[start:stop],
            stretch=number,
        )
        for number, (start, stop) in enumerate(zip(spot.starts, stops, strict=True))
    ]
    if resampling is not None and resampling.how == "last":
        assert period_s is not None
        limit = int((max_gap_s or 0.0) // period_s)
        found = [_fill_held(one, limit) for one in found]
    return found, spot.notes


def _fill_held(series: Series, limit: int) -> Series:
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
