"""Operators that mix steps: what a file does over an axis of unknown length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rnnedge_runtime.errors import SpecError

Dims = tuple[int | str, ...]


def check_steps_apart(where: str, model: Any) -> None:
    """Raise SpecError, naming the operator, where one mixes values of several steps.

    An axis of unknown length is time or batch; a step knows one value of either. Recurrent
    operators may: that is what a stream carries.
    """
    import onnx
    from onnx import shape_inference

    try:
        inferred = shape_inference.infer_shapes(model)
    except (onnx.shape_inference.InferenceError, RuntimeError):
        return
    graph = inferred.graph
    known: dict[str, Dims] = {}
    for item in (*graph.input, *graph.value_info, *graph.output):
        shape = item.type.tensor_type.shape
        known[item.name] = tuple(
            dim.dim_value if dim.HasField("dim_value") else dim.dim_param or "unknown"
            for dim in shape.dim
        )
    for node in graph.node:
        axes = _MIXED.get(node.op_type)
        dims = known.get(node.input[0]) if node.input else None
        if axes is None or not dims:
            continue
        for axis in axes(node, dims, graph):
            if isinstance(dims[axis % len(dims)], str):
                raise SpecError(
                    f"{where}: {node.op_type} '{node.name or node.output[0]}' looks over "
                    f"the axis '{dims[axis % len(dims)]}' of unknown length, so it needs "
                    "several steps at once and cannot stream. Write one step of the model, "
                    "with what it keeps as inputs and outputs."
                )


RECURRENT = frozenset(["GRU", "LSTM", "RNN", "Scan"])


def stepped(model: Any) -> frozenset[str]:
    """Outputs of the recurrent operators that step over an axis of unknown length.

    The others take all of their steps within one step of the stream.
    """
    from onnx import shape_inference

    graph = shape_inference.infer_shapes(model).graph
    dims = {
        item.name: [
            dim.HasField("dim_value") for dim in item.type.tensor_type.shape.dim
        ]
        for item in (*graph.input, *graph.value_info)
    }
    found: set[str] = set()
    for node in graph.node:
        if node.op_type in RECURRENT:
            name, axis = _stepped_over(node)
            fixed = dims.get(name, [])
            if axis < len(fixed) and not fixed[axis]:
                found.update(filter(None, node.output))
    return frozenset(found)


def time_axis(model: Any, name: str) -> str:
    """The name of the axis that recurrent operators step over, "" for none known."""
    from onnx import shape_inference

    graph = shape_inference.infer_shapes(model).graph
    dims = {
        item.name: [dim.dim_param for dim in item.type.tensor_type.shape.dim]
        for item in (*graph.input, *graph.value_info)
    }
    for node in graph.node:
        if node.op_type in RECURRENT:
            source, axis = _stepped_over(node)
            found = dict(enumerate(dims.get(source, ()))).get(axis)
            if found and found in dims.get(name, ()):
                return found
    return ""


def _stepped_over(node: Any) -> tuple[str, int]:
    """The input of a recurrent operator and the axis of it that it steps over."""
    if node.op_type != "Scan":
        return node.input[0], int(_attribute(node, "layout", 0) == 1)
    num_scanned = _attribute(node, "num_scan_inputs", 1)
    axes = _attribute(node, "scan_input_axes", None) or [0]
    return node.input[len(node.input) - num_scanned], int(axes[0])


def _attribute(node: Any, name: str, default: Any) -> Any:
    from onnx import helper

    for item in node.attribute:
        if item.name == name:
            return helper.get_attribute_value(item)
    return default


def _spatial(node: Any, dims: Dims, graph: Any) -> list[int]:
    shape = _attribute(node, "kernel_shape", None)
    if shape is None:
        weights = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
        shape = weights.get(node.input[1], [0, 0, *[2] * (len(dims) - 2)])[2:]
    return [axis for axis, width in enumerate(shape, start=2) if width > 1]


def _all_spatial(node: Any, dims: Dims, graph: Any) -> list[int]:
    return list(range(2, len(dims)))


def _given(node: Any, dims: Dims, graph: Any) -> list[int]:
    axes = _attribute(node, "axes", None)
    if axes is None and len(node.input) > 1:
        from onnx import numpy_helper

        for tensor in graph.initializer:
            if tensor.name == node.input[1]:
                return [int(axis) for axis in numpy_helper.to_array(tensor).reshape(-1)]
        return []
    return list(range(len(dims))) if axes is None else list(axes)


def _axis(node: Any, dims: Dims, graph: Any) -> list[int]:
    return [_attribute(node, "axis", -1)]


def _from_axis(node: Any, dims: Dims, graph: Any) -> list[int]:
    return list(range(_attribute(node, "axis", -1) % len(dims), len(dims)))


_Axes = Callable[[Any, Dims, Any], list[int]]
_MIXED: dict[str, _Axes] = {
    **dict.fromkeys(("Conv", "ConvTranspose", "MaxPool", "AveragePool"), _spatial),
    **dict.fromkeys(
        ("GlobalAveragePool", "GlobalMaxPool", "InstanceNormalization"), _all_spatial
    ),
    **dict.fromkeys(
        [
            f"Reduce{name}"
            for name in ("Mean", "Sum", "Max", "Min", "L1", "L2", "SumSquare", "Prod")
        ],
        _given,
    ),
    **dict.fromkeys(("Softmax", "LogSoftmax", "CumSum"), _axis),
    "LayerNormalization": _from_axis,
}
"""Of each operator that mixes values, the axes that it mixes."""
