"""Table options that concern time: the longest gap, sorting, resampling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rnnedge.data.series import Series
from rnnedge.data.tables.grid.gridding import Gridded, ReadSeries, grid_series
from rnnedge_runtime.errors import DataError
from rnnedge_runtime.tables.options import TableOptions

SECOND = 1_000_000


def read(seconds: Any, name: str = "a") -> ReadSeries:
    time_us = np.rint(np.asarray(seconds) * 1e6).astype(np.int64)
    rows = np.arange(1, len(time_us) + 1)
    values = np.arange(2 * len(time_us), dtype=np.float32).reshape(-1, 2)
    return ReadSeries(f"{name}.csv", rows, time_us, name, values)


def grid(*all_series: ReadSeries, **options: Any) -> Gridded:
    return grid_series(all_series, TableOptions(**options))


def times_of(series: Series) -> list[int]:
    assert series.time_us is not None
    return (series.time_us // SECOND).tolist()


def test_sessions_with_gaps_are_stretches() -> None:
    """Six sessions of 200 rows at 50 Hz, five hours apart, gave 4.5 million rows once."""
    seconds = np.arange(1200) * 0.02 + np.arange(1200) // 200 * 18_000
    found = grid(read(seconds))
    assert found.max_gap_s == 72
    assert [series.stretch for series in found.series] == [0, 1, 2, 3, 4, 5]
    assert {series.name for series in found.series} == {"a"}
    assert [len(series) for series in found.series] == [200] * 6
    assert all(series.is_reading.all() for series in found.series)
    assert "1,200 rows in 6 stretches" in found.notes[0]


@pytest.mark.parametrize(
    ("period_s", "max_gap_s"),
    [(0.02, 72), (1, 3600), (600, 14_400), (86_400, 2_073_600)],
)
def test_the_longest_gap_when_none_is_named(period_s: float, max_gap_s: float) -> None:
    assert grid(read(np.arange(9) * period_s)).max_gap_s == max_gap_s


def test_the_longest_gap_that_is_named() -> None:
    seconds = [0, 60, 120, 180, 420, 480, 781]
    assert [len(s) for s in grid(read(seconds), max_gap="240s").series] == [9, 1]
    assert [len(s) for s in grid(read(seconds), max_gap="239s").series] == [4, 2, 1]
    for gap in ("60s", "90s"):
        with pytest.raises(
            DataError, match=f"--max-gap {gap}: this would start anew at"
        ):
            grid(read(seconds), max_gap=gap)
    with pytest.raises(
        DataError, match=r"--max-gap 3w: .*more than 1,000,000 rows of 1 s"
    ):
        grid(read(np.arange(5)), max_gap="3w")


def test_rows_are_sorted_with_their_readings() -> None:
    found = grid(read([0, 60, 180, 120, 240]), sort=True)
    assert found.series[0].values[:, 0].tolist() == [0, 2, 6, 4, 8]
    assert "sorted by time" in found.notes[0]
    turned = grid(read([180, 120, 60, 0]))
    assert turned.series[0].values[:, 0].tolist() == [6, 4, 2, 0]


def test_rows_in_order_are_not_copied() -> None:
    series = read(np.arange(100) * 60)
    assert np.shares_memory(grid(series).series[0].values, series.values)


def test_readings_on_change_hold_until_the_longest_gap() -> None:
    series = read([1, 30, 61, 400, 1100])
    series.values[2, 1] = np.nan
    found = grid(series, resample="60s:last", max_gap="400s")
    first, second = found.series
    assert found.sample_period_s == 60
    assert times_of(first) == [60, 120, 180, 240, 300, 360, 420]
    assert first.values[:, 0].tolist() == [2, 4, 4, 4, 4, 4, 6]
    assert first.values[:, 1].tolist() == [3, 3, 3, 3, 3, 3, 7]
    assert first.is_reading.all()
    assert times_of(second) == [1140]
    assert "5 rows resampled to 4, 1 min apart, by their last, held" in found.notes[0]


def test_one_column_is_not_held_for_ever() -> None:
    series = read(np.arange(20) * 60)
    series.values[1:, 1] = np.nan
    (found,) = grid(series, resample="60s:last", max_gap="300s").series
    assert found.values[:6, 1].tolist() == [1] * 6
    assert np.isnan(found.values[6:, 1]).all()


def test_empty_bins_of_a_mean_are_missing_rows() -> None:
    (found,) = grid(read([1, 31, 200]), resample="60s").series
    assert times_of(found) == [60, 120, 180, 240]
    assert found.values[[0, 3], 0].tolist() == [1, 4]
    assert found.is_reading.tolist() == [True, False, False, True]


def test_rows_without_a_period_can_be_resampled(rng: np.random.Generator) -> None:
    series = read(np.cumsum(rng.exponential(60, 500)))
    with pytest.raises(DataError, match="--resample"):
        grid(series)
    found = grid(series, resample="5min:mean")
    assert found.sample_period_s == 300
    assert found.max_gap_s == 7200
