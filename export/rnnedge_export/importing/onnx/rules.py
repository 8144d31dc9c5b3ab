"""What each ONNX operator is in nodes: a row an operator.

Operators that only move numbers are not here: `walking.py` runs them on names.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...capture.graph.nodes import Named
from ...capture.graph.norms import NORMS
from ...capture.graph.rules import RULES as ELEMENTS
from ...capture.graph.rules import binary, elementwise, summed
from ...capture.graph.tracing import Call
from .call import OnnxCall, Rule, Value
from .recurrent import RECURRENT
from .windows import WINDOWS

ATEN = {**ELEMENTS, **NORMS}
"""Rules of the operations of PyTorch that operators of ONNX are made of."""


def aten(call: OnnxCall, name: str, *args: Any, **kwargs: Any) -> Named:
    """An operation of PyTorch, as capture has it."""
    node: Any = None
    full = f"aten.{name}"
    made: Named = ATEN[full](call.step.nodes, Call(node, full, args, kwargs))
    return made


def _operand(value: Value) -> Any:
    return value if isinstance(value, Named) else torch.from_numpy(value.copy())


def _one(function: str) -> Rule:
    return lambda call: elementwise(call.step.nodes, call.named(0), function)


def _with(function: str, *parameters: tuple[str, float]) -> Rule:
    def rule(call: OnnxCall) -> Named:
        values = [call.attribute(*parameter) for parameter in parameters]
        return elementwise(call.step.nodes, call.named(0), function, *values)

    return rule


def _many(operation: str) -> Rule:
    """Of two values or more: Sum, Max and Min take any number."""

    def rule(call: OnnxCall) -> Named:
        first, *others = range(len(call.inputs))
        found = call.named(first)
        for k in others:
            found = binary(call.step.nodes, operation, found, call.named(k))
        return found

    return rule


def _hard_sigmoid(call: OnnxCall) -> Named:
    nodes, alpha = call.step.nodes, call.attribute("alpha", 0.2)
    z, beta = call.named(0), call.attribute("beta", 0.5)
    if math.isclose(alpha, 1 / 6, rel_tol=1e-6) and beta == 0.5:
        return elementwise(nodes, z, "hardsigmoid")
    line = binary(nodes, "add", binary(nodes, "multiply", z, alpha), beta)
    return elementwise(nodes, line, "hardtanh", 0, 1)


def _clip(call: OnnxCall) -> Named:
    limits = []
    for position, name in ((1, "min"), (2, "max")):
        known = call.tensor(position, name)
        limits.append(call.attribute(name) if known is None else known.item())
    return aten(call, "clamp", call.named(0), *limits)


def _gelu(call: OnnxCall) -> Named:
    return aten(
        call, "gelu", call.named(0), approximate=call.attribute("approximate", "none")
    )


def _selu(call: OnnxCall) -> Named:
    alpha = call.attribute("alpha", 1.67326319217681884765625)
    gamma = call.attribute("gamma", 1.05070102214813232421875)
    y = elementwise(call.step.nodes, call.named(0), "elu", alpha)
    return binary(call.step.nodes, "multiply", y, gamma)


def _prelu(call: OnnxCall) -> Named:
    nodes, z = call.step.nodes, call.named(0)
    slope = call.tensor(1, "slope")
    assert slope is not None
    if slope.numel() == 1:
        return elementwise(nodes, z, "leaky_relu", slope.item())
    low = binary(nodes, "multiply", binary(nodes, "minimum", z, 0.0), slope)
    return binary(nodes, "add", elementwise(nodes, z, "relu"), low)


def _power(call: OnnxCall) -> Named:
    exponent = call.tensor(1, "exponent")
    assert exponent is not None
    value = exponent.item() if exponent.numel() == 1 else math.nan
    is_whole = value == value and value == int(value) and 1 <= abs(value) <= 8
    if value not in (0.5, -0.5) and not is_whole:
        raise call.refused(
            f"has the exponent {value:g}", "Use 0.5 or a whole number up to 8."
        )
    return aten(call, "pow.Tensor_Scalar", call.named(0), value)


def _matmul(call: OnnxCall) -> Named:
    return aten(call, "matmul", _operand(call.input(0)), _operand(call.input(1)))


def _gemm(call: OnnxCall) -> Named:
    nodes = call.step.nodes
    a, b, c = _operand(call.input(0)), _operand(call.input(1)), call.input(2)
    a = _transposed(a) if call.attribute("transA", 0) else a
    b = _transposed(b) if call.attribute("transB", 0) else b
    alpha, beta = call.attribute("alpha", 1.0), call.attribute("beta", 1.0)
    if alpha != 1:
        b = b * alpha if isinstance(b, Tensor) else binary(nodes, "multiply", b, alpha)
    if c is None:
        return aten(call, "matmul", a, b)
    c = _operand(c)
    if beta != 1:
        c = c * beta if isinstance(c, Tensor) else binary(nodes, "multiply", c, beta)
    is_linear = isinstance(a, Named) and isinstance(b, Tensor) and isinstance(c, Tensor)
    if is_linear and c.numel() == b.shape[1]:
        return aten(call, "linear", a, b.mT, c.reshape(-1))
    return binary(nodes, "add", aten(call, "matmul", a, b), c)


def _transposed(value: Any) -> Any:
    return Named(value.names.mT) if isinstance(value, Named) else value.mT


def _batch_norm(call: OnnxCall) -> Named:
    if call.attribute("training_mode", 0):
        raise call.refused(
            "takes its statistics from the batch", "Write the model in evaluation mode."
        )
    scale, shift, mean, variance = (
        call.tensor(k, what)
        for k, what in enumerate(("scale", "shift", "mean", "variance"), start=1)
    )
    epsilon = call.attribute("epsilon", 1e-5)
    return aten(
        call,
        "batch_norm",
        call.named(0),
        scale,
        shift,
        mean,
        variance,
        False,
        0.0,
        epsilon,
        False,
    )


def _layer_norm(call: OnnxCall) -> Named:
    z, axis = call.named(0), call.attribute("axis", -1)
    shape = z.shape[axis % len(z.shape) :]
    scale, bias = call.tensor(1, "scale"), call.tensor(2, "bias")
    return aten(
        call, "layer_norm", z, shape, scale, bias, call.attribute("epsilon", 1e-5)
    )


def _group_norm(call: OnnxCall) -> Named:
    groups, scale = call.attribute("num_groups"), call.tensor(1, "scale")
    bias = call.tensor(2, "bias")
    assert scale is not None
    assert bias is not None
    channels = call.named(0).shape[1]
    if len(scale) != channels:  # opset 18 has one for each group
        each = channels // len(scale)
        scale, bias = scale.repeat_interleave(each), bias.repeat_interleave(each)
    epsilon = call.attribute("epsilon", 1e-5)
    return aten(call, "group_norm", call.named(0), groups, scale, bias, epsilon)


def _instance_norm(call: OnnxCall) -> Named:
    groups, scale, bias = (
        call.named(0).shape[1],
        call.tensor(1, "scale"),
        call.tensor(2, "B"),
    )
    epsilon = call.attribute("epsilon", 1e-5)
    return aten(call, "group_norm", call.named(0), groups, scale, bias, epsilon)


def _softmax(name: str) -> Rule:
    def rule(call: OnnxCall) -> Named:
        z = call.named(0)
        axis = call.attribute("axis", -1 if call.opset >= 13 else 1)
        if call.opset >= 13:
            return aten(call, name, z, axis)
        flat = Named(z.names.reshape(*z.shape[: axis % len(z.shape)], -1))
        return Named(aten(call, name, flat, -1).names.reshape(z.shape))

    return rule


def _reduced(finish: Callable[[OnnxCall, Named, int], Named], before: str = "") -> Rule:
    def rule(call: OnnxCall) -> Named:
        z, axes = call.named(0), call.axes(1)
        if not axes:
            if call.attribute("noop_with_empty_axes", 0):
                return z
            axes = list(range(len(z.shape)))
        count = math.prod(z.shape[axis] for axis in axes)
        if before == "square":
            z = binary(call.step.nodes, "multiply", z, z)
        elif before:
            z = elementwise(call.step.nodes, z, before)
        keep = bool(call.attribute("keepdims", 1))
        return finish(call, summed(call.step.nodes, z, axes, keep=keep), count)

    return rule


def _mean(call: OnnxCall, total: Named, count: int) -> Named:
    return binary(call.step.nodes, "multiply", total, 1 / count)


def _sum(call: OnnxCall, total: Named, count: int) -> Named:
    return total


def _root(call: OnnxCall, total: Named, count: int) -> Named:
    return elementwise(call.step.nodes, total, "sqrt")


def _extreme(operation: str) -> Rule:
    def rule(call: OnnxCall) -> Named:
        z = call.named(0)
        axes = call.axes(1) or list(range(len(z.shape)))
        over = sorted({axis % len(z.shape) for axis in axes})
        rest = [axis for axis in range(len(z.shape)) if axis not in over]
        parts = z.names.permute(*over, *rest).flatten(0, len(over) - 1)
        found = Named(parts[0])
        for part in parts[1:]:
            found = binary(call.step.nodes, operation, found, Named(part))
        if call.attribute("keepdims", 1):
            kept = [1 if k in over else size for k, size in enumerate(z.shape)]
            found = Named(found.names.reshape(kept))
        return found

    return rule


def _average_pool(call: OnnxCall) -> Named:
    z = call.named(0)
    axes = range(2, len(z.shape))
    total = summed(call.step.nodes, z, axes, keep=True)
    return _mean(call, total, math.prod(z.shape[2:]))


def _gather(call: OnnxCall) -> Value:
    """A row of a table by an index that is computed: an embedding."""
    table = call.tensor(0, "table")
    if table is None or table.dim() != 2 or call.attribute("axis", 0) != 0:
        raise call.refused(
            "takes elements by an index that is computed",
            "Look up rows of a table only.",
        )
    return aten(call, "embedding", table, call.named(1))


def _neg(call: OnnxCall) -> Named:
    return binary(call.step.nodes, "multiply", call.named(0), -1.0)


def _silu(call: OnnxCall) -> Named:
    z, alpha = call.named(0), call.attribute("alpha", 1.0)
    if alpha == 1:
        return elementwise(call.step.nodes, z, "silu")
    scaled = binary(call.step.nodes, "multiply", z, alpha)
    gate = elementwise(call.step.nodes, scaled, "sigmoid")
    return binary(call.step.nodes, "multiply", z, gate)


RULES: dict[str, Rule] = {
    **RECURRENT,
    **WINDOWS,
    "Tanh": _one("tanh"),
    "Sigmoid": _one("sigmoid"),
    "Relu": _one("relu"),
    "Exp": _one("exp"),
    "Log": _one("log"),
    "Sqrt": _one("sqrt"),
    "Reciprocal": _one("reciprocal"),
    "Abs": _one("abs"),
    "Erf": _one("erf"),
    "Softsign": _one("softsign"),
    "Softplus": lambda call: elementwise(
        call.step.nodes, call.named(0), "softplus", 1.0, 20.0
    ),
    "Mish": _one("mish"),
    "HardSwish": _one("hardswish"),
    "LeakyRelu": _with("leaky_relu", ("alpha", 0.01)),
    "Elu": _with("elu", ("alpha", 1.0)),
    "Celu": lambda call: aten(
        call, "celu", call.named(0), call.attribute("alpha", 1.0)
    ),
    "Selu": _selu,
    "Gelu": _gelu,
    "Swish": _silu,
    "PRelu": _prelu,
    "HardSigmoid": _hard_sigmoid,
    "Clip": _clip,
    "Neg": _neg,
    "Pow": _power,
    "Add": _many("add"),
    "Sub": _many("subtract"),
    "Mul": _many("multiply"),
    "Div": _many("divide"),
    "Sum": _many("add"),
    "Max": _many("maximum"),
    "Min": _many("minimum"),
    "MatMul": _matmul,
    "Gemm": _gemm,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "GroupNormalization": _group_norm,
    "InstanceNormalization": _instance_norm,
    "Softmax": _softmax("softmax"),
    "LogSoftmax": _softmax("log_softmax"),
    "ReduceMean": _reduced(_mean),
    "ReduceSum": _reduced(_sum),
    "ReduceSumSquare": _reduced(_sum, "square"),
    "ReduceL1": _reduced(_sum, "abs"),
    "ReduceL2": _reduced(_root, "square"),
    "ReduceMax": _extreme("maximum"),
    "ReduceMin": _extreme("minimum"),
    "GlobalAveragePool": _average_pool,
    "Gather": _gather,
}
"""By operator; all inputs constant or only moved is decided before."""
