"""Cells as graphs of simple layers: what PyTorch trains is what the engines step."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rnnedge.tasks.blocks import COMPOSED
from rnnedge_export.capture.graph.builder import GraphBuilder
from rnnedge_export.capture.graph.composed_cells import CELLS, add_cell
from rnnedge_export.capture.graph.nodes import INPUT, names_of
from rnnedge_export.torch_model.sequence_model import SequenceModel
from rnnedge_runtime.backends.numpy_f32 import Float32Engine
from rnnedge_runtime.backends.reference import ReferenceEngine
from rnnedge_runtime.spec.layers import Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.tolerances import parity_limit


def cell_model(name, size=5, weights=None):
    torch.manual_seed(0)
    b = GraphBuilder(3)
    h = add_cell(b, name, names_of(INPUT, (3,)), size, weights)
    b.add(Linear(size, 1), (b.operand(h),))
    features = tuple(Feature(column) for column in "abc")
    layers = tuple(b.layers)
    spec = ModelSpec(features, (Target("a"),), layers, wiring=b.wiring())
    model = SequenceModel(spec)
    model.load_weights({**model.weights(), **b.weights})
    return spec, model


def run(model, x):
    with torch.inference_mode():
        return model(x, model.initial_state(len(x)))[0].numpy()


def test_training_offers_every_cell():
    assert tuple(CELLS) == COMPOSED


@pytest.mark.parametrize("name", CELLS)
def test_engines_agree_with_the_module(name):
    spec, model = cell_model(name)
    x = torch.randn(2, 30, 3)
    y = run(model, x)
    for engine in (Float32Engine, ReferenceEngine):
        state = [h.numpy() for h in model.initial_state(2)]
        found, _ = engine(spec, model.weights()).run(x.numpy(), state)
        assert np.abs(found - y).max() <= parity_limit(y.reshape(-1, 1))


@pytest.mark.parametrize("name", CELLS)
def test_every_weight_is_trained(name):
    _, model = cell_model(name)
    y, _ = model(torch.randn(2, 6, 3), model.initial_state(2))
    y.square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


def test_a_gru_that_resets_before_is_its_equations():
    """ONNX, operator GRU, `linear_before_reset=0`; gates r z n."""
    spec, model = cell_model("gru_reset_before")
    w = {k: torch.from_numpy(np.array(v)) for k, v in model.weights().items()}
    linear = [k for k, layer in enumerate(spec.layers) if isinstance(layer, Linear)]
    (w_ih, w_hh, w_hn, w_y), (b_ih, b_hh, b_hn, b_y) = (
        [w[f"layers.{k}.{name}"] for k in linear] for name in ("weight", "bias")
    )
    x, h = torch.randn(1, 12, 3), torch.zeros(5)
    expected = []
    for row in x[0]:
        given, kept = w_ih @ row + b_ih, w_hh @ h + b_hh
        r, z = torch.sigmoid(given[:10] + kept).split(5)
        n = torch.tanh(given[10:] + w_hn @ (r * h) + b_hn)
        h = (1 - z) * n + z * h
        expected.append(w_y @ h + b_y)
    found = run(model, x)
    assert np.abs(found[0] - torch.stack(expected).numpy()).max() <= parity_limit(
        found[0]
    )


def test_a_layernorm_lstm_is_its_equations():
    """Ba et al. 2016 in the form of PyTorch's `LayerNormLSTMCell`; weights are given."""
    shapes = {"ih": (20, 3), "hh": (20, 5)}
    w = {f"weight_{k}": torch.randn(shape) for k, shape in shapes.items()}
    w |= {f"bias_{k}": torch.zeros(20) for k in shapes}
    for norm, size in {"ni": 20, "nh": 20, "nc": 5}.items():
        w |= {f"weight_{norm}": torch.rand(size), f"bias_{norm}": torch.randn(size)}
    spec, model = cell_model("layernorm_lstm", weights=w)

    def norm(z, name):
        return torch.nn.functional.layer_norm(
            z, z.shape, w[f"weight_{name}"], w[f"bias_{name}"]
        )

    x, h, c = torch.randn(1, 12, 3), torch.zeros(5), torch.zeros(5)
    for row in x[0]:
        sums = norm(w["weight_ih"] @ row, "ni") + norm(w["weight_hh"] @ h, "nh")
        i, f, g, o = sums.split(5)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(norm(c, "nc"))
    with torch.inference_mode():
        _, state = model(x, model.initial_state(1))
    found = torch.cat([tensor[0] for tensor in state])
    expected = torch.cat([h, c]).numpy()
    assert len(spec.graph_state) == 2
    assert np.abs(found.numpy() - expected).max() <= parity_limit(expected[None])
