"""The sampling period is found where there is one, and refused where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnedge.data.tables.grid.period import find_period
from rnnedge.data.tables.grid.timeline import SeriesRows, place
from rnnedge_runtime.errors import DataError

SECOND = 1_000_000
K = np.arange(3000)


def rows(time_us: np.ndarray, where: str = "a.csv") -> SeriesRows:
    time_us = np.asarray(time_us).astype(np.int64)
    return SeriesRows(where, np.arange(1, len(time_us) + 1), time_us)


def is_whole(time_us: np.ndarray, period_s: float) -> bool:
    """Whether every row has its own slot and no slot is missing."""
    return np.array_equal(place(rows(time_us), period_s).slots, np.arange(len(time_us)))


def dates(first: str, last: str, unit: str) -> np.ndarray:
    days = np.arange(first, last, dtype=f"datetime64[{unit}]")
    return days.astype("datetime64[us]").astype(np.int64)


@given(
    st.sampled_from((100, 1_000, 20_000, 1_000_000, 600_000_000, 3_600_000_000)),
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


@pytest.mark.parametrize(
    ("time_us", "expected"),
    [
        pytest.param(K * 1000 // 60 * 1000, 1 / 60, id="60 Hz in milliseconds"),
        pytest.param(np.floor(K * 1e6 / 44_100), 1 / 44_100, id="44.1 kHz"),
        pytest.param(np.floor(K * 60.4) * SECOND, 60.4, id="60.4 s in seconds"),
        pytest.param(np.floor(K * 1.5) * SECOND, 1.5, id="1.5 s in seconds"),
        pytest.param(np.rint(K * 60.01) * SECOND, 60.0, id="drift in seconds"),
        pytest.param(K * 60.01 * SECOND, 60.01, id="drift"),
        pytest.param(dates("1990-01", "2020-01", "M"), 2_629_560.0, id="months"),
        pytest.param(dates("1700", "2020", "Y"), 31_536_000.0, id="years"),
    ],
)
def test_stamps_that_are_not_quite_regular(
    time_us: np.ndarray, expected: float
) -> None:
    period_s = find_period([rows(time_us)])
    assert period_s is not None
    assert abs(period_s / expected - 1) < 1e-3
    assert is_whole(time_us, period_s)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.1])
@pytest.mark.parametrize("period_s", [1.0, 0.02, 3600.0])
def test_jitter_is_rounded_away(
    period_s: float, share: float, rng: np.random.Generator
) -> None:
    time_us = (K + rng.normal(0, share, len(K))) * period_s * 1e6
    assert find_period([rows(time_us)]) == period_s
    assert is_whole(time_us, period_s)


def test_weekends_are_missing_rows() -> None:
    days = dates("2018-01-01", "2020-01-01", "D")
    is_open = (days // (86_400 * SECOND) + 3) % 7 < 5
    period_s = find_period([rows(days[is_open])])
    assert period_s == 86_400
    spot = place(rows(days[is_open]), period_s, 24 * period_s)
    assert len(spot.starts) == 1
    assert len(spot.kept) == is_open.sum()


def test_a_logger_restarted_at_another_phase(rng: np.random.Generator) -> None:
    """Its steps are a minute, but for one of a minute and a half and some of 60 +- 2 s."""
    after = (90 + 60 * np.arange(3900)) * SECOND
    after[-100:] += rng.integers(-2, 3, 100) * SECOND
    time_us = np.concatenate([60 * SECOND * np.arange(1000), 999 * 60 * SECOND + after])
    assert find_period([rows(time_us)]) == 60
    spot = place(rows(time_us), 60.0)
    assert len(spot.kept) == 4900
    assert len(spot.time_us) <= 4901


def test_single_rows_have_no_period() -> None:
    assert find_period([rows([5]), rows([7])]) is None


@pytest.mark.parametrize("name", ["exponential", "on change", "any length"])
def test_rows_without_a_period(name: str, rng: np.random.Generator) -> None:
    steps = {
        "exponential": rng.exponential(3600, 1000),
        "on change": rng.geometric(0.05, 1000).astype(float),
        "any length": rng.uniform(1, 10, 1000),
    }[name]
    with pytest.raises(
        DataError, match=r"^a\.csv: the rows have no regular.*--resample"
    ):
        find_period([rows(np.cumsum(steps) * 1e6)])


def test_a_series_of_another_period_is_named() -> None:
    minutes = rows(K[:200] * 60 * SECOND, "a.csv, series 'A'")
    slow = rows(K[:50] * 600 * SECOND, "a.csv, series 'B'")
    with pytest.raises(
        DataError,
        match=r"series 'B': its rows are 10 min apart, those of most others 1 min.*"
        "--resample 10min",
    ):
        find_period([minutes, slow])
    assert find_period([minutes, rows([0, 600 * SECOND])]) == 60


def test_too_many_repeated_times() -> None:
    with pytest.raises(DataError, match="50 of 100 rows repeat the time before them"):
        find_period([rows(np.arange(50).repeat(2) * SECOND)])
