"""Graphs of layers as ONNX: ONNX Runtime against the reference, step by step and at once."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from support.artifacts import describe
from support.graph_strategies import SMOOTH, drawn_graph

from rnnedge_export.formats.onnx.graph import build_onnx
from rnnedge_runtime.backends.reference import ReferenceEngine
from rnnedge_runtime.formats.onnx_weights import read_onnx_weights
from rnnedge_runtime.tolerances import parity_limit


class Case:
    """A graph in ONNX Runtime, and what the reference makes of the same stream."""

    def __init__(self, spec, weights, seed, *, steps=12, batch=2):
        rng = np.random.default_rng(seed)
        self.content = build_onnx(describe(spec, weights), weights)
        self.session = onnxruntime.InferenceSession(self.content)
        self.x = rng.normal(size=(batch, steps, spec.input_size)).astype(np.float32)
        self.start = [
            rng.uniform(-0.5, 0.5, (batch, *e.shape)).astype(np.float32)
            for e in spec.graph_state
        ]
        self.names = [e.name for e in spec.graph_state]
        self.judged = flat(*ReferenceEngine(spec, weights).run(self.x, self.start))
        self.limit = parity_limit(self.judged[:, None])

    def run(self, chunk):
        outputs = ["y", *(f"{name}_out" for name in self.names)]
        state, parts = self.start, []
        for t in range(0, self.x.shape[1], chunk):
            feeds = dict(zip(self.names, state, strict=True))
            feeds["x"] = self.x[:, t : t + chunk]
            y, *state = self.session.run(outputs, feeds)
            parts.append(y)
        return flat(np.concatenate(parts, axis=1), state)

    def check(self):
        for chunk in (1, 5, self.x.shape[1]):
            differs = np.abs(self.run(chunk) - self.judged).max()
            assert differs <= self.limit


def flat(y, state):
    return np.concatenate([np.ravel(array).astype(float) for array in (y, *state)])


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("num_memories", [0, 1])
def test_each_kind_gives_the_same_step_by_step_and_at_once(name, num_memories):
    spec, weights = drawn_graph(7, num_memories=num_memories, names=(name,))
    Case(spec, weights, 7).check()


@pytest.mark.parametrize("seed", range(20))
def test_drawn_graphs_give_the_same_step_by_step_and_at_once(seed):
    Case(*drawn_graph(seed), seed).check()


@pytest.mark.parametrize("seed", range(3))
def test_weights_of_a_graph_are_read_back(seed, tmp_path):
    spec, weights = drawn_graph(seed, num_memories=1)
    path = tmp_path / "model.onnx"
    path.write_bytes(build_onnx(describe(spec, weights), weights))
    metadata, read = read_onnx_weights(path)
    assert metadata.spec == spec
    for name, array in weights.items():
        np.testing.assert_array_equal(read[name], array)


def test_a_graph_without_memory_has_no_scan(tmp_path):
    spec, weights = drawn_graph(7, num_memories=0, names=("window", "norm", "gru"))
    assert b"Scan" not in build_onnx(describe(spec, weights), weights)
