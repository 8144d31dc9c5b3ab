"""The state of a stream by name: what `state` gives, `set_state` takes, for every backend."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from support.artifacts import (
    BACKENDS,
    integer_rnne,
    load_backend,
    native_model,
    quantised_model,
    quantised_models,
    reference_model,
    times_of,
)
from support.strategies import model_specs, random_readings, random_weights, seeds

import rnnedge_export.formats.rnne.writing as writer
import rnnedge_runtime as runtime
from rnnedge_runtime.backends.numpy_f32 import Float32Engine
from rnnedge_runtime.errors import ShapeError, StateError
from rnnedge_runtime.spec.layers import Difference, Gru, Linear, Lstm
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.spec.weights import Weights
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.streams.stream import Stream

NUM_STEPS = 12
SPEC = ModelSpec(
    features=(Feature("a"), Feature("b", initial=2.0)),
    targets=(Target("a"),),
    layers=(Difference(2, (0,)), Lstm(3, 5, 2), Gru(2, 3), Linear(3, 1)),
)
SHAPES = {"d_0": (2,), "h_1": (2,), "c_1": (5,), "h_2": (3,), "held": (2,)}
WEIGHTS = random_weights(SPEC, np.random.default_rng(0))


def numpy_model(spec: ModelSpec, weights: Weights) -> Model:
    metadata = reference_model(spec, weights).metadata
    return Model(metadata, Float32Engine(spec, weights))


def stepped(model: Model, readings: np.ndarray, first: int, last: int) -> Stream:
    stream = model.stream()
    run(stream, readings, first, last)
    return stream


def run(stream: Stream, readings: np.ndarray, first: int, last: int) -> np.ndarray:
    times = times_of(stream.model.spec, len(readings))
    chosen = None if times is None else times[first:last]
    return stream.run(readings[first:last], chosen)


def verify_state(model: Model, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """What was got and set changes no bit of what follows, of streams and of fleets."""
    readings = random_readings(model.spec, rng, NUM_STEPS)
    stream = stepped(model, readings, 0, 5)
    blob, state = stream.snapshot(), stream.state()
    assert list(state) == [entry.name for entry in model.spec.state]
    assert [tensor.shape for tensor in state.values()] == [
        entry.shape for entry in model.spec.state
    ]
    stream.set_state(state)
    assert stream.snapshot() == blob
    for name, tensor in state.items():
        stream.set_state({name: tensor})
        assert stream.snapshot() == blob
    other = stepped(model, random_readings(model.spec, rng, NUM_STEPS), 0, 5)
    other.set_state(state)
    fleet = model.streams(2)
    fleet.restore(1, other.snapshot())
    fleet.restore(0, model.stream().snapshot())
    assert_equal(fleet.state(1), state)
    fleet.set_state(1, state)
    assert fleet.snapshot(1) == other.snapshot() == blob
    assert fleet.snapshot(0) == model.stream().snapshot()
    expected = run(stepped(model, readings, 0, 5), readings, 5, NUM_STEPS)
    for each in (stream, other):
        np.testing.assert_array_equal(run(each, readings, 5, NUM_STEPS), expected)
    return state


def assert_equal(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert list(found) == list(expected)
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype
        assert found[name].tobytes() == tensor.tobytes(), name


@pytest.mark.parametrize("make_model", [reference_model, numpy_model, native_model])
@settings(max_examples=25)
@given(spec=model_specs(), seed=seeds)
def test_what_was_got_is_set_without_a_trace(
    make_model: Callable, spec: ModelSpec, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    verify_state(make_model(spec, random_weights(spec, rng)), rng)


@settings(max_examples=25)
@given(spec=model_specs(), seed=seeds)
def test_the_core_names_the_same_states(spec: ModelSpec, seed: int) -> None:
    model = native_model(spec, random_weights(spec, np.random.default_rng(seed)))
    found = model.engine.model.state_entries
    assert [(name, size) for name, _, size in found] == [
        (entry.name, entry.size) for entry in spec.state
    ]
    ends = np.cumsum([size for _, _, size in found])
    assert [at for _, at, _ in found] == [0, *ends[:-1]]
    assert ends[-1] == model.engine.model.state_size


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_of_a_file(
    backend: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    model = load_backend(SPEC, WEIGHTS, backend, tmp_path)
    state = verify_state(model, rng)
    assert {name: tensor.shape for name, tensor in state.items()} == SHAPES
    dtypes = {name: tensor.dtype for name, tensor in state.items()}
    assert dtypes == {**dict.fromkeys(SHAPES, model.engine.dtype), "held": np.float32}


@settings(max_examples=15)
@given(model=quantised_models(2), seed=seeds)
def test_models_in_integers(model: QuantisedModel, seed: int, tmp_path: Path) -> None:
    native, numpy = both(model, tmp_path)
    states = [
        verify_state(each, np.random.default_rng(seed)) for each in (native, numpy)
    ]
    assert_equal(*states)


def both(model: QuantisedModel, folder: Path) -> tuple[Model, Model]:
    path = folder / "model.rnne"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "LONG_RUN_STEPS", 1)
        path.write_bytes(integer_rnne(model))
    return runtime.load(path, backend="native"), runtime.load(path, backend="numpy")


@settings(max_examples=15)
@given(model=quantised_models(2), seed=seeds)
def test_any_values_are_kept_alike_in_integers(
    model: QuantisedModel, seed: int, tmp_path: Path
) -> None:
    assert_kept_alike(both(model, tmp_path), np.random.default_rng(seed))


@settings(max_examples=25)
@given(spec=model_specs(), seed=seeds)
def test_any_values_are_kept_alike_in_float32(spec: ModelSpec, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = random_weights(spec, rng)
    models = [make(spec, weights) for make in (native_model, numpy_model)]
    assert_kept_alike(models, rng)


def assert_kept_alike(models: list[Model] | tuple, rng: np.random.Generator) -> None:
    """Values between the integers, denormals and zeros of either sign, by all engines."""
    state = {}
    for entry in models[0].spec.state:
        values = rng.uniform(-0.9, 0.9, entry.shape).astype(np.float32)
        special = np.array([1e-45, -1e-20, -0.0, 1e-12], np.float32)
        places = rng.random(entry.shape) < 0.3
        values[places] = rng.choice(special, int(places.sum()))
        if entry.name.startswith("d_"):
            values[-1] = rng.integers(0, 2)
        state[entry.name] = values
    found = []
    for model in models:
        stream, fleet = model.stream(), model.streams(1)
        stream.set_state(state)
        fleet.set_state(0, state)
        assert stream.snapshot() == fleet.snapshot(0)
        found.append((stream.snapshot(), stream.state()))
    assert found[0][0] == found[1][0]
    assert_equal(found[0][1], found[1][1])


def test_what_is_not_named_stays() -> None:
    model = native_model(SPEC, WEIGHTS)
    stream = stepped(model, np.ones((3, 2), np.float32), 0, 3)
    before = stream.state()
    stream.set_state({"c_1": [1, 2, 3, 4, 5]})
    after = stream.state()
    assert after["c_1"].tolist() == [1, 2, 3, 4, 5]
    assert_equal({**after, "c_1": before["c_1"]}, before)
    assert stream.num_steps == 3
    stream.set_state({})
    assert_equal(stream.state(), after)
    with pytest.raises(StateError, match="Step at least one reading"):
        stream.forecast(1)


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_states_are_copies(backend: str, tmp_path: Path) -> None:
    model = load_backend(SPEC, WEIGHTS, backend, tmp_path)
    stream, fleet = model.stream(), model.streams(1)
    before = stream.snapshot()
    for state in (stream.state(), fleet.state(0)):
        for tensor in state.values():
            tensor[...] = 7
    given_state = stream.state()
    stream.set_state(given_state)
    given_state["h_2"][:] = 7
    assert stream.snapshot() == fleet.snapshot(0) == before


FAULTS = (
    ({"h_9": [1.0]}, StateError, r"no state 'h_9'; its states are d_0 \[2\], h_1"),
    ({0: [1.0]}, StateError, "no state 0; its states"),
    ([1.0], StateError, "the state is list, expected a mapping"),
    (None, StateError, "the state is NoneType, expected a mapping"),
    ({"h_2": [[1, 2, 3]]}, ShapeError, r"'h_2' has shape \[1, 3\], expected \[3\]"),
    ({"h_2": 1.0}, ShapeError, r"'h_2' has shape \[\], expected \[3\]"),
    ({"h_2": ["a", "b", "c"]}, ShapeError, r"'h_2' is <U1, expected an array of real"),
    ({"h_2": [1j, 0, 0]}, ShapeError, "'h_2' is complex128, expected"),
    ({"h_2": [[1], 2, 3]}, ShapeError, "'h_2' is list, expected an array"),
    ({"h_2": None}, ShapeError, "'h_2' is NoneType, expected an array"),
    ({"h_2": [True, False, True]}, ShapeError, "'h_2' is bool, expected"),
    ({"h_2": [1, np.nan, 3]}, StateError, r"'h_2\[1\]' is nan, expected finite"),
    ({"held": [1, np.inf]}, StateError, r"'held\[1\]' is inf, expected finite float32"),
    ({"held": [1e39, 1]}, StateError, r"'held\[0\]' is 1e\+39, expected finite"),
    ({"d_0": [3, 0.5]}, StateError, r"'d_0\[1\]' is 0.5, expected 0 before"),
    ({"c_1": np.ma.masked_equal([1, 2, 3, 4, 5], 2)}, StateError, r"'c_1\[1\]' is nan"),
)


@pytest.mark.parametrize("make_model", [reference_model, numpy_model, native_model])
@pytest.mark.parametrize(("state", "error", "message"), FAULTS)
def test_a_state_that_is_refused_changes_nothing(
    make_model: Callable, state: object, error: type[Exception], message: str
) -> None:
    model = make_model(SPEC, WEIGHTS)
    stream, fleet = model.stream(), model.streams(2)
    stream.run([[1, 2]] * 3)
    fleet.step([[1, 2]] * 2)
    before = stream.snapshot(), fleet.snapshot(1)
    if isinstance(state, dict):
        state = {"h_1": [1, 1], **state}
    with pytest.raises(error, match=rf"^Stream\.set_state: .*{message}"):
        stream.set_state(state)
    with pytest.raises(error, match=rf"^Streams\.set_state: .*{message}"):
        fleet.set_state(1, state)
    assert (stream.snapshot(), fleet.snapshot(1)) == before
    stream.forecast(1)


def test_a_fleet_names_an_unknown_stream() -> None:
    fleet = native_model(SPEC, WEIGHTS).streams(1)
    with pytest.raises(StateError, match=r"Streams\.state: no stream has the id 3"):
        fleet.state(3)
    with pytest.raises(StateError, match=r"Streams\.set_state: no stream has the id 3"):
        fleet.set_state(3, {})


@pytest.mark.parametrize("name", ["h_1", "c_1", "h_2"])
def test_what_no_integer_stands_for_is_refused(name: str, tmp_path: Path) -> None:
    for model in both(quantised_model(SPEC, WEIGHTS), tmp_path):
        stream = model.stream()
        limit = model.engine.states.limit(name)
        size = SHAPES[name][0]
        for sign in (-1, 1):
            stream.set_state({name: [sign * limit] * size})
            assert stream.state()[name].tolist() == [sign * limit] * size
        before = stream.snapshot()
        beyond = np.nextafter(np.float32(limit), np.float32(np.inf))
        with pytest.raises(StateError, match=rf"'{name}\[0\]' is .* at most"):
            stream.set_state({name: [beyond] * size})
        assert stream.snapshot() == before


@pytest.mark.parametrize("backend", ["native", "onnx", "torchscript", "reference"])
def test_a_state_moves_between_backends(
    backend: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    readings = random_readings(SPEC, rng, NUM_STEPS)
    source = stepped(numpy_model(SPEC, WEIGHTS), readings, 0, NUM_STEPS)
    stream = load_backend(SPEC, WEIGHTS, backend, tmp_path).stream()
    stream.set_state(source.state())
    for name, tensor in stream.state().items():
        np.testing.assert_array_equal(tensor, source.state()[name])


def test_the_last_state_of_an_encoder_starts_a_decoder(
    rng: np.random.Generator,
) -> None:
    encoder_spec = ModelSpec(
        features=(Feature("flow"), Feature("temp")),
        targets=(Target("flow"),),
        layers=(Lstm(2, 6), Linear(6, 1)),
    )
    decoder_spec = ModelSpec(
        features=(Feature("temp"),),
        targets=(Target("temp"),),
        layers=(Lstm(1, 6), Linear(6, 1)),
    )
    encoder = native_model(encoder_spec, random_weights(encoder_spec, rng)).stream()
    decoder = native_model(decoder_spec, random_weights(decoder_spec, rng)).stream()
    encoder.prime(rng.normal(size=(20, 2)))
    found = encoder.state()
    with pytest.raises(ShapeError, match=r"'held' has shape \[2\], expected \[1\]"):
        decoder.set_state(found)
    decoder.set_state({name: found[name] for name in ("h_0", "c_0")})
    assert decoder.num_steps == 0
    started = decoder.state()
    assert started["h_0"].tobytes() == found["h_0"].tobytes()
    assert started["c_0"].tobytes() == found["c_0"].tobytes()
    assert started["held"].tolist() == [0.0]
