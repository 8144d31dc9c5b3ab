"""The judge's steps: a row for every layer kind, and the two ways to take them agree."""

from __future__ import annotations

import numpy as np
import pytest
from support.rnn_cells import IDS, forecaster
from support.strategies import random_weights

from rnnedge_export.compare.carrying import carry
from rnnedge_export.compare.exact_steps import ExactSteps
from rnnedge_export.compare.layer_steps import CELLS, PLAIN
from rnnedge_export.compare.runs import run_through
from rnnedge_export.compare.state_layout import taken_by_reference
from rnnedge_runtime.backends.reference import ReferenceEngine
from rnnedge_runtime.spec.layers import LAYER_KINDS, Difference, Opaque

WITHOUT = {
    Difference: "copies readings, which rounds nothing: a function of its own",
    Opaque: "no equations are known",
}


def test_every_layer_kind_has_its_step_or_a_reason() -> None:
    assert {*CELLS, *PLAIN, *WITHOUT} == set(LAYER_KINDS.values())
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
