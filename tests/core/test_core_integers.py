"""The C core gives the bytes of the NumPy integer reference, however it is built and driven."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.artifacts import large_state_model, quantised_model, quantised_models
from support.replay import (
    EVERY_BUILD,
    GCC_ALONE,
    IS_X86,
    PLAIN,
    canonical_nans,
    executable,
    instruction_sets,
    replay,
)
from support.strategies import random_readings, random_weights, seeds

import rnnedge_export.formats.rnne.writing as writer
from rnnedge_export.formats.rnne.writing import build_rnne
from rnnedge_runtime.backends.numpy_w8a16 import IntegerEngine
from rnnedge_runtime.formats.metadata import Golden, Metadata
from rnnedge_runtime.formats.rnne_file import CHECKSUM_AT, file_checksum, read_sections
from rnnedge_runtime.numerics.f32 import flush
from rnnedge_runtime.numerics.w8a16 import INTEGER_NUMERICS, MISSING, MISSING_READING
from rnnedge_runtime.spec.layers import Gru, Linear, Lstm, Rnn
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.w8a16_model import QuantisedModel, tensor_types
from rnnedge_runtime.streams.engine import initial_state
from rnnedge_runtime.streams.inputs import hold_readings, is_missing
from rnnedge_runtime.streams.w8a16_inputs import IntegerInputs

NUM_STEPS = 40
MODES = ("step", "run", "run:17", "fleet:1", "fleet:33", "index:35", "snapshot")


@pytest.fixture(autouse=True)
def _short_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "LONG_RUN_STEPS", 1)


class Case:
    """A model as a file, readings `[T, I]` with holes, and the expected bytes."""

    def __init__(self, model: QuantisedModel, folder: Path, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.model = model
        spec, engine = model.spec, IntegerEngine(model)
        rule = engine.inputs
        readings = self.readings = random_readings(spec, rng, NUM_STEPS)
        initial = rule.readings(spec.state[-1].initial_array())
        held = hold_readings(spec.features, readings, initial, where="test")
        held = rule.readings(held)
        self.times = rng.integers(-(2**40), 2**40, NUM_STEPS)
        self.finite = rule.rows(held, self.times if spec.derived else None)
        derived = self.finite[:, spec.num_features :]
        self.x = np.concatenate([readings, derived], axis=1)
        state = initial_state(spec.graph_state, 1, np.float32)
        y, _ = engine.run(self.finite[None], state)
        self.expected = canonical_nans(y[0].tobytes())
        self.path = folder / "model.rnne"
        golden = Golden(self.finite, y[0])
        metadata = Metadata(spec, model.digest, INTEGER_NUMERICS, golden, "tests")
        self.content = build_rnne(metadata, model, engine=engine)
        self.path.write_bytes(self.content)

    def bytes_of(self, build: str, mode: str, isa: int = 0, ftz: bool = False) -> bytes:
        return canonical_nans(replay(build, self.path, mode, self.x, isa=isa, ftz=ftz))

    def check_all(self) -> None:
        for isa in instruction_sets():
            replay("gcc-O2", self.path, "test", self.x, isa=isa)
            for mode in MODES:
                assert self.bytes_of("gcc-O2", mode, isa) == self.expected, (isa, mode)


@GCC_ALONE
@settings(max_examples=15)
@given(model=quantised_models(2), seed=seeds)
def test_every_instruction_set_and_mode(
    model: QuantisedModel, seed: int, tmp_path: Path
) -> None:
    Case(model, tmp_path, seed).check_all()


@GCC_ALONE
@pytest.mark.parametrize("size", [8, 600])
def test_large_states_before_a_function(size: float, tmp_path: Path) -> None:
    spec, weights = large_state_model("tanh", size)
    Case(quantised_model(spec, weights), tmp_path, 0).check_all()


@GCC_ALONE
@pytest.mark.parametrize("layer", [Lstm(2, 37), Lstm(2, 37, 9), Rnn(2, 37, "relu")])
def test_states_that_saturate(layer: Lstm | Rnn, tmp_path: Path) -> None:
    """A cell grows by one a step, to 40, and has room for 16; a relu state for 32,767."""
    features = tuple(Feature(f"x{k}") for k in range(2))
    layers = (layer, Linear(layer.output_size, 3))
    spec = ModelSpec(features, (Target("x0"),), layers, horizon=3)
    weights = random_weights(spec, np.random.default_rng(0))
    if isinstance(layer, Lstm):
        gates = weights["layers.0.bias_ih"].reshape(4, -1)
        gates[:2], gates[2, ::2], gates[2, 1::2] = 30.0, 9.0, -9.0
    else:
        weights["layers.0.weight_ih"] *= np.float32(1e6)
        weights["layers.0.weight_hh"] *= np.float32(0.05)
    model = quantised_model(spec, weights)
    if isinstance(layer, Lstm):
        model.tensors["layers.0.bits"][1] = 20
    case = Case(model, tmp_path, 0)
    engine = IntegerEngine(model)
    engine.run(case.finite[None], initial_state(spec.graph_state, 1, np.float32))
    assert engine.saturations["layers.0"] > 100
    case.check_all()


@st.composite
def wide_models(draw) -> QuantisedModel:
    """More columns and rows than a vector or a panel holds, nearly saturated."""
    inputs, size = draw(st.integers(1, 40)), draw(st.sampled_from((33, 64, 96, 130)))
    cells = (Rnn(inputs, size), Gru(inputs, size), Lstm(inputs, size, size // 2))
    cell = draw(st.sampled_from((*cells, Lstm(inputs, size))))
    layers = (cell, Linear(cell.output_size, size))
    features = tuple(Feature(f"x{k}") for k in range(inputs))
    spec = ModelSpec(features, (Target("x0"),), layers, horizon=size)
    weights = random_weights(spec, np.random.default_rng(draw(seeds)))
    factor = np.float32(draw(st.sampled_from((1.0, 4.0))))
    return quantised_model(spec, {name: t * factor for name, t in weights.items()})


@GCC_ALONE
@settings(max_examples=8)
@given(model=wide_models(), seed=seeds)
def test_wide_networks(model: QuantisedModel, seed: int, tmp_path: Path) -> None:
    Case(model, tmp_path, seed).check_all()


@pytest.mark.parametrize("build", EVERY_BUILD)
def test_every_build(build: str, tmp_path: Path) -> None:
    executable(build)

    @settings(max_examples=3)
    @given(model=st.one_of(quantised_models(2), wide_models()), seed=seeds)
    def check(model: QuantisedModel, seed: int) -> None:
        case = Case(model, tmp_path, seed)
        for isa in (0, PLAIN) if "aarch64" in build else instruction_sets():
            for mode in ("step", "run:17", "fleet:35"):
                assert case.bytes_of(build, mode, isa) == case.expected, (isa, mode)

    check()


@GCC_ALONE
@pytest.mark.skipif(not IS_X86, reason="flush-to-zero is set by an x86 register here")
@settings(max_examples=5)
@given(model=quantised_models(2), seed=seeds)
def test_flush_to_zero_changes_no_byte(
    model: QuantisedModel, seed: int, tmp_path: Path
) -> None:
    case = Case(model, tmp_path, seed)
    case.x *= np.float32(1e-39)
    plain = case.bytes_of("gcc-O2", "step")
    for isa in instruction_sets():
        for mode in ("step", "fleet:3"):
            assert case.bytes_of("gcc-O2", mode, isa, ftz=True) == plain, (isa, mode)


@GCC_ALONE
@settings(max_examples=12)
@given(model=quantised_models(2), seed=seeds)
def test_steps_on_integers(model: QuantisedModel, seed: int, tmp_path: Path) -> None:
    case = Case(model, tmp_path, seed)
    spec = model.spec
    if not model.is_integer_only or not model.roles[0].is_first:
        for mode in ("q", "q32", "time_q"):
            with pytest.raises(AssertionError, match="does not know"):
                replay("gcc-O2", case.path, mode, case.times)
        return
    inputs = IntegerInputs(model)
    mode, kind, missing = "q", np.int16, MISSING
    if model.holds_readings:
        mode, kind, missing = "q32", np.int32, MISSING_READING
    x = inputs.held_integers(case.finite).astype(kind)
    x[:, : spec.num_features][is_missing(spec.features, case.readings)] = missing
    y = np.frombuffer(replay("gcc-O2", case.path, mode, x), kind)
    with pytest.raises(AssertionError, match="does not know"):
        replay("gcc-O2", case.path, "q32" if mode == "q" else "q", x)
    last = len(spec.layers) - 1
    step, offset = (model.tensors[f"output.{last}.{n}"] for n in ("step", "offset"))
    real = flush(y.reshape(-1, spec.output_size).astype(np.float32) * step + offset)
    assert real.tobytes() == case.expected
    turns = replay("gcc-O2", case.path, "time_q", case.times)
    if spec.derived:
        expected = inputs.derived_integers(case.times).astype(np.int16)
        assert turns == expected.tobytes()
    found = replay("gcc-O2", case.path, "time", case.times)
    assert found == case.finite[:, spec.num_features :].tobytes()


def refused(case: Case, content: bytearray, reason: str) -> None:
    """The C loader refuses the content behind a repaired checksum."""
    content[CHECKSUM_AT : CHECKSUM_AT + 4] = bytes(4)
    checksum = file_checksum(bytes(content))
    content[CHECKSUM_AT : CHECKSUM_AT + 4] = struct.pack("<I", checksum)
    case.path.write_bytes(content)
    with pytest.raises(AssertionError, match=reason):
        replay("gcc-asan", case.path, "step", case.x)


@GCC_ALONE
@settings(max_examples=25)
@given(model=quantised_models(2), data=st.data())
def test_a_value_out_of_range_is_refused(
    model: QuantisedModel, data: st.DataObject, tmp_path: Path
) -> None:
    case = Case(model, tmp_path, 0)
    types = tensor_types(model.spec, model.kept)
    chosen = data.draw(st.sampled_from(sorted(types)))
    at = case.content.rindex(read_sections(case.content, where="")[b"WGTS"])
    for name, (kind, shape) in types.items():
        width, size = np.dtype(kind).itemsize, int(np.prod(shape))
        if name == chosen:
            at += width * data.draw(st.integers(0, size - 1))
            break
        at += (width * size + 3) // 4 * 4
    value = {1: b"\x80", 2: b"\x00\x80", 4: b"\xff\xff\xff\xff"}[width]
    content = bytearray(case.content)
    content[at : at + width] = value if kind != "<i4" else b"\x00\x00\x00\x80"
    refused(case, content, "NaN, infinite or out of its range")


@GCC_ALONE
@settings(max_examples=15)
@given(model=quantised_models(2), data=st.data())
def test_a_layer_of_another_part_is_refused(
    model: QuantisedModel, data: st.DataObject, tmp_path: Path
) -> None:
    case = Case(model, tmp_path, 0)
    spec = model.spec
    at = case.content.index(INTEGER_NUMERICS.encode() + bytes(8)) + 64
    at += 16 * (spec.num_features + len(spec.derived))
    for layer in spec.layers[: data.draw(st.integers(0, len(spec.layers) - 1))]:
        at += 20 + 4 * len(getattr(layer, "sources", ()))
    content = bytearray(case.content)
    content[at + 5] ^= data.draw(st.integers(1, 3))
    refused(case, content, "does not hold together|out of place or of odd size")
