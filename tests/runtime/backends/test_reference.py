"""The judge is judged: the reference against PyTorch in float64 and against equations."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from support.artifacts import describe, inputs_of, reference_model, torch_model
from support.strategies import model_specs, random_readings, random_weights, seeds

from rnnedge_runtime.backends.reference import ReferenceEngine
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.spec.layers import Embedding, Gru, Linear, Opaque, Softmax
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.weights import canonical_weights
from rnnedge_runtime.streams.engine import initial_state
from rnnedge_runtime.tolerances import FLOAT64_PARITY


@settings(max_examples=200)
@given(spec=model_specs(), seed=seeds)
def test_the_reference_equals_pytorch_in_float64(spec: ModelSpec, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = random_weights(spec, rng)
    sequences = [inputs_of(spec, random_readings(spec, rng, 20)) for _ in range(2)]
    x = np.stack(sequences)
    state = [rng.normal(size=(2, *entry.shape)) for entry in spec.graph_state]
    found, found_state = ReferenceEngine(spec, weights).run(x, state)
    module = torch_model(spec, weights).double()
    with torch.no_grad():
        y, new_state = module(
            torch.from_numpy(x).double(), [torch.from_numpy(s) for s in state]
        )
    for ours, theirs in zip([found, *found_state], [y, *new_state], strict=True):
        assert ours.dtype == np.float64
        scale = 1 + np.abs(theirs.numpy())
        assert (np.abs(ours - theirs.numpy()) / scale).max() <= FLOAT64_PARITY


@settings(max_examples=50)
@given(spec=model_specs(), seed=seeds)
def test_a_run_changes_neither_its_input_nor_its_state(
    spec: ModelSpec, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    engine = ReferenceEngine(spec, random_weights(spec, rng))
    x = inputs_of(spec, random_readings(spec, rng, 5))[None]
    state = initial_state(spec.graph_state, 1, np.float64)
    copies = [array.copy() for array in (x, *state)]
    first, _ = engine.run(x, state)
    for array, copy in zip((x, *state), copies, strict=True):
        np.testing.assert_array_equal(array, copy)
    np.testing.assert_array_equal(engine.run(x, state)[0], first)


def test_one_step_of_a_gru_by_hand() -> None:
    """PyTorch nn.GRU docs, H = 1, from h = 0.5 with a reading of 2."""
    spec = ModelSpec(
        features=(Feature("a"),),
        targets=(Target("a"),),
        layers=(Gru(1, 1), Linear(1, 1)),
    )
    weights = canonical_weights(
        spec,
        {
            "layers.0.weight_ih": [[0.1], [0.2], [0.3]],
            "layers.0.weight_hh": [[0.4], [0.5], [0.6]],
            "layers.0.bias_ih": [0.01, 0.02, 0.03],
            "layers.0.bias_hh": [0.04, 0.05, 0.06],
            "layers.1.weight": [[1.0]],
            "layers.1.bias": [0.0],
        },
    )
    r = 1 / (1 + math.exp(-(0.2 + 0.01 + 0.2 + 0.04)))
    z = 1 / (1 + math.exp(-(0.4 + 0.02 + 0.25 + 0.05)))
    n = math.tanh(0.6 + 0.03 + r * (0.3 + 0.06))
    x, h = np.array([[[2.0]]], np.float32), np.array([[0.5]])
    y, _ = ReferenceEngine(spec, weights).run(x, [h])
    assert y[0, 0, 0] == pytest.approx((1 - z) * n + z * 0.5, rel=1e-7)


@pytest.mark.parametrize(
    ("token", "row"), [(0, 0), (1, 1), (2, 2), (1.9, 1), (3, 0), (-1, 0), (1e30, 0)]
)
def test_a_token_out_of_range_is_the_unknown_one(token: float, row: int) -> None:
    spec = ModelSpec(
        features=(Feature("token"),),
        targets=(Target("p_0"), Target("p_1")),
        layers=(Embedding(3, 2), Softmax(2)),
        vocabulary=("<unk>", "a", "b"),
    )
    table = np.array([[0, 1], [3, 0], [0, 2]], np.float32)
    stream = reference_model(spec, {"layers.0.weight": table}).stream()
    powers = np.exp(table[row].astype(np.float64))
    np.testing.assert_allclose(stream.step([token]), powers / powers.sum(), rtol=1e-15)


def test_an_opaque_graph_is_refused() -> None:
    spec = ModelSpec(
        features=(Feature("a"),),
        targets=(Target("a"),),
        layers=(Opaque(1, 1, (), "0" * 64, "aten.roll"),),
    )
    with pytest.raises(SpecError, match="not a chain of layers"):
        ReferenceEngine(spec, {})
    with pytest.raises(SpecError):
        describe(spec, {})
