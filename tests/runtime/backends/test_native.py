"""The C engine from Python: the same bits step by step, at once, many together."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.artifacts import (
    bare_rnne,
    load_backend,
    native_model,
    reference_model,
    save_artifact,
    times_of,
    torch_float32_error,
)
from support.contract import verify_stream_contract
from support.strategies import (
    model_specs,
    partitions,
    random_readings,
    random_weights,
    seeds,
)

import rnnedge_runtime as runtime
from rnnedge_runtime import _native
from rnnedge_runtime.backends.numpy_f32 import Float32Engine
from rnnedge_runtime.errors import FormatError, SpecError
from rnnedge_runtime.formats.rnne_file import CHECKSUM_AT, file_checksum
from rnnedge_runtime.spec.derived import DerivedInput
from rnnedge_runtime.spec.layers import LAYER_KINDS, Gru, Linear, Lstm
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.tolerances import parity_limit

ROW = [1.0, 2.5, -3.0, 0.25]
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


def model_of(spec: ModelSpec, seed: int = 0) -> Model:
    return native_model(spec, random_weights(spec, np.random.default_rng(seed)))


@settings(max_examples=200)
@given(spec=model_specs(), seed=seeds)
def test_contract_of_drawn_specs(spec: ModelSpec, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = random_weights(spec, rng)
    readings = random_readings(spec, rng, 20)
    verify_stream_contract(
        native_model(spec, weights).stream,
        spec,
        rng,
        make_judge=reference_model(spec, weights).stream,
        readings=readings,
        is_bitwise=True,
        float32_error=torch_float32_error(spec, weights, readings),
    )


@settings(max_examples=100)
@given(spec=model_specs(), seed=seeds, chunks=partitions(40))
def test_every_way_to_step_gives_the_bytes_of_numpy(
    spec: ModelSpec, seed: int, chunks: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    weights = random_weights(spec, rng)
    model = native_model(spec, weights)
    judge = Model(model.metadata, Float32Engine(spec, weights))
    readings, times = random_readings(spec, rng, 40), times_of(spec, 40)
    expected = judge.stream().run(readings, times).tobytes()
    assert model.stream().run(readings, times).tobytes() == expected
    stepped, chunked, first, parts = model.stream(), model.stream(), 0, []
    steps = [
        stepped.step(row, None if times is None else int(times[t]))
        for t, row in enumerate(readings)
    ]
    for size in chunks:
        rows = slice(first, first + size)
        parts.append(
            chunked.run(readings[rows], None if times is None else times[rows])
        )
        first += size
    assert np.array(steps).tobytes() == expected
    assert np.concatenate(parts).tobytes() == expected
    assert stepped.snapshot() == chunked.snapshot()


@pytest.mark.parametrize("spec", [SPEC, PLAIN], ids=["derived", "plain"])
def test_a_thousand_streams_give_the_bytes_of_a_thousand_single_streams(
    spec: ModelSpec, rng: np.random.Generator
) -> None:
    model, size = model_of(spec), 1000
    fleet, alone = model.streams(size), [model.stream() for _ in range(size)]
    for t in range(3):
        x = rng.normal(size=(size, spec.num_features)).astype(np.float32)
        time = 1000 * t if spec.derived else None
        expected = [s.step(row, time) for s, row in zip(alone, x, strict=True)]
        found = fleet.step(x, time)
        assert found.tobytes() == np.array(expected).tobytes()
    assert all(fleet.snapshot(i) == s.snapshot() for i, s in enumerate(alone))


@settings(max_examples=20)
@given(spec=model_specs(), seed=seeds, size=st.integers(1, 70))
def test_fast_numerics_stay_within_parity(
    spec: ModelSpec, seed: int, size: int
) -> None:
    rng = np.random.default_rng(seed)
    weights = random_weights(spec, rng)
    exact = native_model(spec, weights)
    fast = Model(exact.metadata, exact.engine, is_fast=True)
    fleets = exact.streams(size), fast.streams(size)
    judge = reference_model(spec, weights).streams(size)
    for t in range(8):
        x = random_readings(spec, rng, size)
        time = 60 * t if spec.derived else None
        expected = judge.step(x, time)
        error = np.abs(fleets[0].step(x, time) - expected).max()
        limit = parity_limit(expected, float32_error=error)
        assert np.abs(fleets[1].step(x, time) - expected).max() <= limit


def test_numerics_are_exact_or_fast(tmp_path: Path) -> None:
    path = save_artifact(
        PLAIN, random_weights(PLAIN, np.random.default_rng(0)), tmp_path, ".rnne"
    )
    assert runtime.load(path).backend == "native"
    assert runtime.load(path, numerics="fast").is_fast
    with pytest.raises(SpecError, match="numerics is 'quick', expected 'exact'"):
        runtime.load(path, numerics="quick")


@pytest.mark.parametrize("backend", ["numpy", "onnx", "reference", "torchscript"])
def test_a_snapshot_goes_on_under_another_backend(
    backend: str, tmp_path: Path, rng: np.random.Generator
) -> None:
    weights = random_weights(SPEC, rng)
    native = load_backend(SPEC, weights, "native", tmp_path)
    other = load_backend(SPEC, weights, backend, tmp_path)
    x, times = rng.normal(size=(40, 2)), 60 * np.arange(40)
    for first, second in ((native, other), (other, native)):
        begun, resumed = first.stream(), second.stream()
        begun.run(x[:20], times[:20])
        resumed.restore(begun.snapshot())
        fleet = second.streams(2)
        fleet.restore(1, begun.snapshot())
        assert resumed.num_steps == 20
        expected = begun.run(x[20:], times[20:])
        found = resumed.run(x[20:], times[20:])
        together = [
            fleet.step([row, row], t)[1]
            for row, t in zip(x[20:], times[20:], strict=True)
        ]
        limit = parity_limit(expected)
        assert np.abs(found - expected).max() <= limit
        assert np.abs(np.array(together) - expected).max() <= limit


def test_damaged_files_are_refused_with_the_place(tmp_path: Path) -> None:
    path = save_artifact(
        PLAIN, random_weights(PLAIN, np.random.default_rng(0)), tmp_path, ".rnne"
    )
    content = path.read_bytes()
    for damaged in (content[:-5], content[:100], b"", content + b"\0\0\0\0"):
        with pytest.raises(FormatError, match=r"^boiler.rnne: at byte [\d,]+: "):
            _native.Model(damaged, "boiler.rnne")
        path.write_bytes(damaged)
        with pytest.raises(FormatError, match=r"^model\.rnne: "):
            runtime.load(path)
    changed = bytearray(content)
    changed[200] ^= 1
    with pytest.raises(FormatError, match="at byte"):
        _native.Model(bytes(changed), "boiler.rnne")
    unknown = bytearray(content)
    unknown[unknown.index(b"f32.v1")] = ord("g")
    struct.pack_into("<I", unknown, CHECKSUM_AT, file_checksum(bytes(unknown)))
    with pytest.raises(FormatError, match="at byte"):
        _native.Model(bytes(unknown), "boiler.rnne")


def test_the_self_test_finds_a_changed_recording(tmp_path: Path) -> None:
    weights = random_weights(PLAIN, np.random.default_rng(0))
    content = save_artifact(PLAIN, weights, tmp_path, ".rnne").read_bytes()
    model = _native.Model(content, "model.rnne")
    assert model.self_test(content) is None
    golden = runtime.load(tmp_path / "model.rnne").golden
    changed = bytearray(content)
    changed[changed.index(golden.y.astype("<f4").tobytes()) + 4 * 7] ^= 1
    struct.pack_into("<I", changed, CHECKSUM_AT, file_checksum(bytes(changed)))
    assert model.self_test(bytes(changed)) == 7


def test_a_kind_behind_the_last_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = random_weights(PLAIN, np.random.default_rng(0))
    newest = max(layer.code for layer in LAYER_KINDS.values())
    monkeypatch.setattr(Lstm, "code", newest + 1)
    with pytest.raises(FormatError, match="does not know"):
        _native.Model(bare_rnne(PLAIN, weights), "model")


@pytest.mark.parametrize("isa", range(1, 6))
def test_every_instruction_set_gives_the_same_bytes(
    isa: int, rng: np.random.Generator
) -> None:
    weights = random_weights(PLAIN, np.random.default_rng(0))
    x = rng.normal(size=(50, 4)).astype(np.float32)
    expected = native_model(PLAIN, weights).stream().run(x)
    content = bare_rnne(PLAIN, weights)
    try:
        model = _native.Model(content, "model", isa)
    except FormatError:
        return
    y = np.empty((50, 1), np.float32)
    _native.Stream(model).advance(x, y)
    assert y.tobytes() == expected.tobytes()


def test_without_the_extension_numpy_gives_the_same_bytes(tmp_path: Path) -> None:
    weights = random_weights(PLAIN, np.random.default_rng(0))
    path = save_artifact(PLAIN, weights, tmp_path, ".rnne")
    code = f"""
import sys
sys.modules["rnnedge_runtime._native"] = None
import rnnedge_runtime
model = rnnedge_runtime.load({str(path)!r})
rnnedge_runtime.load({str(path)!r})
print(model.backend, model.stream().step({ROW}).tobytes().hex())
try:
    rnnedge_runtime.load({str(path)!r}, backend="native")
except rnnedge_runtime.MissingDependencyError as error:
    print(error)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    first, second = result.stdout.splitlines()
    expected = runtime.load(path, backend="native").stream().step(ROW)
    assert first == f"numpy {expected.tobytes().hex()}"
    assert "the C engine is not built here" in second
    assert result.stderr.count("the C engine is not built here") == 1
