"""Graphs in integers: close to float, step equals run, rows that hold and files that do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.graph_strategies import JUMPS
from support.integer_graphs import (
    activation,
    drawn_graph,
    graph_of,
    in_integers,
    readings_of,
    run_integers,
)

from rnnedge_export.formats.rnne import writing
from rnnedge_export.quantise.quantiser import quantise
from rnnedge_export.quantise.ranges import measure_ranges
from rnnedge_runtime.backends.numpy_w8a16 import IntegerEngine
from rnnedge_runtime.backends.reference import ReferenceEngine
from rnnedge_runtime.errors import FormatError, SpecError
from rnnedge_runtime.formats.metadata import Golden, Metadata
from rnnedge_runtime.formats.rnne_file import read_rnne
from rnnedge_runtime.numerics.w8a16 import INTEGER_NUMERICS
from rnnedge_runtime.spec import graph_layers, layers
from rnnedge_runtime.spec.layers import Layer
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.spec.weights import Weights
from rnnedge_runtime.streams.engine import initial_state
from rnnedge_runtime.tolerances import INT8_DRAWN_FRACTION, INT8_FUNCTION_FRACTION

NUM_GRAPHS = 12


def in_float(spec: ModelSpec, weights: Weights, x: np.ndarray) -> np.ndarray:
    state = initial_state(spec.graph_state, 1, np.float64)
    return np.asarray(ReferenceEngine(spec, weights).run(x[None], state)[0][0])


def difference(spec: ModelSpec, weights: Weights) -> float:
    """Largest, over the largest output plus a hundredth."""
    x = readings_of(spec, 40, 2)
    y = in_float(spec, weights, x)
    found = run_integers(in_integers(spec, weights), x)
    return float(np.abs(found - y).max() / (np.abs(y).max() + 0.01))


@pytest.mark.parametrize("seed", range(NUM_GRAPHS))
def test_drawn_graphs_are_close_to_float(seed: int) -> None:
    assert difference(*drawn_graph(seed)) <= INT8_DRAWN_FRACTION


@pytest.mark.parametrize("seed", range(0, NUM_GRAPHS, 3))
def test_a_step_is_what_a_run_gives(seed: int) -> None:
    model = in_integers(*drawn_graph(seed))
    x = readings_of(model.spec, 20)
    engine, steps = IntegerEngine(model), []
    state = initial_state(model.spec.graph_state, 1, np.float32)
    for row in x:
        y, state = engine.run(row[None, None], state)
        steps.append(y[0, 0])
    assert np.array_equal(np.array(steps), run_integers(model, x))


@pytest.mark.parametrize("seed", range(1, NUM_GRAPHS, 3))
def test_a_state_set_again_changes_nothing(seed: int) -> None:
    model = in_integers(*drawn_graph(seed))
    engine = IntegerEngine(model)
    state = initial_state(model.spec.graph_state, 1, np.float32)
    _, state = engine.run(readings_of(model.spec, 20)[None], state)
    for entry, tensor in zip(model.spec.graph_state, state, strict=True):
        kept = engine.states.kept(entry.name, tensor[0])
        assert np.array_equal(kept, tensor[0])


def positive(*behind: Layer) -> tuple[ModelSpec, Weights]:
    """Layers behind values from 0.2 to 3."""
    given: list[Layer] = [layers.Linear(3, 4), activation(4, "sigmoid")]
    given += [layers.Affine(4, inverse=True), *behind]
    spec, weights = graph_of(given, [(k - 1,) for k in range(len(given))])
    weights["layers.2.scale"][:], weights["layers.2.shift"][:] = 2.8, 0.2
    return spec, weights


@pytest.mark.parametrize("function", [f for f in layers.FUNCTIONS if f not in JUMPS])
def test_every_function(function: str) -> None:
    norm = graph_layers.Norm(4, 1e-5)
    assert difference(*positive(activation(4, function), norm)) <= INT8_DRAWN_FRACTION


@pytest.mark.parametrize("function", layers.FUNCTIONS)
def test_every_function_by_itself(function: str) -> None:
    """Without a product, so that no weight is rounded."""
    given: list[Layer] = [activation(1, "softplus"), activation(1, function)]
    spec, weights = graph_of(given, [(-1,), (0,)])
    assert difference(spec, weights) <= INT8_FUNCTION_FRACTION


@pytest.mark.parametrize(
    "behind",
    [
        layers.Softmax(4, 2),
        layers.Softmax(4, is_log=True),
        graph_layers.Norm(4, 0.1, 2),
        graph_layers.Norm(4, 1e-12, is_centred=False),
        layers.Linear(4, 6, 2),
        graph_layers.Depthwise(2, 2),
        graph_layers.Sum(4, 2),
    ],
)
def test_every_kind(behind: Layer) -> None:
    assert difference(*positive(behind)) <= INT8_DRAWN_FRACTION


def test_divide() -> None:
    given: list[Layer] = [layers.Linear(3, 4), activation(4, "softplus")]
    given += [layers.Linear(3, 4), graph_layers.Combine(4, "divide")]
    assert difference(*graph_of(given, [(-1,), (0,), (-1,), (2, 1)])) <= (
        INT8_DRAWN_FRACTION
    )


def test_a_slow_blend_does_not_stall() -> None:
    """m' = m + a (z - m) settles where float does; 16 bits alone would stop on the way."""
    given: list[Layer] = [
        graph_layers.Memory(1, 3),
        graph_layers.Combine(1, "subtract"),
    ]
    given += [layers.Affine(1), graph_layers.Combine(1, "add"), layers.Linear(1, 1)]
    spec, weights = graph_of(given, [(), (-1, 0), (1,), (0, 2), (3,)], input_size=1)
    share = 2.0**-8
    weights["layers.2.scale"][:], weights["layers.2.shift"][:] = share, 0
    x = np.full((int(6 / share), 1), 0.8, dtype=np.float32)
    ranges = measure_ranges(spec, weights, x)
    model = quantise(spec, weights, ranges, frozenset())
    assert [part.is_wide for part in model.roles] == [True, False, False, True, False]
    y, found = in_float(spec, weights, x), run_integers(model, x)
    assert abs(found[-1] - y[-1]) <= INT8_FUNCTION_FRACTION * abs(y[-1])


@pytest.mark.parametrize("seed", [0, 3])
def test_a_file_gives_the_same_integers(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "LONG_RUN_STEPS", 64)
    model = in_integers(*drawn_graph(seed))
    x = readings_of(model.spec, 64)
    golden = Golden(x, run_integers(model, x))
    metadata = Metadata(model.spec, model.digest, INTEGER_NUMERICS, golden, "")
    path = tmp_path / "model.rnne"
    engine = IntegerEngine(model)
    path.write_bytes(writing.build_rnne(metadata, model, engine=engine))
    found, read = read_rnne(path)
    assert isinstance(read, QuantisedModel)
    assert found.spec == model.spec
    assert read.digest == model.digest
    assert np.array_equal(found.golden.y, golden.y)


def test_float_layers_between() -> None:
    spec, weights = drawn_graph(3)
    ranges = measure_ranges(spec, weights, readings_of(spec, 60))
    for k in range(len(spec.layers)):
        model = quantise(spec, weights, ranges, frozenset({k}))
        assert model.roles[k].role == "float"
        x = readings_of(spec, 20)
        y = in_float(spec, weights, x)
        assert np.abs(run_integers(model, x) - y).max() <= INT8_DRAWN_FRACTION * (
            np.abs(y).max() + 0.01
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gain", 2**22 + 1),
        ("places", 0),
        ("places", 47),
        ("state_bits", 41),
        ("norm_bits", 16),
        ("eps_places", 37),
    ],
)
def test_a_tensor_out_of_its_range_is_refused(name: str, value: int) -> None:
    given: list[Layer] = [
        graph_layers.Window(2, 3),
        graph_layers.Norm(6, 1e-5),
        layers.Linear(6, 1),
    ]
    model = in_integers(*graph_of(given, [(-1,), (0,), (1,)]))
    found = next(full for full in model.tensors if full.endswith(f".{name}"))
    tensor = model.tensors[found].copy()
    tensor[0] = value
    with pytest.raises(FormatError, match=name):
        replace(model, tensors={**model.tensors, found: tensor})


@pytest.mark.parametrize("is_log", [False, True])
def test_softmax_of_too_coarse_steps_is_refused(is_log: bool) -> None:
    softmax = layers.Softmax(3, is_log=is_log)
    last = graph_layers.Sum(3, 1)
    given: list[Layer] = [layers.Linear(2, 3), layers.Affine(3, True), softmax, last]
    spec, weights = graph_of(given, [(-1,), (0,), (1,), (2,)])
    weights["layers.1.scale"] = np.full(3, 100, np.float32)
    in_integers(spec, weights)
    weights["layers.1.scale"] = np.full(3, 9_000, np.float32)
    with pytest.raises(SpecError, match=r"layer 2 \(softmax\).*--keep-float 2"):
        in_integers(spec, weights)


def test_embedding_of_a_selected_reading_stays_integer() -> None:
    given: list[Layer] = [
        graph_layers.Select(2, (1,)),
        layers.Embedding(4, 3),
        layers.Linear(3, 1),
    ]
    spec, weights = graph_of(given, [(-1,), (0,), (1,)], input_size=2)
    roles = [part.role for part in in_integers(spec, weights).roles]
    assert roles == ["float", "integer", "integer"]
