"""The same networks as the leanest graphs ONNX Runtime can be given.

One node per layer, time first as the operators want it, states in the operators' own shape:
without the transpositions that the artifacts spend on a batch-first interface. The study
compares with these, so that no ratio comes from our own graph.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from rnnedge.benching.timing import Block
from rnnedge_runtime.formats.gate_order import torch_to_onnx_gate_order
from rnnedge_runtime.spec.layers import Gru, RecurrentLayer
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.weights import Weights

OPSET = 18
IR_VERSION = 9
_OPERATORS = {"rnn": "RNN", "gru": "GRU", "lstm": "LSTM"}


class LeanSession:
    """A session of recurrent layers with its state carried from call to call."""

    def __init__(self, spec: ModelSpec, weights: Weights, batch_size: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            _graph(spec, weights), options, providers=["CPUExecutionProvider"]
        )
        self.states = [item.name for item in self.session.get_inputs()[1:]]
        self.outputs = ["y", *(f"{name}_out" for name in self.states)]
        self.shapes = [
            (1, batch_size, item.shape[-1]) for item in self.session.get_inputs()[1:]
        ]
        self._bound: list[object] = []
        zeros = [np.zeros(shape, np.float32) for shape in self.shapes]
        self._feeds: dict[str, Any] = dict(zip(self.states, zeros, strict=True))

    def run(self, x: np.ndarray) -> np.ndarray:
        """`x` `[T, B, I]` to `[T, 1, B, H]`."""
        self._feeds["x"] = x
        y, *states = self.session.run(self.outputs, self._feeds)
        for name, value in zip(self.states, states, strict=True):
            self._feeds[name] = value
        return np.asarray(y)

    def run_block(self, inputs: np.ndarray) -> Block:
        """`InferenceSession.run`, one step of `[T, I]` inputs after the other."""
        rows = itertools.cycle([row[None, None] for row in inputs])

        def block(size: int) -> None:
            for x in itertools.islice(rows, size):
                self.run(x)

        return block

    def bind_block(self, inputs: np.ndarray) -> Block:
        """`run_with_iobinding` between two sets of preallocated buffers."""
        rows = itertools.cycle([row[None, None] for row in inputs])
        x = np.zeros((1, 1, inputs.shape[1]), np.float32)
        y = np.zeros((1, 1, 1, self.shapes[-1][-1]), np.float32)
        sets = [[np.zeros(shape, np.float32) for shape in self.shapes] for _ in "ab"]
        self._bound.append((x, y, sets))  # a binding keeps addresses, not arrays
        bindings = itertools.cycle(
            [self._bind(x, y, *sets), self._bind(x, y, *sets[::-1])]
        )

        def block(size: int) -> None:
            for row in itertools.islice(rows, size):
                x[:] = row
                self.session.run_with_iobinding(next(bindings))

        return block

    def _bind(self, x: np.ndarray, y: np.ndarray, before: list, after: list) -> Any:
        binding = self.session.io_binding()
        inputs = zip(["x", *self.states], [x, *before], strict=True)
        for name, array in inputs:
            binding.bind_input(
                name, "cpu", 0, np.float32, array.shape, array.ctypes.data
            )
        for name, array in zip(self.outputs, [y, *after], strict=True):
            binding.bind_output(
                name, "cpu", 0, np.float32, array.shape, array.ctypes.data
            )
        return binding


def _graph(spec: ModelSpec, weights: Weights) -> bytes:
    nodes, constants, inputs, outputs = [], [], [], []
    z = "x"
    inputs.append(_value("x", ["T", "B", spec.input_size]))
    for k, layer in enumerate(spec.layers):
        assert isinstance(layer, RecurrentLayer)
        states = [f"{name}_{k}" for name in layer.state_shapes()]
        for name, (size,) in zip(states, layer.state_shapes().values(), strict=True):
            inputs.append(_value(name, [1, "B", size]))
            outputs.append(_value(f"{name}_out", [1, "B", size]))
        rows = [
            torch_to_onnx_gate_order(layer.kind, weights[f"layers.{k}.{name}"])
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        ]
        tensors = {"W": rows[0], "R": rows[1], "B": np.concatenate(rows[2:])}
        for name, tensor in tensors.items():
            constants.append(numpy_helper.from_array(tensor[None], f"{name}_{k}"))
        is_last = k == len(spec.layers) - 1
        out = "y" if is_last else f"y_{k}"
        node = helper.make_node(
            _OPERATORS[layer.kind],
            [z, f"W_{k}", f"R_{k}", f"B_{k}", "", *states],
            [out, *(f"{name}_out" for name in states)],
            hidden_size=layer.hidden_size,
        )
        if isinstance(layer, Gru):
            node.attribute.append(helper.make_attribute("linear_before_reset", 1))
        nodes.append(node)
        if not is_last:
            constants.append(numpy_helper.from_array(np.array([1]), f"axes_{k}"))
            nodes.append(helper.make_node("Squeeze", [out, f"axes_{k}"], [f"z_{k}"]))
            z = f"z_{k}"
    hidden = spec.layers[-1].output_size
    outputs.insert(0, _value("y", ["T", 1, "B", hidden]))
    graph = helper.make_graph(nodes, "lean", inputs, outputs, constants)
    model = helper.make_model(
        graph, ir_version=IR_VERSION, opset_imports=[helper.make_opsetid("", OPSET)]
    )
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def _value(name: str, shape: list[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
