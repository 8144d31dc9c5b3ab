"""Snapshots and the JSON of a spec: exact there and back, and nothing else accepted."""

from __future__ import annotations

import ctypes
import dataclasses
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.artifacts import (
    BACKENDS,
    bare_rnne,
    load_backend,
    native_model,
    reference_model,
    times_of,
)
from support.core_objects import run
from support.replay import core_of
from support.strategies import model_specs, random_readings, random_weights, seeds

from rnnedge_runtime.errors import FormatError, StateError
from rnnedge_runtime.formats.snapshot import (
    MAX_STEPS,
    SNAPSHOT_VERSION,
    pack_snapshot,
    unpack_snapshot,
)
from rnnedge_runtime.spec.layers import Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.spec_json import spec_from_json, spec_to_json

pytestmark = pytest.mark.gcc_alone
SPEC = ModelSpec(
    features=(Feature("a"),), targets=(Target("a"),), layers=(Gru(1, 3), Linear(3, 1))
)
DIGEST = "0123456789abcdef" * 4


def stream_of(spec: ModelSpec, seed: int = 0):
    weights = random_weights(spec, np.random.default_rng(seed))
    return reference_model(spec, weights).stream()


def with_checksum(body: bytes) -> bytes:
    return body + struct.pack("<I", zlib.crc32(body))


@settings(max_examples=200)
@given(spec=model_specs())
def test_spec_json_round_trip(spec: ModelSpec) -> None:
    text = spec_to_json(spec)
    assert spec_from_json(text, where="test") == spec
    assert spec_to_json(spec_from_json(text, where="test")) == text
    assert text == json.dumps(
        json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )


@settings(max_examples=100)
@given(spec=model_specs(), data=st.data())
def test_spec_json_with_a_field_under_another_name_is_refused(
    spec: ModelSpec, data: st.DataObject
) -> None:
    content = json.loads(spec_to_json(spec))
    where = data.draw(
        st.sampled_from([content, *content["features"], *content["layers"]])
    )
    key = data.draw(st.sampled_from(sorted(where)))
    where[f"{key}_x"] = where.pop(key)
    with pytest.raises(FormatError, match=r"^boiler\.onnx: "):
        spec_from_json(json.dumps(content), where="boiler.onnx")


@settings(max_examples=200)
@given(spec=model_specs(), seed=seeds, size=st.integers(0, 20))
def test_snapshot_round_trip(spec: ModelSpec, seed: int, size: int) -> None:
    stream, other = stream_of(spec, seed), stream_of(spec, seed)
    rng = np.random.default_rng(seed)
    stream.run(random_readings(spec, rng, size), times_of(spec, size))
    blob = stream.snapshot()
    num_values = sum(entry.size for entry in spec.state)
    held = spec.num_features
    num_nbytes = 8 * (num_values - held) + 4 * held
    assert len(blob) == 48 + 8 * len(spec.state) + num_nbytes + 4
    other.restore(blob)
    assert (other.snapshot(), other.num_steps) == (blob, size)


@settings(max_examples=100)
@given(seed=seeds, data=st.data())
def test_a_changed_or_cut_snapshot_is_refused(seed: int, data: st.DataObject) -> None:
    stream = stream_of(SPEC)
    stream.run(np.random.default_rng(seed).normal(size=(5, 1)))
    blob = stream.snapshot()
    position = data.draw(st.integers(0, len(blob) - 1))
    changed = bytearray(blob)
    changed[position] ^= data.draw(st.integers(1, 255))
    for damaged in (bytes(changed), blob[:position], blob + b"\0"):
        with pytest.raises(FormatError, match=r"^snapshot: "):
            stream.restore(damaged)
        assert stream.snapshot() == blob


def test_the_bytes_are_those_of_the_format() -> None:
    """docs/format.md, written out by hand."""
    state = [np.array([1.5, -2.0]), np.array([0.25], np.float32)]
    body = (
        b"RNNS"
        + bytes([1, 0, 2, 0])
        + bytes.fromhex(DIGEST[:32])
        + b"f32.v1".ljust(16, b"\0")
        + (7).to_bytes(8, "little")
        + bytes([1, 0, 0, 0, 2, 0, 0, 0])
        + bytes.fromhex("000000000000f83f" + "00000000000000c0")
        + bytes([0, 0, 0, 0, 1, 0, 0, 0])
        + bytes.fromhex("0000803e")
    )
    assert pack_snapshot(DIGEST, "f32.v1", 7, state) == with_checksum(body)


def test_the_snapshot_of_another_model() -> None:
    blob = stream_of(SPEC, seed=1).snapshot()
    stream = stream_of(SPEC, seed=2)
    with pytest.raises(StateError, match="it belongs to model"):
        stream.restore(blob)


def test_the_snapshot_of_other_numerics() -> None:
    entries = SPEC.state
    state = [entry.initial_array() for entry in entries]
    blob = pack_snapshot(DIGEST, "w8a16.v1", 0, state)
    with pytest.raises(StateError, match=r"\(w8a16\.v1\).*\(f32\.v1\)"):
        unpack_snapshot(blob, entries, digest=DIGEST, numerics="f32.v1")


def test_a_newer_snapshot() -> None:
    blob = bytearray(stream_of(SPEC).snapshot()[:-4])
    blob[4] = SNAPSHOT_VERSION + 1
    with pytest.raises(FormatError, match="version 2 is newer than version 1"):
        stream_of(SPEC).restore(with_checksum(bytes(blob)))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("at", "content", "message"),
    [
        (4, bytes(2), "states version 0, expected 1"),
        (40, b"\xff" * 8, f"step count {2**64 - 1} at byte 40 is wrong"),
        (40, (MAX_STEPS + 1).to_bytes(8, "little"), f"step count {2**63} "),
    ],
)
def test_a_header_out_of_range_is_refused(
    backend: str, at: int, content: bytes, message: str, tmp_path
) -> None:
    weights = random_weights(SPEC, np.random.default_rng(0))
    model = load_backend(SPEC, weights, backend, tmp_path)
    stream, fleet = model.stream(), model.streams(1)
    before = stream.snapshot()
    blob = with_checksum(before[:at] + content + before[at + len(content) : -4])
    with pytest.raises(FormatError, match=message):
        stream.restore(blob)
    with pytest.raises(FormatError, match=message):
        fleet.restore(0, blob)
    assert stream.snapshot() == fleet.snapshot(0) == before


BAD_SNAPSHOT = 10


def test_the_core_refuses_a_header_out_of_range(tmp_path: Path) -> None:
    library = tmp_path / "core.so"
    run("gcc", "-shared", *core_of("gcc-O0"), "-o", library)
    core = ctypes.CDLL(str(library))
    weights = random_weights(SPEC, np.random.default_rng(0))
    file = bare_rnne(SPEC, weights)
    size, model, stream = ctypes.c_size_t(), ctypes.c_void_p(), ctypes.c_void_p()
    for name in ("rnne_stream_nbytes", "rnne_state_nbytes"):
        getattr(core, name).restype = ctypes.c_size_t
    file_nbytes = ctypes.c_size_t(len(file))
    core.rnne_model_nbytes(file, file_nbytes, ctypes.byref(size), None)
    memory = ctypes.create_string_buffer(size.value)
    core.rnne_model_init(memory, size, file, file_nbytes, 0, ctypes.byref(model), None)
    size = ctypes.c_size_t(core.rnne_stream_nbytes(model))
    states = ctypes.create_string_buffer(size.value)
    core.rnne_stream_init(states, size, model, ctypes.byref(stream))
    blob = native_model(SPEC, weights).stream().snapshot()
    assert core.rnne_state_nbytes(model) == len(blob)
    for at, content, status in (
        (4, b"\1\0", 0),
        (4, b"\0\0", BAD_SNAPSHOT),
        (40, MAX_STEPS.to_bytes(8, "little"), 0),
        (40, (MAX_STEPS + 1).to_bytes(8, "little"), BAD_SNAPSHOT),
        (40, b"\xff" * 8, BAD_SNAPSHOT),
    ):
        changed = with_checksum(blob[:at] + content + blob[at + len(content) : -4])
        error = (ctypes.c_size_t * 2)()
        nbytes = ctypes.c_size_t(len(changed))
        assert core.rnne_state_set(stream, changed, nbytes, error) == status
        assert status == 0 or error[1] == at


@pytest.mark.parametrize("make_model", [reference_model, native_model])
def test_the_largest_step_count_is_counted_on(make_model: Callable) -> None:
    model = make_model(SPEC, random_weights(SPEC, np.random.default_rng(0)))
    stream, fleet = model.stream(), model.streams(1)
    count = MAX_STEPS.to_bytes(8, "little")
    before = stream.snapshot()
    blob = with_checksum(before[:40] + count + before[48:-4])
    stream.restore(blob)
    fleet.restore(0, blob)
    assert stream.snapshot() == fleet.snapshot(0) == blob
    stream.step([0.5])
    fleet.step([[0.5]])
    assert stream.num_steps == MAX_STEPS + 1
    assert stream.snapshot() == fleet.snapshot(0)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ("fewer", "it holds 1 tensors, but the model's state consists of 2"),
        ("more", "it holds 3 tensors, but the model's state consists of 2"),
        ("shorter", "'h_0' at byte 48 has 2 values, but the model needs 3"),
        ("longer", "'h_0' at byte 48 has 4 values, but the model needs 3"),
        ("type", "'h_0' at byte 48 has the unknown element type 2"),
        ("cut", "'held' at byte 68 ends at byte 80, past the last, 79"),
        ("missing", "'held' at byte 68 is missing"),
        ("appended", "1 bytes follow the last tensor at byte 80"),
    ],
)
def test_tensors_of_another_layout(edit: str, message: str) -> None:
    entries = SPEC.state
    state = [entry.initial_array() for entry in entries]
    if edit == "fewer":
        state = state[:-1]
    if edit == "more":
        state = [*state, state[0]]
    if edit == "shorter":
        state[0] = state[0][:-1]
    if edit == "longer":
        state[0] = np.append(state[0], 0).astype(np.float32)
    blob = pack_snapshot(DIGEST, "f32.v1", 0, state)
    body = blob[:-4]
    if edit == "type":
        body = body[:48] + b"\2" + body[49:]
    if edit == "cut":
        body = body[:-1]
    if edit == "missing":
        body = body[:68]
    if edit == "appended":
        body += b"\0"
    blob = with_checksum(body)
    with pytest.raises(FormatError, match=message):
        unpack_snapshot(blob, entries, digest=DIGEST, numerics="f32.v1")


@pytest.mark.parametrize("blob", [b"", b"RNNS", b"no snapshot" * 10, bytes(100)])
def test_not_a_snapshot(blob: bytes) -> None:
    with pytest.raises(FormatError, match=r"not a snapshot|checksum"):
        stream_of(SPEC).restore(blob)


def test_equal_specs_but_for_one_name_are_other_models() -> None:
    other = dataclasses.replace(SPEC, targets=(Target("b"),))
    with pytest.raises(StateError):
        stream_of(other).restore(stream_of(SPEC).snapshot())
