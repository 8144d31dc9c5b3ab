"""What each operation of PyTorch is in nodes: elementwise, products, sums, norms, tables."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...module.reasons import not_a_chain
from .nodes import Named, Nodes
from .tracing import Call, Rule


def elementwise(nodes: Nodes, z: Any, function: str, *parameters: float) -> Named:
    """A function of each element."""
    z = nodes.named(z)
    fields = {"function": function, "parameters": tuple(float(p) for p in parameters)}
    return nodes.make("activation", (z,), z.shape, fields=fields)


def binary(nodes: Nodes, operation: str, a: Any, b: Any) -> Named:
    """An operation on two tensors, element by element, after broadcasting."""
    a, b = nodes.named(a), nodes.named(b)
    left, right = torch.broadcast_tensors(a.names, b.names)
    return nodes.make(operation, (Named(left), Named(right)), left.shape)


def linear(nodes: Nodes, z: Named, weight: Tensor, bias: Tensor | None) -> Named:
    """`weight` `[O, K]` times the last axis of `z`."""
    *lead, num = z.shape
    outputs = weight.shape[0]
    weights = {"weight": weight, "bias": torch.zeros(outputs) if bias is None else bias}
    fields = {"positions": math.prod(lead), "input_size": num, "output_size": outputs}
    return nodes.make("linear", (z,), (*lead, outputs), fields=fields, weights=weights)


def summed(nodes: Nodes, z: Named, axes: Sequence[int], *, keep: bool) -> Named:
    """Sums over some axes."""
    num = len(z.shape)
    over = sorted({axis % num for axis in axes})
    rest = [axis for axis in range(num) if axis not in over]
    moved = Named(z.names.permute(*rest, *over))
    shape = [z.shape[axis] for axis in rest]
    result = nodes.make("sum", (moved,), shape, fields={"groups": math.prod(shape)})
    if keep:
        kept = [1 if axis in over else z.shape[axis] for axis in range(num)]
        result = Named(result.names.reshape(kept))
    return result


def one(operation: str) -> Rule:
    """An elementwise function without parameters."""

    def rule(nodes: Nodes, call: Call) -> Named:
        return elementwise(nodes, call.args[0], operation)

    return rule


def _two(operation: str, *, swapped: bool = False) -> Rule:
    def rule(nodes: Nodes, call: Call) -> Named:
        a, b = call.args[:2]
        alpha = call.argument(2, "alpha", 1)
        if call.kwargs.get("rounding_mode"):
            raise not_a_chain(call.node, "rounds a quotient")
        if alpha != 1:
            b = binary(nodes, "multiply", b, alpha)
        return binary(nodes, operation, *((b, a) if swapped else (a, b)))

    return rule


def _with(operation: str, *parameters: tuple[int, str, float]) -> Rule:
    """An elementwise function with parameters: (position, name, default) of each."""

    def rule(nodes: Nodes, call: Call) -> Named:
        values = [call.argument(*parameter) for parameter in parameters]
        return elementwise(nodes, call.args[0], operation, *values)

    return rule


def _elu(nodes: Nodes, call: Call) -> Named:
    alpha, scale, input_scale = (
        call.argument(k, name, 1.0)
        for k, name in enumerate(("alpha", "scale", "input_scale"), start=1)
    )
    z = call.args[0]
    if input_scale != 1:
        z = binary(nodes, "multiply", z, input_scale)
    y = elementwise(nodes, z, "elu", alpha)
    return y if scale == 1 else binary(nodes, "multiply", y, scale)


def _celu(nodes: Nodes, call: Call) -> Named:
    alpha = call.argument(1, "alpha", 1.0)
    scaled = binary(nodes, "multiply", call.args[0], 1 / alpha)
    return binary(nodes, "multiply", elementwise(nodes, scaled, "elu", 1.0), alpha)


def _gelu(nodes: Nodes, call: Call) -> Named:
    name = "gelu" if call.kwargs.get("approximate", "none") == "none" else "gelu_tanh"
    return elementwise(nodes, call.args[0], name)


def _prelu(nodes: Nodes, call: Call) -> Named:
    z, slope = call.args
    if isinstance(slope, Tensor) and slope.numel() == 1:
        return elementwise(nodes, z, "leaky_relu", slope.item())
    shape = [-1 if axis == 1 else 1 for axis in range(max(2, len(z.shape)))]
    low = binary(nodes, "minimum", z, 0.0)
    scaled = binary(nodes, "multiply", low, slope.reshape(shape[: len(z.shape)]))
    return binary(nodes, "add", elementwise(nodes, z, "relu"), scaled)


def _clamp(nodes: Nodes, call: Call) -> Named:
    z = call.args[0]
    low, high = call.argument(1, "min"), call.argument(2, "max")
    limits = [-math.inf if low is None else low, math.inf if high is None else high]
    if any(isinstance(limit, Tensor | Named) for limit in limits):
        z = z if low is None else binary(nodes, "maximum", z, low)
        return z if high is None else binary(nodes, "minimum", z, high)
    largest = torch.finfo(torch.float32).max
    bounded = [min(max(limit, -largest), largest) for limit in limits]
    return elementwise(nodes, z, "hardtanh", *bounded)


def _power(nodes: Nodes, call: Call) -> Named:
    z, exponent = call.args[:2]
    if exponent in (0.5, -0.5):
        return elementwise(nodes, z, "sqrt" if exponent > 0 else "rsqrt")
    times = abs(int(exponent))
    if exponent != int(exponent) or not 1 <= times <= 8:
        logarithm = elementwise(nodes, z, "log")
        return elementwise(nodes, binary(nodes, "multiply", logarithm, exponent), "exp")
    product = z
    for _ in range(times - 1):
        product = binary(nodes, "multiply", product, z)
    return product if exponent > 0 else elementwise(nodes, product, "reciprocal")


def _linear(nodes: Nodes, call: Call) -> Named:
    z, weight, bias = call.args[0], call.args[1], call.argument(2, "bias")
    if isinstance(weight, Named) or isinstance(bias, Named):
        product = matmul(nodes, z, Named(nodes.named(weight).names.mT))
        return product if bias is None else binary(nodes, "add", product, bias)
    return linear(nodes, z, weight, bias)


def _addmm(nodes: Nodes, call: Call) -> Named:
    bias, z, weight = call.args[:3]
    return binary(nodes, "add", matmul(nodes, z, weight), bias)


def _matmul(nodes: Nodes, call: Call) -> Named:
    return matmul(nodes, *call.args[:2])


def matmul(nodes: Nodes, a: Any, b: Any) -> Named:
    """`a @ b`, of which at least one is of unknown numbers."""
    if isinstance(a, Named) and isinstance(b, Tensor) and b.dim() <= 2:
        if b.dim() == 2:
            return linear(nodes, a, b.mT, None)
        return linear(nodes, a, b[None], None)[..., 0]
    if isinstance(a, Tensor) and isinstance(b, Named) and a.dim() == 2:
        vectors = b if len(b.shape) == 1 else Named(b.names.mT)
        product = linear(nodes, vectors, a, None)
        return product if len(b.shape) == 1 else Named(product.names.mT)
    left, right = nodes.named(a).names, nodes.named(b).names
    rows = left if left.dim() > 1 else left[None]
    columns = right.mT if right.dim() > 1 else right[None]
    product = binary(
        nodes,
        "multiply",
        Named(rows[..., :, None, :]),
        Named(columns[..., None, :, :]),
    )
    total = summed(nodes, product, [-1], keep=False)
    if left.dim() == 1:
        total = total[..., 0, :]
    return total[..., 0] if right.dim() == 1 else total


def _bilinear(nodes: Nodes, call: Call) -> Named:
    a, b, weight, bias = (
        call.args[0],
        call.args[1],
        call.args[2],
        call.argument(3, "bias"),
    )
    outputs, rows, columns = weight.shape
    flat = linear(nodes, a, weight.permute(0, 2, 1).reshape(-1, rows), None)
    table = Named(flat.names.reshape(*a.shape[:-1], outputs, columns))
    product = binary(nodes, "multiply", table, Named(b.names[..., None, :]))
    total = summed(nodes, product, [-1], keep=False)
    return total if bias is None else binary(nodes, "add", total, bias)


def _convolution(nodes: Nodes, call: Call) -> Named:
    z, weight, bias = call.args[0], call.args[1], call.argument(2, "bias")
    num_axes = weight.dim() - 2
    stride, padding, dilation = (
        per_axis(call.argument(k, name, default), num_axes)
        for k, name, default in (
            (3, "stride", 1),
            (4, "padding", 0),
            (5, "dilation", 1),
        )
    )
    groups = call.argument(6, "groups", 1)
    names = z.names if z.names.dim() == num_axes + 2 else z.names[None]
    zero = int(nodes.constant(0.0).names)
    around = [side for width in reversed(padding) for side in (width, width)]
    names = torch.nn.functional.pad(names, around, value=zero)
    for axis in range(num_axes):
        width = (weight.shape[2 + axis] - 1) * dilation[axis] + 1
        names = names.unfold(2 + axis, width, stride[axis])[..., :: dilation[axis]]
    inputs, outputs = weight.shape[1], weight.shape[0] // groups
    found = []
    for group in range(groups):
        part = names[:, group * inputs : (group + 1) * inputs].movedim(1, 1 + num_axes)
        rows = Named(part.flatten(1 + num_axes))
        chosen = slice(group * outputs, (group + 1) * outputs)
        of_group = None if bias is None else bias[chosen]
        y = linear(nodes, rows, weight[chosen].reshape(outputs, -1), of_group)
        found.append(y.names.movedim(-1, 1))
    result = torch.cat(found, dim=1)
    return Named(result if z.names.dim() == num_axes + 2 else result[0])


def _pad(nodes: Nodes, call: Call) -> Named:
    z, around = call.args[:2]
    by_name = call.name.startswith("aten.pad")
    mode = call.argument(2, "mode", "constant") if by_name else "constant"
    value = call.argument(3 if by_name else 2, "value", 0.0) or 0.0
    if mode != "constant":
        raise not_a_chain(call.node, f"has the mode {mode}")
    filler = int(nodes.constant(value).names)
    return Named(torch.nn.functional.pad(z.names, list(around), value=filler))


def per_axis(value: Any, num_axes: int) -> list[int]:
    """One number for each axis."""
    values = list(value) if isinstance(value, list | tuple) else [value]
    return values * num_axes if len(values) == 1 else values


def _sum(nodes: Nodes, call: Call) -> Named:
    axes, keep = call.argument(1, "dim"), bool(call.argument(2, "keepdim", False))
    return summed(nodes, call.args[0], axes_of(call.args[0], axes), keep=keep)


def _mean(nodes: Nodes, call: Call) -> Named:
    z = call.args[0]
    axes = axes_of(z, call.argument(1, "dim"))
    count = math.prod(z.shape[axis] for axis in axes)
    total = summed(nodes, z, axes, keep=bool(call.argument(2, "keepdim", False)))
    return binary(nodes, "multiply", total, 1 / count)


def axes_of(z: Named, axes: Any) -> list[int]:
    """The axes that an operation names; None and () are all."""
    if axes is None or axes == []:
        return list(range(len(z.shape)))
    return [axes] if isinstance(axes, int) else list(axes)


def _embedding(nodes: Nodes, call: Call) -> Named:
    weight, indices = call.args[:2]
    rows = [
        nodes.make(
            "embedding",
            (Named(name.reshape(1)),),
            (weight.shape[1],),
            fields={"num_embeddings": weight.shape[0]},
            weights={"weight": weight},
        ).names
        for name in indices.names.reshape(-1)
    ]
    return Named(torch.stack(rows).reshape(*indices.shape, weight.shape[1]))


RULES: dict[str, Rule] = {
    "aten." + name: rule
    for name, rule in {
        **{
            name: one(name)
            for name in [
                "tanh",
                "relu",
                "sigmoid",
                "selu",
                "silu",
                "mish",
                "hardsigmoid",
                "hardswish",
                "exp",
                "log",
                "sqrt",
                "rsqrt",
                "reciprocal",
                "abs",
                "erf",
                "softsign",
            ]
        },
        "leaky_relu": _with("leaky_relu", (1, "negative_slope", 0.01)),
        "hardtanh": _with("hardtanh", (1, "min_val", -1.0), (2, "max_val", 1.0)),
        "relu6": lambda nodes, call: elementwise(nodes, call.args[0], "hardtanh", 0, 6),
        "softplus": _with("softplus", (1, "beta", 1.0), (2, "threshold", 20.0)),
        "elu": _elu,
        "celu": _celu,
        "gelu": _gelu,
        "prelu": _prelu,
        "clamp": _clamp,
        "clamp_min": lambda nodes, call: binary(nodes, "maximum", *call.args[:2]),
        "clamp_max": lambda nodes, call: binary(nodes, "minimum", *call.args[:2]),
        "square": lambda nodes, call: binary(nodes, "multiply", *call.args[:1] * 2),
        "neg": lambda nodes, call: binary(nodes, "multiply", call.args[0], -1.0),
        "pow.Tensor_Scalar": _power,
        "add": _two("add"),
        "sub": _two("subtract"),
        "rsub": _two("subtract", swapped=True),
        "mul": _two("multiply"),
        "div": _two("divide"),
        "maximum": _two("maximum"),
        "minimum": _two("minimum"),
        "linear": _linear,
        "addmm": _addmm,
        "matmul": _matmul,
        "mm": _matmul,
        "bmm": _matmul,
        "mv": _matmul,
        "dot": _matmul,
        "bilinear": _bilinear,
        "conv1d": _convolution,
        "conv2d": _convolution,
        "pad": _pad,
        "constant_pad_nd": _pad,
        "sum": _sum,
        "mean": _mean,
        "embedding": _embedding,
    }.items()
}
"""By name of the operation, with or without its overload."""
