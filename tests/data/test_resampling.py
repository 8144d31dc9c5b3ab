"""Readings onto a period of the user's choice: nothing of a bin is newer than its stamp."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnedge.data.tables.grid.gridding import resample
from rnnedge_runtime.errors import DataError
from rnnedge_runtime.tables.durations import duration_text, parse_duration
from rnnedge_runtime.tables.rows.resampling import (
    Resampling,
    parse_resampling,
    resampled_rows,
)
from rnnedge_runtime.tables.rows.row import Row


@st.composite
def readings(draw) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    steps = rng.integers(
        0, draw(st.sampled_from((2, 20, 200))), draw(st.integers(1, 80))
    )
    values = rng.integers(-9, 9, (len(steps), 2)).astype(np.float32)
    values[rng.random(values.shape) < 0.2] = np.nan
    return draw(st.integers(-100, 100)) + np.cumsum(steps), values


@given(readings(), st.sampled_from(("mean", "last", "max")), st.integers(1, 30))
def test_a_bin_holds_the_readings_up_to_its_stamp(
    drawn: tuple[np.ndarray, np.ndarray], how: str, period_us: int
) -> None:
    time_us, values = drawn
    first, ends, binned = resample(time_us, values, Resampling(period_us, how))
    assert np.all(ends % period_us == 0)
    expected = sorted({-(-int(t) // period_us) * period_us for t in time_us})
    assert ends.tolist() == expected
    assert time_us[first].tolist() == [
        int(time_us[(time_us > end - period_us) & (time_us <= end)][0]) for end in ends
    ]
    for end, found in zip(ends, binned, strict=True):
        inside = values[(time_us > end - period_us) & (time_us <= end)]
        for column, value in zip(inside.T, found, strict=True):
            known = column[~np.isnan(column)]
            if not len(known):
                assert np.isnan(value)
                continue
            mean = np.float32(known.astype(np.float64).sum() / len(known))
            assert value == {"mean": mean, "last": known[-1], "max": known.max()}[how]


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(("mean", "last", "max")),
    st.integers(1, 3),
    st.sampled_from((3, 700)),
)
def test_a_device_fills_the_same_bins(
    seed: int, how: str, num_columns: int, rows_a_bin: int
) -> None:
    """To the bit, in bins of a few readings and of hundreds."""
    rng = np.random.default_rng(seed)
    time_us = np.cumsum(rng.integers(0, 2000 // rows_a_bin, 1500))
    values = rng.normal(20, 5, (1500, num_columns)).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = np.nan
    resampling = Resampling(1000, how)
    first, ends, expected = resample(time_us, values, resampling)
    rows = [
        Row(k, "", int(stamp), readings)
        for k, (stamp, readings) in enumerate(zip(time_us, values, strict=True))
    ]
    found = list(resampled_rows(rows, resampling, where="rows"))
    assert [row.time_us for row in found] == ends.tolist()
    assert [row.number for row in found] == first.tolist()
    readings = np.stack([row.readings for row in found])
    assert readings.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("text", "time_us"),
    [
        ("6h", 21_600_000_000),
        ("90s", 90_000_000),
        ("2d", 172_800_000_000),
        ("0.5 ms", 500),
        ("10min", 600_000_000),
        ("100us", 100),
        ("1w", 604_800_000_000),
    ],
)
def test_lengths_of_time(text: str, time_us: int) -> None:
    assert parse_duration(text, option="--max-gap") == time_us


@pytest.mark.parametrize("text", ["", "6", "h", "-1h", "5m", "0s", "1e3s", "6 hours"])
def test_what_is_no_length_of_time(text: str) -> None:
    with pytest.raises(
        DataError, match=rf"--max-gap '{text}': this is no length of time"
    ):
        parse_duration(text, option="--max-gap")


def test_lengths_of_time_in_messages() -> None:
    lengths = (0.0001, 0.02, 59.5, 90, 3600, 129_600, 864_000)
    assert [duration_text(length) for length in lengths] == [
        *("100 us", "20 ms", "59.5 s", "1.5 min", "1 h", "1.5 d", "10 d")
    ]


def test_what_a_user_says_of_resampling() -> None:
    assert parse_resampling("10min") == Resampling(600_000_000, "mean")
    assert parse_resampling("1h:last") == Resampling(3_600_000_000, "last")
    with pytest.raises(
        DataError, match=r"'median' is no way to resample.*mean, last, max"
    ):
        parse_resampling("1h:median")
    with pytest.raises(DataError, match="--resample 'soon': this is no length of time"):
        parse_resampling("soon:last")
