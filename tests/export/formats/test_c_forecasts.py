"""Generated C and WebAssembly whose forecasts fill holes: the bytes of the reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st
from support import programs
from support.artifacts import describe, times_of
from support.c_integer_models import (
    DrawnIntegers,
    compiled_integers,
    write_integer_c,
)
from support.c_models import WARNINGS, compiled, write_c
from support.graph_strategies import graph_specs
from support.predicting import (
    drawn,
    holed_readings,
    integer_models,
    outputs_by_hand,
    predicting_specs,
)
from support.strategies import model_specs, random_weights, unclipped_specs
from support.wasm_models import TOOLS, write_integer_wasm, write_wasm

from rnnedge_export.formats.c.running import CEngine
from rnnedge_export.formats.wasm.loading import load_wasm
from rnnedge_runtime.backends.numpy_engine import numpy_engine
from rnnedge_runtime.streams.model import Model

NUM_STEPS = 40
SPECS = st.one_of(model_specs(), graph_specs())
COMPILERS = {"gcc": ("gcc", *WARNINGS), "plain": ("clang-14", "-O2", "-DRNNE_PLAIN_C")}


def _check(engine: CEngine, model: Model, readings: np.ndarray) -> None:
    """Steps and a run of the source are those of a stream, its snapshots too."""
    spec = model.spec
    times = times_of(spec, len(readings))
    expected = outputs_by_hand(model.engine, readings, times)
    x = np.ascontiguousarray(model.engine.inputs.rows(readings, times), np.float32)
    y = np.full_like(expected, np.nan, np.float32)
    stepped, run = engine.stepper(), engine.stepper()
    for row, out in zip(x, y, strict=True):
        assert engine.call("step", stepped._state, row.copy(), out) == 0
    assert y.tobytes() == expected.tobytes()
    run.run(x, y[:])
    assert y.tobytes() == expected.tobytes()
    stream = model.stream()
    stream.run(readings, times)
    assert stepped.save() == run.save() == stream.snapshot()


@pytest.mark.parametrize("name", COMPILERS)
def test_floats(name: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    specs = drawn(predicting_specs(SPECS), 12)
    weights = [random_weights(spec, rng) for spec in specs]
    paths = [
        write_c(spec, own, f"m{k}", tmp_path)
        for k, (spec, own) in enumerate(zip(specs, weights, strict=True))
    ]
    engines = compiled(paths, tmp_path, COMPILERS[name])
    for spec, own, engine in zip(specs, weights, engines, strict=True):
        model = Model(describe(spec, own, size=1), numpy_engine(spec, own))
        _check(engine, model, holed_readings(spec, rng, NUM_STEPS))


@pytest.mark.parametrize("name", COMPILERS)
def test_integers(name: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    specs = st.one_of(model_specs(), unclipped_specs(), graph_specs())
    models = drawn(integer_models(specs), 14)
    cases = [DrawnIntegers(m, holed_readings(m.spec, rng, NUM_STEPS)) for m in models]
    paths = [write_integer_c(case, f"q{k}", tmp_path) for k, case in enumerate(cases)]
    engines = compiled_integers(paths, tmp_path, COMPILERS[name])
    has_calls = [c.model.is_integer_only and not c.model.is_graph for c in cases]
    for case, engine, has_call in zip(cases, engines, has_calls, strict=True):
        _check(engine, case.numpy, case.readings)
        if has_call:
            _check_integers(engine, case)
    assert any(has_calls)
    assert not all(has_calls)


def _check_integers(engine: CEngine, case: DrawnIntegers) -> None:
    """The step on integers fills holes with the same bytes."""
    stream, spec = engine.stepper(), case.spec
    q = np.zeros(spec.input_size, case.integer)
    out = np.zeros(spec.output_size, case.integer)
    y = np.zeros(spec.output_size, np.float32)
    for row, expected in zip(case.x, case.y, strict=True):
        engine.call("quantise", row.copy(), q)
        assert engine.call("step_q", stream._state, q, out) == 0
        engine.call("dequantise", out, y)
        assert y.tobytes() == expected.tobytes()


@pytest.mark.parametrize("simd", [False, True])
def test_webassembly(simd: bool, tmp_path: Path) -> None:
    programs.require(*TOOLS)
    rng = np.random.default_rng(1)
    for k, spec in enumerate(drawn(predicting_specs(SPECS), 2)):
        path = write_wasm(spec, k, tmp_path / f"m{k}.wasm", simd=simd)
        _check_wasm(path, holed_readings(spec, rng, NUM_STEPS))
    for k, model in enumerate(drawn(integer_models(model_specs()), 2)):
        path = write_integer_wasm(model, tmp_path / f"q{k}.wasm", simd=simd)
        _check_wasm(path, holed_readings(model.spec, rng, NUM_STEPS))


def _check_wasm(path: Path, readings: np.ndarray) -> None:
    """The module itself holds: its readings come with their holes."""
    numpy, wasm = load_wasm(path, is_run=False), load_wasm(path)
    times = times_of(numpy.spec, len(readings))
    expected = numpy.stream()
    x = np.ascontiguousarray(numpy.engine.inputs.rows(readings, times), np.float32)
    y = np.empty((len(x), numpy.spec.output_size), np.float32)
    wasm.engine.stepper().run(x, y)
    assert y.tobytes() == expected.run(readings, times).astype(np.float32).tobytes()
    found = wasm.stream()
    assert found.run(readings, times).tobytes() == y.tobytes()
    assert found.snapshot() == expected.snapshot()
