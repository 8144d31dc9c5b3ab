"""Held readings and derived columns against loops and functions written out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.artifacts import native_model, reference_model
from support.strategies import model_specs, random_readings, random_weights, seeds

from rnnedge_runtime.errors import ShapeError
from rnnedge_runtime.numerics.phase import phase_sin_cos
from rnnedge_runtime.spec.clip import CLIP_NONE, clip_bounds
from rnnedge_runtime.spec.derived import MAX_PERIOD_S, DerivedInput, time_features
from rnnedge_runtime.spec.layers import Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.streams.inputs import hold_readings
from rnnedge_runtime.tolerances import TIME_FEATURE_ERROR


@settings(max_examples=200)
@given(spec=model_specs(), seed=seeds, size=st.integers(0, 30))
def test_hold_equals_a_slow_loop(spec: ModelSpec, seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    readings = random_readings(spec, rng, size)
    given_readings = readings.copy()
    last = spec.state[-1].initial_array()
    given_last = last.copy()
    found = hold_readings(spec.features, readings, last, where="test")
    current = list(last)
    for t in range(size):
        for k in range(spec.num_features):
            low, high = spec.features[k].range or (-math.inf, math.inf)
            if math.isfinite(readings[t, k]) and low <= readings[t, k] <= high:
                current[k] = readings[t, k]
            assert found[t, k] == current[k]
    np.testing.assert_array_equal(readings, given_readings)
    np.testing.assert_array_equal(last, given_last)


@given(spec=model_specs())
def test_clip_bounds_are_those_of_the_features(spec: ModelSpec) -> None:
    low, high = clip_bounds(spec)
    assert len(low) == len(high) == spec.input_size
    for k in range(spec.input_size):
        clip = spec.features[k].clip if k < spec.num_features else None
        expected = clip or (-CLIP_NONE, CLIP_NONE)
        assert (low[k], high[k]) == tuple(np.float32(bound) for bound in expected)


@settings(max_examples=300)
@given(
    time=st.integers(-(2**40), 2**40),
    period_s=st.integers(1, MAX_PERIOD_S),
    offset_s=st.integers(-(2**31), 2**31),
)
def test_derived_columns_are_sine_and_cosine(
    time: int, period_s: int, offset_s: int
) -> None:
    columns = time_features(np.array([time]), [DerivedInput(period_s, offset_s)])
    angle = 2 * math.pi * ((time + offset_s) % period_s) / period_s
    assert columns.dtype == np.float32
    assert abs(columns[0, 0] - math.sin(angle)) <= TIME_FEATURE_ERROR
    assert abs(columns[0, 1] - math.cos(angle)) <= TIME_FEATURE_ERROR


def test_sine_and_cosine_over_the_whole_turn() -> None:
    turn = np.arange(0, 2**32, 4_099, dtype=np.uint64)
    edges = [k * 2**29 + d for k in range(8) for d in (-64, -1, 0, 1, 64)]
    turn = np.concatenate([turn, np.mod(edges, 2**32).astype(np.uint64)])
    sine, cosine = phase_sin_cos(turn.astype(np.uint32))
    angle = turn.astype(np.float64) * (2 * math.pi / 2**32)
    assert np.abs(sine - np.sin(angle)).max() <= TIME_FEATURE_ERROR
    assert np.abs(cosine - np.cos(angle)).max() <= TIME_FEATURE_ERROR


def test_quarters_of_a_turn_are_exact() -> None:
    quarters = (np.arange(4, dtype=np.uint64) << 30).astype(np.uint32)
    sine, cosine = phase_sin_cos(quarters)
    np.testing.assert_array_equal(sine, [0, 1, 0, -1])
    np.testing.assert_array_equal(cosine, [1, 0, -1, 0])


@given(
    times=st.lists(st.integers(-(2**40), 2**40), max_size=5),
    derived=st.lists(
        st.builds(DerivedInput, st.integers(1, MAX_PERIOD_S), st.integers(-99, 99)),
        min_size=1,
        max_size=3,
    ),
)
def test_columns_do_not_depend_on_their_neighbours(
    times: list[int], derived: list[DerivedInput]
) -> None:
    stamps = np.array(times, dtype=np.int64)
    together = time_features(stamps, derived)
    assert together.shape == (len(times), 2 * len(derived))
    for t in range(len(times)):
        for k, item in enumerate(derived):
            np.testing.assert_array_equal(
                together[t, 2 * k : 2 * k + 2], time_features(stamps[[t]], [item])[0]
            )


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_a_masked_reading_is_missing(backend: str) -> None:
    """Wrong: the number under the mask was taken as a reading."""
    spec = ModelSpec(
        (Feature("a"), Feature("b")), (Target("a"),), (Gru(2, 3), Linear(3, 1))
    )
    weights = random_weights(spec, np.random.default_rng(0))
    model = {"native": native_model, "reference": reference_model}[backend](
        spec, weights
    )
    masked = np.ma.masked_array([1.0, 5.0], [True, False])
    expected = model.stream().step([np.nan, 5.0])
    assert model.stream().step(masked).tobytes() == expected.tobytes()
    rows = np.ma.masked_array([[1, 5]], [[True, False]])
    assert model.stream().run(rows)[0].tobytes() == expected.tobytes()


@pytest.mark.parametrize("kind", ["complex64", "datetime64[s]", "timedelta64[s]"])
def test_what_is_no_real_number_is_refused(kind: str) -> None:
    spec = ModelSpec((Feature("a"),), (Target("a"),), (Gru(1, 3), Linear(3, 1)))
    weights = random_weights(spec, np.random.default_rng(0))
    for model in (native_model(spec, weights), reference_model(spec, weights)):
        with pytest.raises(ShapeError, match="not an array of numbers"):
            model.stream().step(np.ones(1, np.int64).astype(kind))
