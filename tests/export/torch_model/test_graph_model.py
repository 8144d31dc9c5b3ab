"""Graphs of layers as a module: the reference's equations, scripted, and trainable."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.artifacts import torch_model
from support.graph_strategies import SMOOTH, drawn_graph

from rnnedge_runtime.backends.reference import ReferenceEngine
from rnnedge_runtime.tolerances import parity_limit


def flat(y, state):
    return np.concatenate([np.ravel(y), *(np.ravel(h) for h in state)])


def inputs(spec, seed, *, steps=5):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2, steps, spec.input_size))
    state = [rng.uniform(-0.5, 0.5, (2, *e.shape)) for e in spec.graph_state]
    return x, state


def check(spec, weights, seed):
    module = torch_model(spec, weights).double()
    x, state = inputs(spec, seed)
    with torch.inference_mode():
        y, new = module(torch.from_numpy(x), [torch.from_numpy(h) for h in state])
    expected = flat(*ReferenceEngine(spec, weights).run(x, state))
    found = flat(y.numpy(), [h.numpy() for h in new])
    assert np.abs(found - expected).max() <= parity_limit(expected[:, None])


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("num_memories", [0, 1])
def test_each_kind_in_float64_is_the_reference(name, num_memories):
    check(*drawn_graph(7, num_memories=num_memories, names=(name,)), 7)


@pytest.mark.parametrize("seed", range(20))
def test_drawn_graphs_in_float64_are_the_reference(seed):
    check(*drawn_graph(seed), seed)


@pytest.mark.parametrize("seed", range(4))
def test_a_scripted_graph_gives_the_same_bits(seed):
    spec, weights = drawn_graph(seed)
    module = torch_model(spec, weights)
    x, state = inputs(spec, seed)
    x = torch.from_numpy(x).float()
    state = [torch.from_numpy(h).float() for h in state]
    with torch.inference_mode():
        y, new = module(x, state)
        y_scripted, new_scripted = torch.jit.script(module)(x, state)
    for found, expected in zip([y_scripted, *new_scripted], [y, *new], strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize("num_memories", [0, 2])
def test_every_weight_of_a_graph_gets_a_gradient(num_memories):
    spec, weights = drawn_graph(3, num_memories=num_memories)
    module = torch_model(spec, weights).train()
    x, _ = inputs(spec, 3)
    y, _ = module(torch.from_numpy(x).float(), module.initial_state(2))
    y.square().sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
