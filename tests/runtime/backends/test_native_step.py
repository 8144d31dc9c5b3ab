"""What the C method `step` takes, and what it leaves to Python."""

from __future__ import annotations

import array
import struct
import sys
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from support.artifacts import native_model, reference_model
from support.strategies import random_weights

from rnnedge_runtime import _native
from rnnedge_runtime.errors import NonFiniteError, ShapeError, SpecError
from rnnedge_runtime.spec.derived import DerivedInput
from rnnedge_runtime.spec.layers import Gru, Linear, Lstm
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.streams.model import Model

SPEC = ModelSpec(
    features=(Feature("a"), Feature("b", missing="reject")),
    targets=(Target("a"), Target("b")),
    layers=(Gru(4, 33), Linear(33, 2)),
    derived=(DerivedInput(86_400),),
    sample_period_s=60.0,
)
PLAIN = ModelSpec(
    features=tuple(Feature(name) for name in "abcd"),
    targets=(Target("a"),),
    layers=(Lstm(4, 32), Linear(32, 1)),
)


def model_of(spec: ModelSpec) -> Model:
    return native_model(spec, random_weights(spec, np.random.default_rng(0)))


ROW = [1.0, 2.5, -3.0, 0.25]


@pytest.mark.parametrize(
    "x",
    [
        ROW,
        tuple(ROW),
        [1, 2.5, -3, 0.25],
        np.array(ROW),
        np.array(ROW, np.float32),
        np.array(ROW, np.float16),
        np.array(ROW, ">f4"),
        np.array([ROW, ROW]).T[:, 1],
        np.array([ROW, ROW], np.float32).T[:, 1],
        np.array(ROW)[::-1][::-1],
        [np.float32(value) for value in ROW],
        [np.float64(value) for value in ROW],
        array.array("f", ROW),
        array.array("d", ROW),
        memoryview(array.array("f", ROW)),
        np.frombuffer(b"?" + struct.pack("4f", *ROW), np.float32, offset=1),
    ],
)
def test_a_reading_is_any_row_of_numbers(x: object) -> None:
    model = model_of(PLAIN)
    expected = model.stream().run([ROW])[0]
    assert model.stream().step(x).tobytes() == expected.tobytes()
    assert model.stream().step(x=x).tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    "x",
    [
        [1, 2, 3, 10**400],
        [[1], [2], [3], [4]],
        np.ones(3, np.float32),
        np.ones((1, 4), np.float32),
        ROW[:3],
        "abcd",
        None,
        1.0,
    ],
)
def test_a_reading_that_is_none_leaves_the_state(x: object) -> None:
    stream, judge = (
        make(PLAIN, random_weights(PLAIN, np.random.default_rng(0))).stream()
        for make in (native_model, reference_model)
    )
    before, messages = stream.snapshot(), []
    for one in (stream, judge):
        with pytest.raises(ShapeError) as caught:
            one.step(x)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert stream.snapshot() == before


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_out_is_written_in_place(dtype: type) -> None:
    model = model_of(PLAIN)
    out = np.full(1, np.nan, dtype)
    stream = model.stream()
    assert stream.step(ROW, out=out) is out
    assert out == model.stream().step(ROW).astype(dtype)
    wide = np.full(3, np.nan, dtype)
    assert model.stream().step(ROW, None, wide[1:2]).base is wide
    assert wide[1] == out[0]
    assert np.isnan(wide[[0, 2]]).all()


def test_out_may_be_the_reading() -> None:
    model = model_of(PLAIN)
    x = np.array(ROW, np.float32)
    expected = model.stream().step(ROW)
    assert model.stream().step(x, out=x[:1]).tobytes() == expected.tobytes()
    assert x[1:].tolist() == ROW[1:]


def test_step_with_out_allocates_nothing() -> None:
    """tracemalloc sees Python's and NumPy's memory; a plain step is the control."""
    stream = model_of(PLAIN).stream()
    x, out = np.array(ROW, np.float32), np.empty(1, np.float32)

    def peak_of(call: Callable, *arguments: object) -> int:
        call(*arguments)
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        call(*arguments)
        return tracemalloc.get_traced_memory()[1] - before

    tracemalloc.start()
    try:
        nothing = peak_of(len, ROW)
        assert peak_of(stream.step, x, None, out) == nothing
        assert peak_of(stream.step, ROW, None, out) == nothing
        assert peak_of(stream.step, x) > nothing
    finally:
        tracemalloc.stop()


def test_a_step_keeps_no_reference() -> None:
    stream = model_of(SPEC).stream()
    x, out, time = np.zeros(2, np.float32), np.empty(2, np.float32), 10**12
    held = [x, out, time, x.dtype, None, stream, ROW]
    before = [sys.getrefcount(item) for item in held]
    for _ in range(1000):
        stream.step(x, time, out)
        stream.step(x, time=time)
        with pytest.raises(ShapeError):
            stream.step(ROW, time, out)
        with pytest.raises(NonFiniteError):
            stream.step([0.0, np.nan], time, out=out)
    after = [sys.getrefcount(item) for item in held]
    assert max(np.subtract(after, before)) < 100


def test_wrong_arguments_are_type_errors() -> None:
    stream = model_of(PLAIN).stream()
    with pytest.raises(TypeError, match="needs the argument 'x'"):
        stream.step()
    with pytest.raises(TypeError, match="at most 3"):
        stream.step(ROW, None, None, None)
    with pytest.raises(TypeError, match="'y'"):
        stream.step(ROW, y=None)
    with pytest.raises(TypeError, match="repeated argument 'x'"):
        stream.step(ROW, x=ROW)
    for arguments in ((), (1,)):
        with pytest.raises(TypeError, match=r"needs a _native\.Model"):
            _native.Stream(*arguments)
    assert stream.num_steps == 0


@pytest.mark.parametrize("time", [5, np.int64(5), np.array(5), np.uint8(5)])
def test_time_is_any_integer(time: object) -> None:
    model = model_of(SPEC)
    expected = model.stream().step([1, 2], 5)
    assert model.stream().step([1, 2], time=time).tobytes() == expected.tobytes()


@pytest.mark.parametrize("time", [None, 0.5, "noon", -(2**63) - 1, [1, 2], True])
def test_other_times_leave_the_state(time: object) -> None:
    stream = model_of(SPEC).stream()
    stream.step([1, 2], 5)
    before, forecast = stream.snapshot(), stream.forecast(3)
    with pytest.raises((ShapeError, SpecError), match=r"Stream\.step: .*time"):
        stream.step([1, 2], time)
    with pytest.raises(NonFiniteError, match=r"Stream\.step: feature 'b' is nan"):
        stream.step([1, np.nan], 99)
    assert stream.snapshot() == before
    np.testing.assert_array_equal(stream.forecast(3), forecast)
