"""A graph in integers in the C core: the bytes of NumPy, however it is driven."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from support.core_ways import case_of, check_ways
from support.graph_strategies import graph_specs
from support.integer_graphs import drawn_graph, in_integers
from support.integer_tensors import drawn_integers
from support.strategies import seeds

from rnnedge_export.formats.rnne import writing
from rnnedge_runtime.backends.native import has_native
from rnnedge_runtime.spec.graph_roles import is_graph
from rnnedge_runtime.spec.model_spec import ModelSpec

pytestmark = pytest.mark.skipif(not has_native(), reason="the C engine is not built")


@pytest.fixture(autouse=True)
def _short_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "LONG_RUN_STEPS", 1)


@settings(max_examples=10)
@given(spec=graph_specs().filter(is_graph), seed=seeds)
def test_any_tensors_within_the_limits(spec: ModelSpec, seed: int) -> None:
    rng = np.random.default_rng(seed)
    check_ways(*case_of(spec, drawn_integers(spec, rng), rng))


@pytest.mark.parametrize("seed", range(8))
def test_quantised_graphs(seed: int) -> None:
    """Loops among them, whose values are wide; then with any tensors."""
    spec, weights = drawn_graph(seed)
    rng = np.random.default_rng(seed)
    for model in (in_integers(spec, weights), drawn_integers(spec, rng)):
        check_ways(*case_of(spec, model, rng))
