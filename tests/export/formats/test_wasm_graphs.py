"""WebAssembly of graphs: the bytes of the reference through node, with SIMD and without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import integer_graphs, programs
from support.random_graphs import drawn_graph, every_function
from support.wasm_models import TOOLS, write_integer_wasm, write_wasm

from rnnedge_export.formats.wasm.loading import load_wasm
from rnnedge_runtime.spec.graph_layers import Combine, Concat, Select, Sum
from rnnedge_runtime.spec.layers import Gru, Linear, Softmax
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target

pytestmark = programs.needs(*TOOLS)
STEPS = 50
SEEDS = range(3)


def experts() -> ModelSpec:
    """Copies of copies in places that are used again, as clang 14 once mixed them up."""
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
        wiring=(
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
        ),
    )


def same_bytes(path: Path, seed: int) -> bool:
    numpy, wasm = load_wasm(path, is_run=False), load_wasm(path)
    size = numpy.spec.input_size
    x = np.random.default_rng(seed).standard_normal((STEPS, size)).astype(np.float32)
    return wasm.stream().run(x).tobytes() == numpy.stream().run(x).tobytes()


@pytest.mark.parametrize("simd", [True, False])
@pytest.mark.parametrize("name", ["experts", "functions", *SEEDS])
def test_graphs_give_the_bytes_of_the_reference(
    name: str | int, simd: bool, tmp_path: Path
) -> None:
    made = {"experts": experts, "functions": every_function}
    spec = drawn_graph(name) if isinstance(name, int) else made[name]()
    seed = name if isinstance(name, int) else 0
    assert same_bytes(write_wasm(spec, seed, tmp_path / "m.wasm", simd=simd), seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_graphs_in_integers_give_the_bytes_of_the_reference(
    seed: int, tmp_path: Path
) -> None:
    model = integer_graphs.in_integers(*integer_graphs.drawn_graph(seed))
    assert same_bytes(write_integer_wasm(model, tmp_path / "m.wasm"), seed)
