"""Clips, plausible ranges and outliers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables.small_data import waves

from rnnedge.data.limits import Limits, clean_range, read_limits
from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.forecast.preparing import prepare
from rnnedge_runtime.errors import DataError, NonFiniteError, SpecError


@given(
    st.integers(30, 400),
    st.lists(st.sampled_from([1e9, -3e7, 32_767.0]), max_size=2),
    st.integers(0, 2**32 - 1),
)
def test_a_few_absurd_readings_leave_the_range_as_it_was(
    num_rows: int, absurd: list[float], seed: int
) -> None:
    values = np.random.default_rng(seed).normal(size=num_rows).astype(np.float32)
    clean = clean_range(values)
    assert clean == (values.min(), values.max())
    assert clean_range(np.append(values, absurd).astype(np.float32)) == clean


def test_rare_events_of_a_rain_gauge_are_no_outliers() -> None:
    rain = np.zeros(1000, dtype=np.float32)
    rain[[5, 600]] = 12.0, 40.0
    assert clean_range(rain) == (0.0, 40.0)


def test_limits_are_read_for_all_features_and_for_one() -> None:
    limits = read_limits(("2", "a=off", "b=-1:3"), ("a=-10:10", "b=off"))
    assert limits.bounds("a", (0.0, 1.0)) == (None, (-10.0, 10.0))
    assert limits.bounds("b", (0.0, 1.0)) == ((-1.0, 3.0), None)
    assert limits.bounds("c", (0.0, 1.0)) == ((-2.0, 3.0), (-20.0, 21.0))
    assert Limits({}, {}).bounds("c", (0.0, 1.0)) == ((-0.5, 1.5), (-20.0, 21.0))


@pytest.mark.parametrize("text", ["wide", "-1", "3:1", "1:nan", "a=b=c"])
def test_unreadable_limits_are_refused(text: str) -> None:
    with pytest.raises(SpecError, match="--clip is"):
        TrainConfig(clip=(text,))


def test_a_limit_of_no_feature_is_refused() -> None:
    with pytest.raises(DataError, match="no column 'tmp' for the limit"):
        prepare(waves(), TrainConfig(range=("tmp=0:1",)))


def test_one_absurd_reading_changes_no_scaler() -> None:
    """One 1e9 among 8,640 readings made the network's error 871, that of the best
    baseline 0.347; it is no reading now, neither as input nor as target."""
    plain, spiked = waves(), waves()
    spiked.series[0].values[100] = np.nan
    expected = prepare(spiked, TrainConfig(horizon=2))
    spiked.series[0].values[100] = 1e9
    found = prepare(spiked, TrainConfig(horizon=2))
    assert found.spec == expected.spec
    for name, values in expected.affine_weights.items():
        assert np.array_equal(found.affine_weights[name], values)
    assert np.array_equal(found.series[0].x, expected.series[0].x)
    assert np.array_equal(found.series[0].y, expected.series[0].y, equal_nan=True)
    assert (
        found.spec.features[0].clip
        == prepare(plain, TrainConfig()).spec.features[0].clip
    )


def test_a_clip_follows_the_readings_within_the_range_that_was_asked_for() -> None:
    """One code of a broken sensor in twenty readings is no outlier. With --range to leave
    it out the clip still reached to it, and so did the levels that training adds."""
    plain, broken = waves(), waves()
    codes = np.arange(0, 400, 20)
    plain.series[0].values[codes, 0] = np.nan
    broken.series[0].values[codes, 0] = 999.0
    config = TrainConfig(range=("a=-40:60",))
    assert prepare(broken, config).spec == prepare(plain, config).spec


def test_an_implausible_reading_under_reject_is_named_by_its_time() -> None:
    """The message spoke of a stream: "Skip this reading; the state is unchanged"."""
    dataset = waves()
    dataset.series[0].values[59, 1] = 1e9
    stamp = str(np.datetime64(int(dataset.series[0].time[59]), "s"))
    with pytest.raises(
        NonFiniteError, match=rf"waves: feature 'b' is 1e\+09 at {stamp}Z, outside its"
    ):
        prepare(dataset, TrainConfig(missing="reject"))
