"""Times at and beyond the ends of int64."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.artifacts import load_backend, native_model, reference_model
from support.strategies import random_weights

from rnnedge_runtime.errors import ShapeError
from rnnedge_runtime.numerics.phase import phase
from rnnedge_runtime.spec.derived import MAX_PERIOD_S, DerivedInput
from rnnedge_runtime.spec.layers import Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.streams.model import Model

FIRST, LAST = -(2**63), 2**63 - 1
SPEC = ModelSpec(
    features=(Feature("a"),),
    targets=(Target("a"),),
    layers=(Gru(3, 4), Linear(4, 1)),
    derived=(DerivedInput(86_400, 2**62),),
    sample_period_s=60.0,
)
FORMS: dict[str, Callable[[int], object]] = {
    "int": lambda time: time,
    "list": lambda time: [time],
    "array": lambda time: np.array([time]),
    "scalar": lambda time: np.array(time)[()],
    "object": lambda time: np.array([time], dtype=object),
}
MODELS = {"native": native_model, "reference": reference_model}
WEIGHTS = random_weights(SPEC, np.random.default_rng(0))


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest) -> Model:
    return MODELS[request.param](SPEC, WEIGHTS)


beyond = st.integers(LAST + 1, 2**70) | st.integers(-(2**70), FIRST - 1)


@pytest.mark.parametrize("form", FORMS)
def test_a_time_beyond_int64_is_refused(form: str, model: Model) -> None:
    """2^63 and above as an unsigned integer wrapped to a time before 1970."""
    stream, fleet = model.stream(), model.streams(1)

    @given(time=beyond | st.just(LAST + 1) | st.just(2**64 - 1))
    def check(time: int) -> None:
        given_time = FORMS[form](time)
        calls = {
            "Stream.step": lambda: stream.step([1.0], time=given_time),
            "Stream.run": lambda: stream.run([[1.0]], time=given_time),
            "Streams.step": lambda: fleet.step([[1.0]], time=given_time),
        }
        for where, call in calls.items():
            with pytest.raises(
                ShapeError, match=rf"{where}: the time {time} is beyond"
            ):
                call()
        assert stream.num_steps == 0

    check()


def test_a_run_that_leaves_int64_is_refused(model: Model) -> None:
    stream = model.stream()
    stream.run(np.ones((3, 1)), time=LAST - 120)
    before = stream.snapshot()
    with pytest.raises(
        ShapeError, match=rf"Stream\.run: the time {LAST + 1} is beyond"
    ):
        stream.run(np.ones((3, 1)), time=LAST - 119)
    with pytest.raises(ShapeError, match=r"Stream\.forecast: the time \d+ is beyond"):
        stream.forecast(5)
    assert stream.snapshot() == before


@pytest.mark.parametrize("time", [FIRST, FIRST + 1, 0, LAST - 1, LAST])
def test_engines_agree_at_the_ends(time: int, tmp_path: Path) -> None:
    found = native_model(SPEC, WEIGHTS).stream().step([0.5], time)
    model = load_backend(SPEC, WEIGHTS, "numpy", tmp_path)
    assert found.tobytes() == model.stream().step([0.5], time).tobytes()


near_the_ends = st.integers(FIRST, FIRST + 2**40) | st.integers(LAST - 2**40, LAST)
any_time = near_the_ends | st.integers(FIRST, LAST)


@given(time=any_time, offset_s=any_time, period_s=st.integers(1, MAX_PERIOD_S))
def test_phase_is_that_of_unbounded_integers(
    time: int, offset_s: int, period_s: int
) -> None:
    arrays = (np.array([value], dtype=np.int64) for value in (time, period_s, offset_s))
    assert phase(*arrays)[0] == ((time + offset_s) % period_s << 32) // period_s


TIMELESS = ModelSpec((Feature("a"),), (Target("a"),), (Gru(1, 4), Linear(4, 1)))


@pytest.mark.parametrize("kind", MODELS)
def test_a_model_without_derived_inputs_refuses_what_is_no_time(kind: str) -> None:
    """Wrong: `step(x, y)`, as in C, put y where the time belongs and left it unwritten."""
    weights = random_weights(TIMELESS, np.random.default_rng(0))
    model = MODELS[kind](TIMELESS, weights)
    stream, fleet = model.stream(), model.streams(2)
    y = np.full(1, 7, np.float32)
    for time in (y, "noon", float("nan"), 1.5, 2**70, [1, 2, 3]):
        with pytest.raises(ShapeError, match=r"Stream\.step: .*time"):
            stream.step([1.0], time)
        with pytest.raises(ShapeError, match=r"Stream\.run: .*time"):
            stream.run([[1.0], [2.0]], time)
        with pytest.raises(ShapeError, match=r"Streams\.step: .*time"):
            fleet.step([[1.0], [2.0]], time)
    assert stream.num_steps == 0
    expected = model.stream().step([1.0])
    assert stream.step([1.0], 1_700_000_000).tobytes() == expected.tobytes()
