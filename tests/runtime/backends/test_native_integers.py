"""Models in integers: the native engine and NumPy give the same bytes, class by class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from support.artifacts import integer_rnne, quantised_models
from support.contract import verify_stream_contract
from support.replay import canonical_nans
from support.strategies import random_readings, seeds

import rnnedge_export.formats.rnne.writing as writer
import rnnedge_runtime as runtime
from rnnedge_runtime.formats.snapshot import pack_snapshot, unpack_snapshot
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.streams.model import Model

pytestmark = pytest.mark.gcc_alone
NUM_STEPS = 30


@pytest.fixture(autouse=True)
def _short_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "LONG_RUN_STEPS", 1)


def both(model: QuantisedModel, folder: Path) -> tuple[Model, Model]:
    """The native engine and NumPy's."""
    path = folder / "model.rnne"
    path.write_bytes(integer_rnne(model))
    return runtime.load(path, backend="native"), runtime.load(path, backend="numpy")


def some_times(model: QuantisedModel, rng: np.random.Generator) -> np.ndarray | None:
    if not model.spec.derived:
        return None
    return rng.integers(-(2**40), 2**40) + 3600 * np.arange(NUM_STEPS)


def canonical_state(model: Model, blob: bytes) -> tuple[int, list[bytes]]:
    numerics = model.metadata.numerics
    num_steps, state = unpack_snapshot(
        blob, model.spec.state, digest=model.digest, numerics=numerics
    )
    return num_steps, [canonical_nans(values.tobytes()) for values in state]


@settings(max_examples=8)
@given(model=quantised_models(2), seed=seeds)
def test_streams_and_snapshots(
    model: QuantisedModel, seed: int, tmp_path: Path
) -> None:
    rng = np.random.default_rng(seed)
    x, times = random_readings(model.spec, rng, NUM_STEPS), some_times(model, rng)
    native, numpy = (each.stream() for each in both(model, tmp_path))
    out = np.empty(model.spec.output_size, np.float32)
    for k in range(10):
        time = None if times is None else int(times[k])
        native.step(x[k], time, out=out)
        assert out.tobytes() == numpy.step(x[k], time).tobytes()
        assert native.snapshot() == numpy.snapshot()
    rest = None if times is None else times[10:]
    assert native.run(x[10:], rest).tobytes() == numpy.run(x[10:], rest).tobytes()
    assert native.snapshot() == numpy.snapshot()


@settings(max_examples=8)
@given(model=quantised_models(2), seed=seeds)
def test_any_state_is_restored_alike(
    model: QuantisedModel, seed: int, tmp_path: Path
) -> None:
    rng = np.random.default_rng(seed)
    spec = model.spec
    odd = np.array([np.nan, np.inf, -np.inf, 1e-30, 1.0, -1.0, 3e38], np.float32)
    state = []
    for entry in spec.state:
        values = rng.normal(size=entry.shape).astype(np.float32)
        is_odd = rng.random(entry.shape) < 0.2
        values[is_odd] = rng.choice(odd, is_odd.sum())
        state.append(values)
    state[-1] = np.nan_to_num(state[-1], posinf=1, neginf=0)
    native, numpy = both(model, tmp_path)
    blob = pack_snapshot(native.digest, native.metadata.numerics, 7, state)
    x, times = random_readings(spec, rng, 3), some_times(model, rng)
    streams = native.stream(), numpy.stream()
    for stream in streams:
        stream.restore(blob)
    for k in range(3):
        time = None if times is None else int(times[k])
        found = [
            canonical_nans(stream.step(x[k], time).tobytes()) for stream in streams
        ]
        assert found[0] == found[1]
        states = [canonical_state(native, stream.snapshot()) for stream in streams]
        assert states[0] == states[1]


@settings(max_examples=6)
@given(model=quantised_models(2), seed=seeds)
def test_fleets(model: QuantisedModel, seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    times = some_times(model, rng)
    native, numpy = (each.streams(35) for each in both(model, tmp_path))
    for k in range(3):
        x = random_readings(model.spec, rng, 35)
        time = None if times is None else int(times[k])
        assert native.step(x, time).tobytes() == numpy.step(x, time).tobytes()


@settings(max_examples=5)
@given(model=quantised_models(2), seed=seeds)
def test_contract(model: QuantisedModel, seed: int, tmp_path: Path) -> None:
    native, numpy = both(model, tmp_path)
    rng = np.random.default_rng(seed)
    verify_stream_contract(
        native.stream, model.spec, rng, make_judge=numpy.stream, is_bitwise=True
    )
