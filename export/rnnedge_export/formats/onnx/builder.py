"""Nodes and initializers of a graph, as the functions of layers add them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.weights import Weights

ELEMENTWISE = {"tanh": "Tanh", "relu": "Relu", "sigmoid": "Sigmoid"}


def tensor_info(name: str, shape: Sequence[int | str]) -> onnx.ValueInfoProto:
    """A float32 input or output of a graph."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


class GraphBuilder:
    """Nodes and initializers of one graph, collected layer by layer.

    Between the layers the sequence is time-major, `[T, B, size]`, as ONNX's recurrent
    operators want it.

    Args:
        spec: of the model.
        weights: its canonical weights.
        initializers: those of the graph that this one stands in; None for none.
        states: what names of states begin with.
    """

    def __init__(
        self,
        spec: ModelSpec,
        weights: Weights,
        initializers: dict[str, onnx.TensorProto] | None = None,
        states: str = "",
    ) -> None:
        self.spec = spec
        self.weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.initializers = {} if initializers is None else initializers
        names = iter([f"{states}{entry.name}" for entry in spec.graph_state])
        self.states = [[next(names) for _ in v.state_shapes()] for v in spec.layers]
        self.state_names: list[str] = []
        self.x = "x"
        self.readings = "x"

    def add(
        self,
        operator: str,
        inputs: Sequence[str],
        output: str,
        **attributes: object,
    ) -> str:
        """One node with one output, named after it."""
        node = helper.make_node(operator, inputs, [output], name=output, **attributes)
        self.nodes.append(node)
        return output

    def constant(self, name: str, array: NDArray[np.generic]) -> str:
        """The name of an initializer, stored once."""
        if name not in self.initializers:
            self.initializers[name] = numpy_helper.from_array(array, name)
        return name

    def weight(self, prefix: str, name: str) -> str:
        """A canonical weight as an initializer of the same name."""
        full = f"{prefix}.{name}"
        return self.constant(full, self.weights[full])

    def axis(self, number: int) -> str:
        return self.constant(f"axis_{number}", np.array([number], dtype=np.int64))

    def sources(self, prefix: str, sources: Sequence[int], x: str) -> str:
        """These columns of the model input `[T, B, I]`."""
        array = np.array(sources, dtype=np.int64)
        name = self.constant(f"{prefix}.sources", array)
        return self.add("Gather", [x, name], f"{prefix}.last", axis=2)

    def transposed(self, prefix: str, name: str) -> str:
        """A weight kept in PyTorch's `[out, in]` layout, as `[in, out]`."""
        weight = self.weight(prefix, name)
        return self.add("Transpose", [weight], f"{weight}.transposed", perm=[1, 0])

    def matmul(self, prefix: str, name: str, z: str) -> str:
        """`z` times the transpose of a weight."""
        turned = self.transposed(prefix, name)
        return self.add("MatMul", [z, turned], f"{prefix}.{name}.product")
