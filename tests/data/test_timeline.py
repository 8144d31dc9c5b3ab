from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnedge.data.tables.period import find_period
from rnnedge.data.tables.timeline import SeriesRows, place, row_list
from rnnedge_runtime.errors import DataError


def rows(time_us: np.ndarray) -> SeriesRows:
    time_us = np.asarray(time_us, dtype=np.int64)
    return SeriesRows("a.csv", np.arange(1, len(time_us) + 1), time_us)


def is_whole(series: SeriesRows, period_s: float) -> bool:
    """Whether every row has its own slot and no slot is missing."""
    spot = place(series, period_s)
    return np.array_equal(spot.slots, np.arange(len(series.rows)))


@given(
    st.sampled_from((1_000, 20_000, 1_000_000, 600_000_000, 3_600_000_000)),
    st.lists(st.integers(1, 3), min_size=1, max_size=30),
    st.integers(-(10**15), 10**15),
)
def test_the_period_of_regular_rows_with_holes(
    period_us: int, steps: list[int], start_us: int
) -> None:
    usual = np.arange(len(steps) + 2)
    slots = np.concatenate([usual, usual[-1] + np.cumsum(steps)])
    series = rows(start_us + period_us * slots)
    period_s = find_period([series])
    assert period_s == period_us / 1e6
    assert np.array_equal(place(series, period_s).slots, slots)


def test_rows_at_60_hz_in_whole_milliseconds() -> None:
    series = rows(np.arange(20_000) * 1000 // 60 * 1000)
    period_s = find_period([series])
    assert period_s is not None
    assert abs(period_s * 60 - 1) < 1e-3
    assert is_whole(series, period_s)


def test_months_are_regular() -> None:
    months = np.arange("1990-01", "2020-01", dtype="datetime64[M]")
    series = rows(months.astype("datetime64[us]").astype(np.int64))
    period_s = find_period([series])
    assert period_s is not None
    assert is_whole(series, period_s)


def test_jitter_around_a_second_gives_a_second(rng: np.random.Generator) -> None:
    jitter = rng.normal(0, 50_000, 5000).clip(-200_000, 200_000)
    jitter[0] = 0
    series = rows(np.arange(5000) * 1_000_000 + jitter.astype(np.int64))
    assert find_period([series]) == 1.0
    assert is_whole(series, 1.0)


def test_single_rows_have_no_period() -> None:
    assert find_period([rows([5]), rows([7])]) is None
    assert place(rows([5_000_000]), 1.0).time_us.tolist() == [5_000_000]


def test_a_drifting_clock_loses_no_slot() -> None:
    """A clock that is slow by 1 in 100 against the usual period is followed."""
    usual = np.arange(300) * 60_000_000
    slow = 299 * 60_000_000 + np.arange(1, 201) * 60_600_000
    assert is_whole(rows(np.concatenate([usual, slow])), 60.0)


def test_too_many_repeated_times() -> None:
    with pytest.raises(DataError, match="50 of 100 rows repeat the time before them"):
        find_period([rows(np.arange(50).repeat(2) * 1_000_000)])


def test_long_lists_of_rows_are_cut() -> None:
    assert row_list(np.arange(1, 2)) == "row 1"
    assert row_list(np.arange(1, 6)) == "rows 1, 2, 3, 4, 5"
    assert row_list(np.arange(1, 1007)) == "rows 1, 2, 3, 4, 5 and 1,001 more"
