"""One pass over an ONNX graph: what one step of it computes, as nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from rnnedge_runtime.errors import RnnEdgeError, SpecError, first_line

from ...capture.graph.nodes import Named
from ..limits import check_size, check_weight, malformed
from ..step import Step, check_finite
from .call import OnnxCall, Value
from .control_flow import CONTROL_FLOW, control_flow
from .rules import RULES

MOVES = frozenset(
    [
        "Concat",
        "DepthToSpace",
        "Expand",
        "Flatten",
        "Gather",
        "GatherElements",
        "GatherND",
        "Pad",
        "Reshape",
        "Slice",
        "Split",
        "Squeeze",
        "Tile",
        "Transpose",
        "Unsqueeze",
        "Where",
    ]
)
"""Operators that only move numbers: ONNX's own, applied to names."""

SAME = frozenset(["Dropout", "Identity"])
"""Operators that give what they take, outside of training."""


class Walker:
    """Values of a graph, filled operator by operator.

    Args:
        step: gets what is computed.
        opset: version of the operators.
        values: of the inputs of the graph.
        over_time: outputs of the recurrent operators that step over time; None for all.
    """

    def __init__(
        self,
        step: Step,
        opset: int,
        values: Mapping[str, Value],
        *,
        over_time: frozenset[str] | None = None,
    ) -> None:
        self.step = step
        self.over_time = over_time
        self.opset = opset
        self.values: dict[str, Value] = {"": None, **values}

    def walk(self, graph: Any) -> None:
        """Compute all of `graph`.

        Raises:
            SpecError: an operator that no step of a stream can be made of.
            NonFiniteError: a weight that is NaN.
        """
        from onnx import numpy_helper

        for tensor in graph.initializer:
            check_weight(self.step.where, tensor.name, tensor.dims)
            try:
                array = numpy_helper.to_array(tensor)
            except (ValueError, TypeError, KeyError) as error:
                what = f"weight '{tensor.name}'"
                raise malformed(self.step.where, what, error) from None
            array = array.astype(np.float32) if _is_float(array) else array
            check_finite(self.step.where, tensor.name, array)
            self.values[tensor.name] = array
        if graph.sparse_initializer:
            raise SpecError(
                f"{self.step.where}: it has sparse weights. Write them dense."
            )
        for node in graph.node:
            self._node(node)

    def _node(self, node: Any) -> None:
        from onnx import helper

        self.step.nodes.path = name = node.name or (node.output or [""])[0]
        attributes = {item.name: _plain(helper, item) for item in node.attribute}
        call = OnnxCall(
            self.step,
            node.op_type,
            name,
            self.opset,
            tuple(self._value(item, node) for item in node.input),
            attributes,
            len(node.output),
            self.over_time is None or bool(self.over_time & set(node.output)),
        )
        if node.domain not in ("", "ai.onnx"):
            raise call.refused(
                f"is of the domain {node.domain}",
                "Write the file with ONNX's operators.",
            )
        if node.op_type in CONTROL_FLOW:
            control_flow(self, node, call)
            return
        try:
            found = self._computed(node, call)
        except RnnEdgeError:
            raise
        except Exception as error:  # whatever a stranger's graph makes fail
            shapes = [list(np.shape(_names(value))) for value in call.inputs]
            raise call.refused(
                f"cannot be computed in one step from inputs of shapes {shapes}: "
                f"{first_line(error)}",
                "Write the file with batch and time as dynamic axes, or for one step.",
            ) from None
        for output, value in zip(node.output, found, strict=False):
            if value is not None:
                check_size(self.step.where, output or name, np.shape(_names(value)))
            self.values[output] = value

    def _value(self, name: str, node: Any) -> Value:
        if name not in self.values:
            raise SpecError(
                f"{self.step.where}: {node.op_type} '{node.name}' reads '{name}', which "
                "nothing gives. Write the file again."
            )
        return self.values[name]

    def _computed(self, node: Any, call: OnnxCall) -> list[Value]:
        named = [isinstance(value, Named) for value in call.inputs]
        operator = call.operator
        if operator == "Shape" and any(named):
            shape = np.array(call.inputs[0].shape, np.int64)
            return [shape[call.attribute("start", 0) : call.attribute("end")]]
        if operator in ("Size", "Cast", "CastLike", *SAME) and named[0]:
            return self._same(call)
        if not any(named) and operator not in ("GRU", "LSTM", "RNN"):
            return self._folded(node, call.inputs)
        if operator == "Where" and named[0]:
            raise call.refused(
                "chooses by a value that is computed",
                "Write the choice as arithmetic, or leave it out.",
            )
        if operator in MOVES and not (operator.startswith("Gather") and named[1]):
            return self._moved(node, call)
        rule = RULES.get(operator)
        if rule is None:
            raise call.refused(
                "is an operator that no layer here computes", _advice(operator)
            )
        made = rule(call)
        return list(made) if isinstance(made, list | tuple) else [made]

    def _same(self, call: OnnxCall) -> list[Value]:
        value = call.inputs[0]
        if call.operator == "Size":
            return [np.array(value.names.numel(), np.int64)]
        to = call.attribute("to", 1)
        if (
            call.operator == "Cast"
            and to not in (1, 10, 11, 16)
            and not _is_input(value)
        ):
            raise call.refused(
                "rounds a value that is computed", "Look up tables by inputs only."
            )
        return [value, np.ones(tuple(value.shape), bool)]

    def _moved(self, node: Any, call: OnnxCall) -> list[Value]:
        constants = self.step.nodes.constant
        positions = {"Concat": set(range(len(call.inputs))), "Where": {1, 2}}.get(
            node.op_type, {0}
        )
        inputs = list(call.inputs)
        if node.op_type == "Pad":
            mode = str(call.attribute("mode", "constant"))
            if mode not in ("constant", "reflect", "edge", "wrap"):
                raise call.refused(f"has the mode {mode}", "Pad with a constant.")
            fill = call.input(2)
            fill = call.attribute("value", 0.0) if fill is None else np.float32(fill)
            inputs = [inputs[0], call.input(1), constants(float(fill)), *inputs[3:]]
            if inputs[1] is None:
                inputs[1] = np.array(call.attribute("pads"), np.int64)
            _check_made(self.step.where, node, (inputs[0].names.numpy(), inputs[1]))
            filler = int(inputs[2].names)
            return [_padded(inputs[0], inputs[1], filler, call.axes(3), mode)]
        _check_made(self.step.where, node, tuple(map(_names, inputs)))
        for position in positions:
            value = inputs[position]
            if not isinstance(value, Named):
                inputs[position] = constants(torch.from_numpy(np.array(value)))
        return [Named(torch.from_numpy(found)) for found in self._run(node, inputs)]

    def _folded(self, node: Any, inputs: tuple[Value, ...]) -> list[Value]:
        if node.op_type.startswith("Random") or node.op_type == "Multinomial":
            raise SpecError(
                f"{self.step.where}: {node.op_type} '{node.name}' draws random numbers. "
                "Write the model in evaluation mode."
            )
        _check_made(self.step.where, node, inputs)
        found = [np.asarray(value) for value in self._run(node, inputs)]
        return [item.astype(np.float32) if _is_float(item) else item for item in found]

    def _run(self, node: Any, inputs: Any) -> list[Any]:
        from onnx import TensorProto, helper
        from onnx.reference import ReferenceEvaluator

        names = [name for name in node.input if name]
        feeds = {
            name: np.array(_names(value))
            for name, value in zip(node.input, inputs, strict=True)
            if name
        }
        graph = helper.make_graph(
            [node],
            "one",
            [
                helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None)
                for name in dict.fromkeys(names)
            ],
            [
                helper.make_tensor_value_info(name, TensorProto.UNDEFINED, None)
                for name in node.output
                if name
            ],
        )
        opsets = [helper.make_opsetid("", self.opset)]
        model = helper.make_model(graph, opset_imports=opsets)
        outputs = iter(ReferenceEvaluator(model).run(None, feeds))
        return [next(outputs) if name else None for name in node.output]


def _padded(
    value: Named, pads: Any, fill: int, axes: list[int] | None, mode: str
) -> Named:
    num = len(value.shape)
    over = [axis % num for axis in (axes or range(num))]
    pads = [int(width) for width in pads]
    sides = [[0, 0] for _ in range(num)]
    for k, axis in enumerate(over):
        sides[axis] = [pads[k], pads[k + len(over)]]
    if mode == "constant":
        around = [width for side in reversed(sides) for width in side]
        return Named(torch.nn.functional.pad(value.names, around, value=fill))
    names: Any = np.pad(value.names.numpy(), sides, mode=mode)  # type: ignore[call-overload]
    return Named(torch.from_numpy(names))


def _check_made(where: str, node: Any, inputs: Any) -> None:
    """Raise SpecError where an operator that makes large tensors would make a huge one."""
    shape = _SHAPES.get(node.op_type)
    if shape is not None and all(value is not None for value in inputs[:2]):
        check_size(where, node.name or node.output[0], shape(inputs))


def _tiled(inputs: Any) -> Any:
    return [
        size * abs(int(times))
        for size, times in zip(np.shape(inputs[0]), inputs[1], strict=False)
    ]


def _wider(inputs: Any) -> Any:
    return [*np.shape(inputs[0]), 1 + int(np.abs(inputs[1]).max(initial=0))]


def _ranged(inputs: Any) -> Any:
    start, stop, by = (float(np.asarray(value)) for value in inputs[:3])
    return [abs(stop - start) / max(abs(by), 1e-30)]


_SHAPES: dict[str, Callable[[Any], Any]] = {
    "ConstantOfShape": lambda inputs: np.ravel(inputs[0]),
    "Expand": lambda inputs: np.maximum(np.ravel(inputs[1]), 1),
    "Tile": _tiled,
    "Pad": _wider,
    "Range": _ranged,
    "OneHot": lambda inputs: [*np.shape(inputs[0]), np.ravel(inputs[1])[0]],
    "EyeLike": lambda inputs: np.shape(inputs[0]),
}
"""Of operators that make more numbers than they take, about the shape of the result."""


def _plain(helper: Any, attribute: Any) -> Any:
    from onnx import numpy_helper

    value = helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, list) and value and isinstance(value[0], bytes):
        return [item.decode("utf-8", "replace") for item in value]
    return numpy_helper.to_array(value) if attribute.type == attribute.TENSOR else value


def _names(value: Value) -> Any:
    if isinstance(value, Named):
        return value.names.numpy()
    return np.zeros(0) if value is None else value


def _is_float(array: Any) -> bool:
    return array.dtype.kind == "f" or array.dtype.name == "bfloat16"


def _is_input(value: Named) -> bool:
    return bool((value.nodes() == -1).all())


def _advice(operator: str) -> str:
    if "Quant" in operator or "Integer" in operator:
        return "Import the float model, and write integers with export --int8."
    return "Write the model without it."
