"""What Stream takes and refuses, beyond the contract every backend keeps."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from support.artifacts import describe, reference_model, times_of
from support.strategies import model_specs, random_readings, random_weights, seeds

from rnnedge_runtime.backends.reference import ReferenceEngine
from rnnedge_runtime.errors import (
    FormatError,
    NonFiniteError,
    ShapeError,
    SpecError,
    StateError,
)
from rnnedge_runtime.live.row_stream import RowStream
from rnnedge_runtime.spec.derived import DerivedInput, time_features
from rnnedge_runtime.spec.layers import Affine, Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.streams.stream import Stream

BOILER = ModelSpec(
    features=tuple(Feature(name) for name in ("flow", "temp_in", "temp_out", "valve")),
    targets=(Target("temp_out"),),
    layers=(Gru(4, 5), Linear(5, 1)),
)
CLOCK = ModelSpec(
    features=(Feature("a"),),
    targets=(Target("a"),),
    layers=(Gru(3, 5), Linear(5, 1)),
    derived=(DerivedInput(86_400),),
)


def stream_of(spec: ModelSpec, seed: int = 0) -> Stream:
    weights = random_weights(spec, np.random.default_rng(seed))
    return reference_model(spec, weights).stream()


@pytest.mark.parametrize("size", [0, 3, 5])
def test_wrong_number_of_features_names_them(size: int) -> None:
    expected = (
        rf"Stream\.step: x has {size} values per reading, but 'model' expects 4 "
        r"\(flow, temp_in, temp_out, valve\)\. Pass one value per feature.*inspect"
    )
    for dtype in (np.float32, np.float64):
        with pytest.raises(ShapeError, match=expected):
            stream_of(BOILER).step(np.zeros(size, dtype))


@pytest.mark.parametrize("x", [1.0, [[1.0] * 4], "warm", [[1], [1, 2]], None, [None]])
def test_a_reading_is_one_row_of_numbers(x: object) -> None:
    with pytest.raises(ShapeError, match=r"Stream\.step: x"):
        stream_of(BOILER).step(x)


@pytest.mark.parametrize("x", [[1, 2, 3, 4], (1.0, 2.0, 3.0, 4.0), np.arange(1, 5)])
def test_any_row_of_numbers_is_a_reading(x: object) -> None:
    expected = stream_of(BOILER).step(np.array([1, 2, 3, 4], np.float32))
    np.testing.assert_array_equal(stream_of(BOILER).step(x), expected)


@settings(max_examples=50)
@given(spec=model_specs(), seed=seeds)
def test_out_is_written_and_returned(spec: ModelSpec, seed: int) -> None:
    stream, other = stream_of(spec, seed), stream_of(spec, seed)
    x = random_readings(spec, np.random.default_rng(seed), 1)
    time = times_of(spec, 1)
    out = np.full(spec.output_size, np.nan)
    found = stream.step(x[0], None if time is None else int(time[0]), out=out)
    assert found is out
    np.testing.assert_array_equal(out, other.run(x, time)[0])


def test_an_output_stays_as_it_was_returned() -> None:
    stream = stream_of(BOILER)
    first = stream.step([1, 2, 3, 4])
    kept = first.copy()
    stream.step([5, 6, 7, 8])
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize(
    "out", [np.zeros(2), np.zeros(1, int), [0.0], np.zeros((1, 1)), "read-only"]
)
def test_out_must_fit(out: object) -> None:
    if isinstance(out, str):
        out = np.zeros(1)
        out.flags.writeable = False
    with pytest.raises(ShapeError, match=r"Stream\.step: out is"):
        stream_of(BOILER).step([1, 2, 3, 4], out=out)


def test_time_is_required_when_inputs_derive_from_it() -> None:
    for call in ("step", "run", "prime"):
        x = [1.0] if call == "step" else [[1.0]]
        message = rf"Stream\.{call}: no time was given.*86400 s.*Unix seconds"
        with pytest.raises(SpecError, match=message):
            getattr(stream_of(CLOCK), call)(x)


@pytest.mark.parametrize(
    "time", [0.5, "2013-01-01", np.datetime64("2013-01-01"), 10**30, None, [1, 2, 3]]
)
def test_time_is_integer_seconds_one_per_row(time: object) -> None:
    with pytest.raises((ShapeError, SpecError), match=r"Stream\.run: .*time"):
        stream_of(CLOCK).run([[1.0], [2.0]], time)


def test_a_start_needs_the_sampling_period() -> None:
    with pytest.raises(SpecError, match="does not know its sampling period"):
        stream_of(CLOCK).run([[1.0], [2.0]], 0)
    stream_of(CLOCK).run([[1.0]], 0)
    stream_of(CLOCK).run([[1.0], [2.0]], [0, 9])


def test_time_is_not_needed_without_derived_inputs() -> None:
    expected = stream_of(BOILER).step([1, 2, 3, 4])
    np.testing.assert_array_equal(
        stream_of(BOILER).step([1, 2, 3, 4], time=5), expected
    )


@settings(max_examples=30)
@given(spec=model_specs(), seed=seeds)
def test_no_rows_change_nothing(spec: ModelSpec, seed: int) -> None:
    stream = stream_of(spec, seed)
    before = stream.snapshot()
    found = stream.run(np.empty((0, spec.num_features)), np.empty(0, np.int64))
    assert found.shape == (0, spec.output_size)
    stream.prime(np.empty((0, spec.num_features)), np.empty(0, np.int64))
    assert stream.snapshot() == before
    with pytest.raises(StateError):
        stream.forecast(1)


def test_the_network_sees_held_readings_and_derived_columns() -> None:
    """A scaler in place of a network shows the model input, column by column."""
    spec = ModelSpec(
        features=(Feature("a", clip=(-2, 2), initial=0.5), Feature("b")),
        targets=tuple(Target(name) for name in ("a", "b", "sin", "cos")),
        layers=(Affine(4),),
        derived=(DerivedInput(86_400, 3_600),),
    )
    weights = {"layers.0.shift": np.zeros(4, "f4"), "layers.0.scale": np.ones(4, "f4")}
    stream = reference_model(spec, weights).stream()
    nan = np.nan
    rows = [[nan, nan], [1, 5], [nan, 6], [9, np.inf], [nan, 7], [-9, nan]]
    seen = [[0.5, 0], [1, 5], [1, 6], [2, 6], [2, 7], [-2, 7]]
    times = np.array([0, 3_600, 7_200, 50_000, 86_400, 10**9])
    found = np.array([stream.step(*row) for row in zip(rows, times, strict=True)])
    np.testing.assert_array_equal(found[:, :2], seen)
    np.testing.assert_array_equal(found[:, 2:], time_features(times, spec.derived))


def test_a_rejected_reading_is_named() -> None:
    spec = ModelSpec(
        features=(Feature("a"), Feature("b", missing="reject")),
        targets=(Target("a"),),
        layers=(Gru(2, 3), Linear(3, 1)),
    )
    stream = stream_of(spec)
    with pytest.raises(NonFiniteError, match=r"Stream\.step: feature 'b' is nan"):
        stream.step([1.0, np.nan])
    with pytest.raises(
        NonFiniteError, match=r"Stream\.run: feature 'b' is inf in row 1"
    ):
        stream.run([[1, 1], [1, np.inf]])
    assert stream.num_steps == 0


class _Gated(ReferenceEngine):
    """Waits inside `run` until it is let go."""

    def __init__(self, spec, weights):
        super().__init__(spec, weights)
        self.entered, self.go = threading.Event(), threading.Event()

    def run(self, x, state):
        self.entered.set()
        assert self.go.wait(30)
        return super().run(x, state)


def test_a_second_thread_is_told_to_stay_out() -> None:
    weights = random_weights(BOILER, np.random.default_rng(0))
    engine = _Gated(BOILER, weights)
    model = Model(describe(BOILER, weights, size=1), engine)
    stream, fleet = model.stream(), model.streams(1)
    blob = stream.snapshot()
    row = np.ones(4, np.float32)
    inside = [
        (lambda: stream.step(row), [
            lambda: stream.step(row), lambda: stream.run([row]),
            lambda: stream.forecast(1), stream.reset, stream.snapshot,
            lambda: stream.restore(blob), lambda: stream.prime([row]),
        ]),
        (lambda: fleet.step([row]), [
            lambda: fleet.step([row]), lambda: fleet.reset(0), fleet.add,
            lambda: fleet.snapshot(0), lambda: fleet.remove(0),
            lambda: fleet.restore(0, blob),
        ]),
    ]  # fmt: skip
    for enter, others in inside:
        engine.entered.clear()
        engine.go.clear()
        thread = threading.Thread(target=enter)
        thread.start()
        assert engine.entered.wait(30)
        for call in others:
            with pytest.raises(StateError, match="another thread is still inside"):
                call()
        engine.go.set()
        thread.join()
    assert stream.num_steps == 1
    np.testing.assert_array_equal(stream.step(row), fleet.step([row])[0])


def test_repr_names_the_model_and_the_steps() -> None:
    stream = stream_of(BOILER)
    stream.step([1, 2, 3, 4])
    assert repr(stream) == "<Stream of model after 1 steps>"


@pytest.mark.parametrize("count", [2.5, "2", None, np.float32(2)])
def test_a_count_is_an_integer(count: object) -> None:
    """Wrong: a raw TypeError from the depth of NumPy. Right: a ShapeError that says
    which argument; NumPy's integers count as integers.
    """
    stream = stream_of(BOILER)
    stream.step(np.zeros(4, np.float32))
    for call, name in (
        (stream.forecast, "Stream.forecast: num_steps"),
        (stream.model.streams, "Model.streams: count"),
        (stream.model.streams(1).add, "Streams.add: count"),
    ):
        with pytest.raises(ShapeError, match=f"{name} is .*, expected an integer"):
            call(count)  # type: ignore[arg-type]
        with pytest.raises(ShapeError, match=f"{name} is -1, expected [01] or more"):
            call(-1)
    assert len(stream.model.streams(np.int64(3))) == 3
    assert stream.forecast(np.int8(1)).shape == (1, 1)


@pytest.mark.parametrize("blob", ["x", 5, None, [1, 2]])
def test_a_snapshot_is_bytes(blob: object) -> None:
    """Wrong: a raw TypeError, and for 5 a message about five zero bytes. Right: a
    FormatError with the type, before any state changes.
    """
    stream = stream_of(BOILER)
    stream.step(np.ones(4, np.float32))
    before = stream.snapshot()
    fleet = stream.model.streams(1)
    for restore in (
        stream.restore,
        RowStream(stream.model).restore,
        lambda wrong: fleet.restore(0, wrong),
    ):
        kind = type(blob).__name__
        with pytest.raises(FormatError, match=f"snapshot: {kind} was given"):
            restore(blob)  # type: ignore[arg-type]
    assert stream.snapshot() == before
    stream.restore(memoryview(bytearray(before)))
    assert stream.snapshot() == before
