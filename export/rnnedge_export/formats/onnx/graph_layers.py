"""The layers that only a graph has, in ONNX (`graph.py`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rnnedge_runtime.spec import graph_layers as kinds
from rnnedge_runtime.spec.layers import Layer

from .builder import GraphBuilder

_LAST = np.iinfo(np.int64).max

_OPERATORS = {
    "add": "Add",
    "subtract": "Sub",
    "multiply": "Mul",
    "divide": "Div",
    "minimum": "Min",
    "maximum": "Max",
}


def parted(
    builder: GraphBuilder, prefix: str, z: str, shape: Sequence[int], name: str
) -> str:
    """`z` `[T, B, n]` as `[T, B, *shape]`, or back."""
    sizes = "x".join(map(str, shape))
    target = np.array([0, 0, *shape], dtype=np.int64)
    reshape = [z, builder.constant(f"shape_{sizes}", target)]
    return builder.add("Reshape", reshape, f"{prefix}.{name}")


def in_parts(
    builder: GraphBuilder,
    prefix: str,
    z: str,
    shape: tuple[int, int],
    write: Callable[[str], str],
    size: int,
) -> str:
    """What `write` makes of `z` in parts, put together to `size` values again."""
    y = write(parted(builder, prefix, z, shape, "parts"))
    return parted(builder, prefix, y, (size,), "out")


def _combine(
    builder: GraphBuilder, prefix: str, layer: kinds.Combine, z: tuple[str, str]
) -> str:
    return builder.add(_OPERATORS[layer.operation], z, f"{prefix}.out")


def _concat(
    builder: GraphBuilder, prefix: str, layer: kinds.Concat, z: str | tuple[str, ...]
) -> str:
    inputs = [z] if isinstance(z, str) else z
    return builder.add("Concat", inputs, f"{prefix}.out", axis=2)


def _select(builder: GraphBuilder, prefix: str, layer: kinds.Select, z: str) -> str:
    indices = np.array(layer.indices, dtype=np.int64)
    name = builder.constant(f"{prefix}.indices", indices)
    return builder.add("Gather", [z, name], f"{prefix}.out", axis=2)


def _memory(builder: GraphBuilder, prefix: str, layer: kinds.Memory, z: object) -> str:
    """The state; `loop.py` gives the new one."""
    inputs = [builder.state_names.pop(0), builder.axis(0)]
    return builder.add("Unsqueeze", inputs, f"{prefix}.out")


def _window(builder: GraphBuilder, prefix: str, layer: kinds.Window, z: str) -> str:
    """The steps before in front of these, cut out once a tap."""
    state, kept = builder.state_names.pop(0), layer.inner_size

    def add(operator: str, inputs: Sequence[str], name: str, **fields: object) -> str:
        return builder.add(operator, inputs, f"{prefix}.{name}", **fields)

    def number(value: int) -> str:
        return builder.constant(f"int_{value}", np.array([value], dtype=np.int64))

    def cut(start: int, end: int, name: str) -> str:
        inputs = [held, number(start), number(end), builder.axis(0)]
        return add("Slice", inputs, name)

    shape = np.array([0, kept, layer.input_size], dtype=np.int64)
    rows = [state, builder.constant(f"{prefix}.shape", shape)]
    before = add("Reshape", rows, "rows")
    before = add("Transpose", [before], "before", perm=[1, 0, 2])
    held = add("Concat", [before, z], "held", axis=0)
    taps = []
    for k in range(layer.taps):
        start = k * layer.dilation
        end = start - kept if start < kept else _LAST
        taps.append(cut(start, end, f"tap_{k}"))
    after = cut(-kept, _LAST, "after")
    after = add("Transpose", [after], "after_rows", perm=[1, 0, 2])
    flat = np.array([0, kept * layer.input_size], dtype=np.int64)
    flattened = [after, builder.constant(f"{prefix}.flat", flat)]
    builder.add("Reshape", flattened, f"{state}_out")
    return add("Concat", taps, "out", axis=2)


def _norm(builder: GraphBuilder, prefix: str, layer: kinds.Norm, z: str) -> str:
    def add(operator: str, inputs: Sequence[str], name: str) -> str:
        return builder.add(operator, inputs, f"{prefix}.{name}")

    def normed(parts: str) -> str:
        if layer.is_centred:
            mean = add("ReduceMean", [parts, builder.axis(-1)], "mean")
            parts = add("Sub", [parts, mean], "centred")
        squares = add("Mul", [parts, parts], "squares")
        variance = add("ReduceMean", [squares, builder.axis(-1)], "variance")
        eps = builder.constant(f"{prefix}.eps", np.array(layer.eps, dtype=np.float32))
        deviation = add("Sqrt", [add("Add", [variance, eps], "raised")], "deviation")
        return add("Div", [parts, deviation], "normed")

    shape = (layer.groups, layer.size // layer.groups)
    return in_parts(builder, prefix, z, shape, normed, layer.size)


def _sum(builder: GraphBuilder, prefix: str, layer: kinds.Sum, z: str) -> str:
    shape = (layer.output_size, layer.input_size // layer.output_size)
    inputs = [parted(builder, prefix, z, shape, "parts"), builder.axis(-1)]
    return builder.add("ReduceSum", inputs, f"{prefix}.out", keepdims=0)


def _depthwise(
    builder: GraphBuilder, prefix: str, layer: kinds.Depthwise, z: str
) -> str:
    parts = parted(builder, prefix, z, (layer.taps, layer.size), "parts")
    weight, bias = builder.weight(prefix, "weight"), builder.weight(prefix, "bias")
    products = builder.add("Mul", [parts, weight], f"{prefix}.products")
    inputs = [products, builder.axis(-2)]
    total = builder.add("ReduceSum", inputs, f"{prefix}.sum", keepdims=0)
    return builder.add("Add", [total, bias], f"{prefix}.out")


def _constant(
    builder: GraphBuilder, prefix: str, layer: kinds.Constant, z: object
) -> str:
    """As long as the model input."""
    shape = builder.add("Shape", [builder.x], f"{prefix}.steps", start=0, end=2)
    size = builder.constant(
        f"int_{layer.output_size}", np.array([layer.output_size], dtype=np.int64)
    )
    full = builder.add("Concat", [shape, size], f"{prefix}.shape", axis=0)
    value = builder.weight(prefix, "value")
    return builder.add("Expand", [value, full], f"{prefix}.out")


GRAPH_LAYERS: dict[type[Layer], Callable[[GraphBuilder, str, Any, Any], str]] = {
    kinds.Combine: _combine,
    kinds.Concat: _concat,
    kinds.Select: _select,
    kinds.Memory: _memory,
    kinds.Window: _window,
    kinds.Norm: _norm,
    kinds.Sum: _sum,
    kinds.Depthwise: _depthwise,
    kinds.Constant: _constant,
}
"""As `LAYERS`; a layer that reads several values gets a tuple of their names."""
