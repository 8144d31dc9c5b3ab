"""WebAssembly of graphs, in float32 and in integers: the bytes of the reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import graph_strategies, integer_graphs, programs
from support.strategies import random_readings
from support.wasm_models import TOOLS, write_integer_wasm, write_wasm

from rnnedge_export.formats.wasm.loading import load_wasm

pytestmark = programs.needs(*TOOLS)
STEPS = 60


def _assert_equal(path: Path) -> None:
    numpy, wasm = load_wasm(path, is_run=False), load_wasm(path)
    assert numpy.digest == wasm.digest
    readings = random_readings(numpy.spec, np.random.default_rng(5), STEPS)
    expected, found = numpy.stream(), wasm.stream()
    y = expected.run(readings)
    assert np.isfinite(y).all()
    assert found.run(readings).tobytes() == y.tobytes()
    assert found.snapshot() == expected.snapshot()


@pytest.mark.parametrize(("seed", "simd"), [(1, True), (2, False)])
def test_integers(seed: int, simd: bool, tmp_path: Path) -> None:
    spec, weights = integer_graphs.drawn_graph(seed)
    model = integer_graphs.in_integers(spec, weights)
    _assert_equal(write_integer_wasm(model, tmp_path / "m.wasm", simd=simd))


@pytest.mark.parametrize("simd", [True, False])
def test_floats(simd: bool, tmp_path: Path) -> None:
    spec, _ = graph_strategies.drawn_graph(7)
    _assert_equal(write_wasm(spec, 7, tmp_path / "m.wasm", simd=simd))
