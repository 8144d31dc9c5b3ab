"""Forecasts that fill holes in the C core: the bytes of a loop by hand, in every way to run."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.artifacts import bare_rnne, integer_rnne, times_of
from support.graph_strategies import graph_specs
from support.predicting import (
    can_predict,
    drawn,
    holed_readings,
    integer_models,
    outputs_by_hand,
    predicting,
    predicting_specs,
)
from support.replay import GCC_ALONE, canonical_nans, instruction_sets, marked, replay
from support.strategies import model_specs, random_weights, seeds, unclipped_specs

import rnnedge_export.formats.rnne.writing as writer
from rnnedge_runtime.backends.numpy_engine import numpy_engine
from rnnedge_runtime.backends.numpy_w8a16 import IntegerEngine
from rnnedge_runtime.formats.rnne_file import CHECKSUM_AT, file_checksum, read_sections
from rnnedge_runtime.numerics.f32 import flush
from rnnedge_runtime.numerics.w8a16 import MISSING, MISSING_READING
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.streams.engine import Engine
from rnnedge_runtime.streams.inputs import is_missing
from rnnedge_runtime.streams.w8a16_inputs import IntegerInputs

NUM_STEPS = 60
MODES = ("step", "run", "run:17", "fleet:1", "fleet:35", "index:35", "snapshot")


@pytest.fixture(autouse=True)
def _short_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "LONG_RUN_STEPS", 1)


class Case:
    """A model as a file, readings with holes, and what a loop by hand gives."""

    def __init__(self, engine: Engine, content: bytes, folder: Path, seed: int) -> None:
        spec = engine.spec
        self.readings = holed_readings(spec, np.random.default_rng(seed), NUM_STEPS)
        times = times_of(spec, NUM_STEPS)
        self.y = outputs_by_hand(engine, self.readings, times)
        rows = engine.inputs.rows(self.readings, times)
        self.x = np.ascontiguousarray(rows, np.float32)
        self.path = folder / "model.rnne"
        self.path.write_bytes(content)

    def check(self, build: str, modes: tuple[str, ...], isas: tuple[int, ...]) -> None:
        for isa in isas:
            for mode in modes:
                found = replay(build, self.path, mode, self.x, isa=isa)
                expected = canonical_nans(self.y.tobytes())
                assert canonical_nans(found) == expected, (isa, mode)


def _float_case(spec: ModelSpec, folder: Path, seed: int) -> Case:
    weights = random_weights(spec, np.random.default_rng(seed))
    engine = numpy_engine(spec, weights)
    return Case(engine, bare_rnne(spec, weights), folder, seed)


def _integer_case(model: QuantisedModel, folder: Path, seed: int) -> Case:
    return Case(IntegerEngine(model), integer_rnne(model), folder, seed)


FLOATS = predicting_specs(st.one_of(model_specs(), graph_specs()))
INTEGERS = integer_models(st.one_of(model_specs(), unclipped_specs(), graph_specs()))


@GCC_ALONE
@settings(max_examples=12)
@given(spec=FLOATS, seed=seeds)
def test_floats_on_every_instruction_set(
    spec: ModelSpec, seed: int, tmp_path: Path
) -> None:
    case = _float_case(spec, tmp_path, seed)
    case.check("gcc-O2", MODES, tuple(instruction_sets()))


@GCC_ALONE
@settings(max_examples=10)
@given(model=INTEGERS, seed=seeds)
def test_integers_on_every_instruction_set(
    model: QuantisedModel, seed: int, tmp_path: Path
) -> None:
    case = _integer_case(model, tmp_path, seed)
    case.check("gcc-O2", MODES, tuple(instruction_sets()))


@pytest.mark.parametrize("build", marked("gcc-asan", "clang-fma", "aarch64"))
def test_other_builds(build: str, tmp_path: Path) -> None:
    modes = ("step", "run:17", "index:35")
    _float_case(drawn(FLOATS, 1)[0], tmp_path, 0).check(build, modes, (0,))
    _integer_case(drawn(INTEGERS, 1)[0], tmp_path, 0).check(build, modes, (0,))


@GCC_ALONE
@settings(max_examples=10)
@given(
    model=integer_models(st.one_of(model_specs(), unclipped_specs())).filter(
        lambda model: model.is_integer_only and model.roles[0].is_first
    ),
    seed=seeds,
)
def test_steps_on_integers(model: QuantisedModel, seed: int, tmp_path: Path) -> None:
    case, spec = _integer_case(model, tmp_path, seed), model.spec
    mode, kind, missing = "q", np.int16, MISSING
    if model.holds_readings:
        mode, kind, missing = "q32", np.int32, MISSING_READING
    is_gap = is_missing(spec.features, case.readings)
    finite = case.x.copy()
    finite[:, : spec.num_features][is_gap] = 0
    x = IntegerInputs(model).held_integers(finite).astype(kind)
    x[:, : spec.num_features][is_gap] = missing
    y = np.frombuffer(replay("gcc-O2", case.path, mode, x), kind)
    last = len(spec.layers) - 1
    step, offset = (model.tensors[f"output.{last}.{n}"] for n in ("step", "offset"))
    real = flush(y.reshape(-1, spec.output_size).astype(np.float32) * step + offset)
    assert real.tobytes() == case.y.tobytes()


@GCC_ALONE
@pytest.mark.parametrize("word", [3, 0x100, 0x101, 2 | 0x7FFFFF00, 0xFF, 0x80000000])
def test_a_policy_or_output_that_is_none_is_refused(word: int, tmp_path: Path) -> None:
    spec = predicting(drawn(model_specs().filter(can_predict), 1)[0])
    case = _float_case(spec, tmp_path, 0)
    content = bytearray(case.path.read_bytes())
    at = content.index(read_sections(bytes(content), where="")[b"MODL"]) + 64
    content[at : at + 4] = struct.pack("<I", word)
    content[CHECKSUM_AT : CHECKSUM_AT + 4] = bytes(4)
    checksum = file_checksum(bytes(content))
    content[CHECKSUM_AT : CHECKSUM_AT + 4] = struct.pack("<I", checksum)
    case.path.write_bytes(content)
    with pytest.raises(AssertionError, match="does not hold together"):
        replay("gcc-asan", case.path, "step", case.x)
