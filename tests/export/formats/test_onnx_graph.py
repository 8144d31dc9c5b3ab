"""The ONNX graph against PyTorch and the float64 reference, through engines not ours."""

from __future__ import annotations

import io

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator
from onnx.reference.ops.op_rnn import RNN_14
from support.artifacts import describe, torch_model
from support.rnn_cells import IDS, forecaster
from support.strategies import model_specs, random_weights, seeds

from rnnedge_export.formats.onnx.graph import build_onnx
from rnnedge_runtime.backends.reference import ReferenceEngine
from rnnedge_runtime.formats.gate_order import torch_to_onnx_gate_order
from rnnedge_runtime.formats.seal import check_seal
from rnnedge_runtime.spec.layers import (
    AddLast,
    Affine,
    Difference,
    Embedding,
    Gru,
    Linear,
    Rnn,
)
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.weights import Weights
from rnnedge_runtime.tolerances import parity_limit


class RNN(RNN_14):
    """ONNX's evaluator leaves out one activation of its RNN operator."""

    op_domain = ""

    def choose_act(self, name, alpha, beta):
        if name == "Relu":
            return lambda z: np.maximum(z, 0)
        return super().choose_act(name, alpha, beta)


class Case:
    """One model, its graph and its three judges."""

    def __init__(self, spec: ModelSpec, seed: int, batch: int = 3, steps: int = 20):
        rng = np.random.default_rng(seed)
        self.spec = spec
        self.weights: Weights = random_weights(spec, rng)
        self.content = build_onnx(describe(spec, self.weights), self.weights)
        self.session = onnxruntime.InferenceSession(self.content)
        self.names = [entry.name for entry in spec.graph_state]
        self.x = rng.normal(size=(batch, steps, spec.input_size)).astype(np.float32)
        if isinstance(spec.layers[0], Embedding):
            self.x = rng.integers(-1, 4, self.x.shape).astype(np.float32)
        self.state = [
            rng.uniform(-0.5, 0.5, (batch, *entry.shape)).astype(np.float32)
            for entry in spec.graph_state
        ]
        reference = ReferenceEngine(spec, self.weights)
        self.judged = flat(*reference.run(self.x, self.state))
        self.limit = parity_limit(self.judged[:, None], self.differs(self.torch()))

    def torch(self) -> np.ndarray:
        module = torch_model(self.spec, self.weights)
        with torch.inference_mode():
            y, state = module(
                torch.from_numpy(self.x), [torch.from_numpy(h) for h in self.state]
            )
        return flat(y.numpy(), [h.numpy() for h in state])

    def feeds(self) -> dict[str, np.ndarray]:
        return {"x": self.x, **dict(zip(self.names, self.state, strict=True))}

    def differs(self, found: np.ndarray) -> float:
        return float(np.abs(found - self.judged).max(initial=0.0))

    def agrees(self, found: np.ndarray) -> bool:
        return self.differs(found) <= self.limit


def flat(y: np.ndarray, state: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([array.astype(np.float64).ravel() for array in (y, *state)])


@pytest.mark.parametrize("name", IDS)
def test_two_foreign_engines_agree_with_pytorch_and_the_reference(name, seed):
    case = Case(forecaster(name), seed)
    outputs = ["y", *(f"{state}_out" for state in case.names)]
    y, *state = case.session.run(outputs, case.feeds())
    assert case.agrees(flat(y, state))
    evaluator = ReferenceEvaluator(
        onnx.load_model_from_string(case.content), new_ops=[RNN]
    )
    y, *state = evaluator.run(outputs, case.feeds())
    assert case.agrees(flat(y, state))
    assert case.agrees(case.torch())


@given(model_specs(), seeds)
@settings(max_examples=10)
def test_drawn_models_agree_with_the_reference(spec, seed):
    case = Case(spec, seed, batch=2, steps=6)
    outputs = ["y", *(f"{state}_out" for state in case.names)]
    y, *state = case.session.run(outputs, case.feeds())
    assert case.agrees(flat(y, state))


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("batch", [1, 7])
def test_bare_onnx_runtime_steps_by_feeding_outputs_back(name, batch, seed):
    """No code of ours in the loop; one step or fifty at a time."""
    case = Case(forecaster(name), seed, batch=batch, steps=100)
    runs = []
    for chunk in (1, 50, 100):
        feeds, parts = case.feeds(), []
        for first in range(0, 100, chunk):
            feeds["x"] = case.x[:, first : first + chunk]
            y, *state = case.session.run(None, feeds)
            parts.append(y)
            feeds.update(zip(case.names, state, strict=True))
        runs.append(flat(np.concatenate(parts, axis=1), state))
    for run in runs:
        assert case.agrees(run)


@pytest.mark.parametrize("batch", [1, 3])
def test_a_difference_carries_its_readings_as_an_explicit_state(batch, seed):
    """Streams in their first step and later ones, side by side; beyond the clip, too."""
    features = (Feature("a", clip=(-0.5, 0.5)), Feature("b"))
    layers = (
        Affine(2),
        Difference(2, (1, 0, 0)),
        Gru(5, 3),
        Difference(3, (0,)),
        Linear(4, 2),
        AddLast((0, 1), is_clipped=False),
    )
    spec = ModelSpec(features, (Target("a"), Target("b")), layers)
    case = Case(spec, seed, batch=batch, steps=100)
    assert case.names == ["d_0", "h_1", "d_2"]
    case.state[0][0] = 0.0  # the first stream had no step yet
    case.judged = flat(
        *ReferenceEngine(spec, case.weights).run(case.x, list(case.state))
    )
    evaluator = ReferenceEvaluator(onnx.load_model_from_string(case.content))
    outputs = ["y", *(f"{state}_out" for state in case.names)]
    y, *state = evaluator.run(outputs, case.feeds())
    assert case.agrees(flat(y, state))
    for chunk in (1, 50, 100):
        feeds, parts = case.feeds(), []
        for first in range(0, 100, chunk):
            feeds["x"] = case.x[:, first : first + chunk]
            y, *state = case.session.run(outputs, feeds)
            parts.append(y)
            feeds.update(zip(case.names, state, strict=True))
        assert case.agrees(flat(np.concatenate(parts, axis=1), state))


@pytest.mark.parametrize("name", IDS)
def test_rows_of_a_batch_do_not_touch_each_other(name, seed):
    case = Case(forecaster(name), seed)
    alone = case.feeds()
    y, *state = case.session.run(None, alone)
    noisy = {key: value.copy() for key, value in alone.items()}
    for value in noisy.values():
        value[[0, 2]] = 1e3
    y_noisy, *state_noisy = case.session.run(None, noisy)
    for found, expected in zip((y_noisy, *state_noisy), (y, *state), strict=True):
        np.testing.assert_array_equal(found[1], expected[1])


def test_graph_has_named_state_dynamic_axes_and_a_seal():
    case = Case(forecaster("lstm-L2"), 0)
    model = onnx.load_model_from_string(case.content)
    inputs = {
        item.name: [
            axis.dim_param or axis.dim_value for axis in item.type.tensor_type.shape.dim
        ]
        for item in model.graph.input
    }
    assert inputs == {
        "x": ["batch", "time", 3],
        **{name: ["batch", 11] for name in ("h_0", "c_0", "h_1", "c_1")},
    }
    outputs = [item.name for item in model.graph.output]
    assert outputs == ["y", "h_0_out", "c_0_out", "h_1_out", "c_1_out"]
    check_seal(case.content, where="test")
    kinds = [node.op_type for node in model.graph.node]
    assert kinds.count("LSTM") == 2
    assert kinds.count("Transpose") == 3, "one in, one out, one of the head's weight"


def test_same_model_gives_the_same_bytes():
    spec = forecaster("gru-L2")
    weights = random_weights(spec, np.random.default_rng(0))
    metadata = describe(spec, weights)
    assert build_onnx(metadata, weights) == build_onnx(metadata, weights)


@pytest.mark.parametrize("name", IDS)
def test_every_weight_is_used(name, seed):
    """A layer that silently took the weights of layer 0 would not notice a change."""
    spec = forecaster(name, hidden_size=3)
    case = Case(spec, seed)
    expected, *_ = case.session.run(None, case.feeds())
    for key in case.weights:
        changed = {**case.weights, key: case.weights[key] + np.float32(0.25)}
        content = build_onnx(describe(spec, changed, size=1), changed)
        found, *_ = onnxruntime.InferenceSession(content).run(None, case.feeds())
        assert np.abs(found - expected).max() > case.limit, key


def test_gru_resets_after_the_product_and_keeps_two_biases():
    """ONNX's default, linear_before_reset=0, gives other numbers."""
    case = Case(forecaster("gru-L1"), 1)
    model = onnx.load_model_from_string(case.content)
    node = next(node for node in model.graph.node if node.op_type == "GRU")
    attribute = next(a for a in node.attribute if a.name == "linear_before_reset")
    assert attribute.i == 1
    attribute.i = 0
    session = onnxruntime.InferenceSession(model.SerializeToString())
    y, *state = session.run(None, case.feeds())
    assert not case.agrees(flat(y, state))


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_gates_in_pytorch_order_are_not_those_of_onnx(cell):
    """Without the permutation the graph gives other numbers."""
    case = Case(forecaster(f"{cell}-L1"), 2)
    model = onnx.load_model_from_string(case.content)
    tensor = next(t for t in model.graph.initializer if t.name == "layers.1.R")
    rows = onnx.numpy_helper.to_array(tensor)[0]
    torch_rows = torch_to_onnx_gate_order(cell, rows, inverse=True)
    np.testing.assert_array_equal(torch_rows, case.weights["layers.1.weight_hh"])
    tensor.CopyFrom(onnx.numpy_helper.from_array(torch_rows[None], tensor.name))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    y, *state = session.run(None, case.feeds())
    assert not case.agrees(flat(y, state))


@given(st.sampled_from(["rnn", "gru", "lstm"]), st.integers(1, 9), st.integers(0, 4))
def test_gate_order_round_trip(cell, hidden_size, columns):
    gates = {"rnn": 1, "gru": 3, "lstm": 4}[cell]
    shape = (gates * hidden_size, *([columns] if columns else []))
    rows = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    onnx_rows = torch_to_onnx_gate_order(cell, rows)
    np.testing.assert_array_equal(
        torch_to_onnx_gate_order(cell, onnx_rows, inverse=True), rows
    )
    blocks = onnx_rows.reshape(gates, hidden_size, -1)[:, 0, 0] // max(1, columns)
    order = {"rnn": [0], "gru": [1, 0, 2], "lstm": [0, 3, 1, 2]}[cell]
    assert (blocks / hidden_size).astype(int).tolist() == order


def test_scaler_travels_inside():
    """Raw units in, raw units out: the graph is shifted and scaled like the sensors."""
    layers = (Affine(1), Gru(1, 4), Linear(4, 1), Affine(1, inverse=True))
    spec = ModelSpec((Feature("t"),), (Target("t"),), layers)
    weights = random_weights(spec, np.random.default_rng(0))
    plain = {
        **weights,
        "layers.0.shift": np.float32([0]),
        "layers.0.scale": np.float32([1]),
        "layers.3.shift": np.float32([0]),
        "layers.3.scale": np.float32([1]),
    }
    scaled = {
        **plain,
        "layers.0.shift": np.float32([1000]),
        "layers.0.scale": np.float32([0.125]),
        "layers.3.shift": np.float32([1000]),
        "layers.3.scale": np.float32([8]),
    }
    x = np.random.default_rng(1).integers(-16, 16, (1, 30, 1)).astype(np.float32) / 8
    h = np.zeros((1, 4), np.float32)

    def run(these: Weights, x: np.ndarray) -> np.ndarray:
        content = build_onnx(describe(spec, these), these)
        session = onnxruntime.InferenceSession(content)
        return session.run(["y"], {"x": x, "h_0": h})[0]

    y = run(plain, x)
    expected = y.astype(np.float64) * 8 + 1000
    found = run(scaled, x * 8 + 1000)
    assert np.abs(found - expected).max() <= parity_limit(expected[0])


def test_clip_is_in_the_graph_and_only_where_asked_for():
    case = Case(forecaster("rnn-tanh-L1"), 3)
    feeds = case.feeds()
    feeds["x"] = feeds["x"].copy()
    feeds["x"][..., 0] = 2.5
    expected = case.session.run(None, feeds)
    feeds["x"][..., 0] = 1e6
    for found, want in zip(case.session.run(None, feeds), expected, strict=True):
        np.testing.assert_array_equal(found, want)
    feeds["x"][..., 1] = 1e6
    assert case.session.run(None, feeds)[0][0, -1, 2] >= 1e5, "add_last is not clipped"
    bare = ModelSpec((Feature("a"),), (Target("a"),), (Rnn(1, 1),))
    weights = random_weights(bare, np.random.default_rng(0))
    graph = onnx.load(io.BytesIO(build_onnx(describe(bare, weights), weights))).graph
    assert not {"Max", "Min"} & {node.op_type for node in graph.node}


def test_embedding_reads_index_0_for_what_is_no_token():
    layers = (Embedding(4, 3), Gru(3, 3))
    spec = ModelSpec((Feature("token"),), tuple(Target(c) for c in "abc"), layers)
    weights = random_weights(spec, np.random.default_rng(0))
    session = onnxruntime.InferenceSession(build_onnx(describe(spec, weights), weights))

    def run(token: float) -> np.ndarray:
        x = np.full((1, 1, 1), token, np.float32)
        return session.run(["y"], {"x": x, "h_0": np.zeros((1, 3), np.float32)})[0]

    for token in (-1, -0.5, 4, 1e9, -1e30, np.nan, np.inf):
        np.testing.assert_array_equal(run(token), run(0))
    np.testing.assert_array_equal(run(3.9), run(3))
    assert len({run(token).tobytes() for token in range(4)}) == 4
