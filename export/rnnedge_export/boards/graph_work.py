"""What the layers of a graph have to do beside products: a row a kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from rnnedge_runtime.spec import graph_layers as graph
from rnnedge_runtime.spec import layers as kinds
from rnnedge_runtime.spec.graph_roles import is_graph
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.w8a16_graph import EXACT_FUNCTIONS, ROOTS
from rnnedge_runtime.spec.w8a16_model import QuantisedModel, Tensor, tensor_types

from ..formats.c.w8a16.graph_source import graph_code
from ..formats.c.writers.places import runs_of

Done = tuple[str, int]
"""What is done, as `costs.json` calls it, and to how many values."""

_JOINS = {"multiply": "multiply", "divide": "divide"}
_SIZES = {"int16_t": 2, "int32_t": 4, "float": 4}
_BITS = 15  # of a state, which any cell may have


def _function(layer: kinds.Activation) -> Done:
    if layer.function in EXACT_FUNCTIONS:
        return "value", layer.size
    is_root = layer.function in (*ROOTS, "log")
    return "root" if is_root else "curve", layer.size


DONE: dict[type[kinds.Layer], Callable[[Any], Done]] = {
    kinds.Activation: _function,
    kinds.Softmax: lambda layer: ("softmax", layer.size),
    graph.Combine: lambda layer: (_JOINS.get(layer.operation, "add"), layer.size),
    graph.Concat: lambda layer: ("copy", layer.output_size),
    graph.Select: lambda layer: (
        "copy",
        layer.output_size * (len(runs_of(layer)) != 1),
    ),
    graph.Memory: lambda layer: ("copy", layer.output_size),
    graph.Window: lambda layer: ("copy", (layer.inner_size + 1) * layer.input_size),
    graph.Constant: lambda layer: ("copy", 0),
    graph.Norm: lambda layer: ("norm", layer.size),
    graph.Sum: lambda layer: ("sum", layer.input_size),
    graph.Depthwise: lambda layer: ("value", layer.size),
}
"""Kinds without a row do `value` to each of their outputs."""


def done_by(layer: kinds.Layer) -> Done:
    """What a layer that is no cell does to its values."""
    row = DONE.get(type(layer))
    return ("value", layer.output_size) if row is None else row(layer)


def repeated(layer: kinds.Layer) -> int:
    """How often a layer multiplies by each of its weights."""
    return layer.positions if isinstance(layer, kinds.Linear) else 1


def blank_model(spec: ModelSpec) -> QuantisedModel:
    """A model of `spec` in integers that are all alike: of its sizes, not of its values.

    Raises:
        SpecError: a layer can not be in integers, as `layer_roles`.
    """
    tensors: dict[str, Tensor] = {}
    for name, (kind, shape) in tensor_types(spec, frozenset()).items():
        last = name.rsplit(".", 1)[1]
        value = 1 if last.endswith("places") else _BITS if last == "bits" else 0
        tensors[name] = np.full(shape, value, kind)
    return QuantisedModel(spec, frozenset(), tensors)


def integer_nbytes(spec: ModelSpec) -> tuple[int, int]:
    """Bytes of the constants of a graph in integers, and of its state."""
    model = blank_model(spec)
    gains = ("gain", "gain_0", "gain_1", "rate", "step", "shift")
    constants = 0
    for name, tensor in model.tensors.items():
        is_one = name.rsplit(".", 1)[1] in gains
        constants += tensor.itemsize if is_one else tensor.nbytes
    fields = graph_code(model, "model").fields
    return constants, sum(_SIZES[c_type] * size for c_type, _, size in fields)


def is_integer_graph(spec: ModelSpec, numerics: str, of_floats: str) -> bool:
    """Whether the generator says what a model needs that is not in float."""
    return numerics != of_floats and is_graph(spec)
