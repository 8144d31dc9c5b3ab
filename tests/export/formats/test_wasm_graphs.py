"""WebAssembly of graphs, in float32 and in integers: the bytes of the reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import graph_strategies, integer_graphs, programs
from support.artifacts import times_of
from support.strategies import random_readings
from support.wasm_models import TOOLS, write_integer_wasm, write_wasm

from rnnedge_export.formats.wasm.loading import load_wasm
from rnnedge_runtime.spec.graph_layers import Combine, Concat, Select, Sum
from rnnedge_runtime.spec.layers import Gru, Linear, Softmax
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target

pytestmark = programs.needs(*TOOLS)
STEPS = 60


def experts() -> ModelSpec:
    """Copies of copies in places that are used again, which clang 14 mixed up."""
    sources = (
        (-1,),
        (0,),
        (1,),
        (0,),
        (0,),
        (0,),
        (3, 4, 5),
        (6,),
        (2, 2),
        (7, 8),
        (9,),
    )
    return ModelSpec(
        features=tuple(Feature(f"x{k}") for k in range(3)),
        targets=(Target("a"), Target("b")),
        layers=(
            Gru(3, 8),
            Linear(8, 3),
            Softmax(3),
            Linear(8, 2),
            Linear(8, 2),
            Linear(8, 2),
            Concat((2, 2, 2)),
            Select(6, (0, 2, 4, 1, 3, 5)),
            Concat((3, 3)),
            Combine(6, "multiply"),
            Sum(6, 2),
        ),
        wiring=sources,
    )


def _assert_equal(path: Path) -> None:
    numpy, wasm = load_wasm(path, is_run=False), load_wasm(path)
    assert numpy.digest == wasm.digest
    readings = random_readings(numpy.spec, np.random.default_rng(5), STEPS)
    times = times_of(numpy.spec, STEPS)
    expected, found = numpy.stream(), wasm.stream()
    y = expected.run(readings, times)
    assert np.isfinite(y).all()
    assert found.run(readings, times).tobytes() == y.tobytes()
    assert found.snapshot() == expected.snapshot()


@pytest.mark.parametrize(("seed", "simd"), [(1, True), (2, False)])
def test_integers(seed: int, simd: bool, tmp_path: Path) -> None:
    spec, weights = integer_graphs.drawn_graph(seed)
    model = integer_graphs.in_integers(spec, weights)
    _assert_equal(write_integer_wasm(model, tmp_path / "m.wasm", simd=simd))


@pytest.mark.parametrize("simd", [True, False])
@pytest.mark.parametrize("seed", [None, 2, 7])
def test_floats(seed: int | None, simd: bool, tmp_path: Path) -> None:
    spec = experts() if seed is None else graph_strategies.drawn_graph(seed)[0]
    _assert_equal(write_wasm(spec, seed or 0, tmp_path / "m.wasm", simd=simd))
