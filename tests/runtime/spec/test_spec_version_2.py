"""What version 2 of the spec brought: ranges of readings, the readings before the clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from support.artifacts import (
    BACKENDS,
    bare_rnne,
    load_backend,
    native_model,
    reference_model,
    save_artifact,
)
from support.strategies import random_weights, seeds

import rnnedge_runtime as runtime
from rnnedge_runtime.backends.numpy_f32 import Float32Engine
from rnnedge_runtime.errors import FormatError, NonFiniteError
from rnnedge_runtime.spec.layers import AddLast, Affine, Difference, Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.tolerances import parity_limit

FEATURES = (
    Feature("a", clip=(-1.0, 1.0), initial=0.5, range=(-40.0, 60.0)),
    Feature("b", clip=(-1.0, 1.0), initial=-0.25),
)
LAYERS = (
    Affine(2),
    Difference(2, (0, 1, 0)),
    Gru(5, 3),
    Linear(3, 2),
    AddLast((0, 1), is_clipped=False),
)
SPEC = ModelSpec(FEATURES, (Target("a"), Target("b")), LAYERS, sample_period_s=60.0)
READINGS = np.array(
    [[0.5, 9], [-39, 9], [85, -9], [np.nan, 0], [59, np.inf], [1e30, 1e30]], np.float32
)


def weights_of(spec: ModelSpec, seed: int = 0) -> dict[str, np.ndarray]:
    return random_weights(spec, np.random.default_rng(seed))


def by_hand(readings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Held readings `[T, 2]` and their changes, in a loop."""
    held, changes = [np.array([0.5, -0.25], np.float32)], []
    for row in readings:
        a = row[0] if -40 <= row[0] <= 60 else held[-1][0]
        b = row[1] if np.isfinite(row[1]) else held[-1][1]
        held.append(np.array([a, b], np.float32))
        changes.append(held[-1] - held[-2] if changes else np.zeros(2, np.float32))
    return np.array(held[1:]), np.array(changes)


@pytest.mark.parametrize("backend", BACKENDS)
def test_readings_leave_the_clip_and_implausible_ones_are_held(
    backend: str, tmp_path: Path
) -> None:
    layers = (
        Difference(2, (0, 1)),
        Linear(4, 4),
        AddLast((0, 1, 0, 1), is_clipped=False),
    )
    spec = ModelSpec(FEATURES, (Target("a"), Target("b")), layers, horizon=2)
    weights = weights_of(spec)
    weights["layers.0.low"][:], weights["layers.0.high"][:] = -30, 50
    weights["layers.1.weight"][:], weights["layers.1.bias"][:] = np.eye(4), 0
    model = load_backend(spec, weights, backend, tmp_path)
    held, changes = by_hand(READINGS)
    expected = np.concatenate([np.clip(held, -1, 1), np.clip(changes, -30, 50)], axis=1)
    expected += np.tile(held, 2)
    found = model.stream().run(READINGS)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    stream, fleet = model.stream(), model.streams(2)
    for row, y in zip(READINGS, found, strict=True):
        np.testing.assert_array_equal(stream.step(row), y)
        np.testing.assert_array_equal(fleet.step([row, row]), [y, y])


def test_the_ends_of_a_range_belong_to_it() -> None:
    """The core compares bits, NumPy compares numbers."""
    tiny = float(np.finfo(np.float32).smallest_subnormal)
    spec = ModelSpec(
        (Feature("a", initial=0.25, range=(0.0, 0.1)),),
        (Target("a"),),
        (Linear(1, 1), AddLast((0,), is_clipped=False)),
    )
    weights = {"layers.0.weight": np.zeros((1, 1)), "layers.0.bias": np.zeros(1)}
    weights = {name: tensor.astype(np.float32) for name, tensor in weights.items()}
    high = np.float32(0.1)
    above = np.nextafter(high, np.float32(1))
    models = native_model(spec, weights), reference_model(spec, weights)
    for value in (
        0.0,
        -0.0,
        -tiny,
        -1.0,
        high,
        above,
        np.nan,
        -np.nan,
        np.inf,
        -np.inf,
    ):
        is_known = 0 <= value <= high
        for model in models:
            expected = value if is_known else 0.25
            assert model.stream().step([value])[0] == np.float32(expected)
    negative = ModelSpec(
        (Feature("a", initial=-0.25, range=(-0.1, -0.0)),), spec.targets, spec.layers
    )
    for model in (native_model(negative, weights), reference_model(negative, weights)):
        for value in (0.0, -0.0):
            assert model.stream().step([value])[0] == 0.0
        assert model.stream().step([tiny])[0] == np.float32(-0.25)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_rejected_reading_is_named_with_its_range(
    backend: str, tmp_path: Path
) -> None:
    features = (
        Feature("temp_c", missing="reject", range=(-40.0, 60.0), initial=1.0),
        Feature("b"),
    )
    spec = ModelSpec(features, SPEC.targets, LAYERS)
    model = load_backend(spec, weights_of(spec), backend, tmp_path)
    stream, fleet = model.stream(), model.streams(2)
    stream.step([60.0, 1.0])
    before = stream.snapshot(), fleet.snapshot(1)
    outside = (
        r"'temp_c' is 85.0 in row 0, outside its range of -40 to 60, and its policy"
    )
    with pytest.raises(NonFiniteError, match=outside):
        stream.step([85.0, 1.0])
    with pytest.raises(NonFiniteError, match=outside.replace("row 0", "row 1")):
        stream.run([[0.0, 1.0], [85.0, 1.0]])
    with pytest.raises(NonFiniteError, match=r"Streams\.step: stream 1: .*outside its"):
        fleet.step([[0.0, 1.0], [85.0, 1.0]])
    with pytest.raises(NonFiniteError, match=r"is nan in row 0, and its policy"):
        stream.step([np.nan, 1.0])
    assert (stream.snapshot(), fleet.snapshot(1)) == before


@settings(max_examples=50)
@given(seed=seeds)
def test_native_equals_numpy_where_readings_jump(seed: int) -> None:
    weights = weights_of(SPEC, seed)
    rng = np.random.default_rng(seed)
    magnitude = 10.0 ** rng.integers(-25, 30, (40, 2))
    readings = (rng.normal(size=(40, 2)) * magnitude).astype(np.float32)
    native = native_model(SPEC, weights)
    numpy = Model(native.metadata, Float32Engine(SPEC, weights))
    expected = numpy.stream().run(readings)
    stream = native.stream()
    assert stream.run(readings).tobytes() == expected.tobytes()
    other = numpy.stream()
    other.run(readings)
    assert stream.snapshot() == other.snapshot()
    stream, fleet = native.stream(), native.streams(3)
    for row, y in zip(readings, expected, strict=True):
        assert stream.step(row).tobytes() == y.tobytes()
        assert fleet.step([row] * 3)[2].tobytes() == y.tobytes()
    assert fleet.snapshot(1) == other.snapshot()


def test_a_forecast_stays_within_the_range() -> None:
    """It is fed back: out of range the C core would hold it and NumPy would not."""
    features = (
        Feature("a", range=(-1.0, 1.0), missing="reject"),
        Feature("b", range=(-2.0, 2.0)),
    )
    spec = ModelSpec(features, SPEC.targets, LAYERS)
    weights = weights_of(spec)
    weights["layers.3.bias"][:] = 0.75
    native = native_model(spec, weights)
    numpy = Model(native.metadata, Float32Engine(spec, weights))
    rows = []
    for model in (native, numpy):
        stream = model.stream()
        stream.step([0.5, 0.5])
        rows.append(stream.forecast(20))
    assert rows[0].tobytes() == rows[1].tobytes()
    assert np.abs(rows[0]).max() < 5


def test_the_reference_agrees_with_float32(tmp_path: Path) -> None:
    weights = weights_of(SPEC)
    readings = np.random.default_rng(1).normal(size=(200, 2)).astype(np.float32) * 30
    expected = reference_model(SPEC, weights).stream().run(readings)
    found = native_model(SPEC, weights).stream().run(readings)
    assert np.abs(found - expected).max() <= parity_limit(expected)


def test_a_file_says_the_ranges_of_its_description(tmp_path: Path) -> None:
    path = save_artifact(SPEC, weights_of(SPEC), tmp_path, ".rnne")
    content = path.read_bytes()
    low = np.float32(-40).tobytes()
    assert runtime.load(path).spec == SPEC
    at = content.index(low + np.float32(60).tobytes())
    changed = bytearray(content)
    changed[at : at + 4] = np.float32(-41).tobytes()
    with pytest.raises(FormatError, match="checksum"):
        runtime.load(_written(tmp_path, bytes(changed)))
    from rnnedge_runtime.formats.rnne_file import CHECKSUM_AT, file_checksum

    checksum = file_checksum(bytes(changed)).to_bytes(4, "little")
    changed[CHECKSUM_AT : CHECKSUM_AT + 4] = checksum
    with pytest.raises(FormatError, match="section RNGE does not fit"):
        runtime.load(_written(tmp_path, bytes(changed)))


def test_an_old_spec_has_no_section_of_ranges() -> None:
    old = ModelSpec(
        (Feature("a"), Feature("b")), SPEC.targets, (Gru(2, 3), Linear(3, 2))
    )
    assert b"RNGE" not in bare_rnne(old, weights_of(old))
    assert b"RNGE" in bare_rnne(SPEC, weights_of(SPEC))


def _written(folder: Path, content: bytes) -> Path:
    path = folder / "changed.rnne"
    path.write_bytes(content)
    return path
