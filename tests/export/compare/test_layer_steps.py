"""The judge's steps: a row for every layer kind, and the two ways to take them agree."""

from __future__ import annotations

import numpy as np
import pytest
from support.graph_strategies import SMOOTH, drawn_graph
from support.rnn_cells import IDS, forecaster
from support.strategies import random_weights

from rnnedge_export.compare.carrying import carry
from rnnedge_export.compare.exact_steps import ExactSteps
from rnnedge_export.compare.graph_steps import HOLDING
from rnnedge_export.compare.layer_steps import CELLS, PLAIN
from rnnedge_export.compare.runs import run_through, take_steps
from rnnedge_export.compare.state_layout import taken_by_reference
from rnnedge_runtime.backends.numpy_f32 import Float32Engine
from rnnedge_runtime.backends.reference import ReferenceEngine
from rnnedge_runtime.spec.layers import LAYER_KINDS, Difference, Opaque

WITHOUT = {
    Difference: "copies readings, which rounds nothing: a function of its own",
    Opaque: "no equations are known",
}


def test_every_layer_kind_has_its_step_or_a_reason() -> None:
    assert {*CELLS, *PLAIN, *HOLDING, *WITHOUT} == set(LAYER_KINDS.values())
    assert not {*CELLS} & {*PLAIN}


@pytest.mark.parametrize("name", IDS)
def test_carried_steps_are_those_of_the_reference(name: str, rng) -> None:
    spec = forecaster(name, hidden_size=5)
    weights = random_weights(spec, rng)
    x = rng.standard_normal((700, spec.input_size)).astype(np.float32)
    exact = ExactSteps(spec, weights)
    carried = carry(exact, x, taken_by_reference(exact, x))
    expected = run_through(ReferenceEngine(spec, weights), spec, x)
    assert np.abs(carried.y - expected).max() < 1e-12 * np.abs(expected).max()
    assert all(carried.has_changed)


@pytest.mark.parametrize("seed", range(6))
def test_carried_steps_of_a_graph_are_those_of_the_reference(seed: int) -> None:
    spec, weights = drawn_graph(seed)
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((520, spec.input_size)).astype(np.float32)
    exact = ExactSteps(spec, weights)
    carried = carry(exact, x, taken_by_reference(exact, x))
    expected = run_through(ReferenceEngine(spec, weights), spec, x)
    assert np.abs(carried.y - expected).max() < 1e-12 * np.abs(expected).max()
    assert any(carried.has_changed) or not carried.has_changed


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("num_memories", [0, 1])
def test_float32_is_within_the_bounds_of_each_kind(name, num_memories) -> None:
    spec, weights = drawn_graph(7, num_memories=num_memories, names=(name,))
    x = np.random.default_rng(7).standard_normal((64, spec.input_size))
    engine = Float32Engine(spec, weights)
    y, taken = take_steps(engine, spec, x.astype(np.float32))
    exact = ExactSteps(spec, weights)
    steps = exact.step(taken.x, taken.before)
    pairs = zip(
        [taken.y, *taken.after],
        [steps.y, *steps.state],
        [steps.y_bound, *steps.state_bounds],
        strict=True,
    )
    for found, expected, bound in pairs:
        assert np.isfinite(bound).all()
        assert (np.abs(found - expected) <= bound).all()
    assert steps.y_bound.max() < 1e-3 * np.abs(y).max()
