"""Largest and smallest values, deviations and lengths along axes of a tensor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...module.reasons import not_a_chain
from .nodes import Named, Nodes
from .rules import axes_of, binary, elementwise, per_axis, summed
from .tracing import Call, Rule


def folded(nodes: Nodes, operation: str, z: Named, axes: Sequence[int]) -> Named:
    """An operation of two values over some axes, which go; halves against halves."""
    num = len(z.shape)
    over = sorted({axis % num for axis in axes})
    rest = [axis for axis in range(num) if axis not in over]
    names = z.names.permute(*over, *rest)
    names = names.reshape(-1, *[z.shape[axis] for axis in rest])
    while len(names) > 1:
        half, odd = len(names) // 2, names[2 * (len(names) // 2) :]
        both = Named(names[:half]), Named(names[half : 2 * half])
        names = torch.cat([binary(nodes, operation, *both).names, odd])
    return Named(names[0])


def kept(z: Named, axes: Sequence[int], reduced: Named) -> Named:
    """With axes of one in place of those that went."""
    over = {axis % len(z.shape) for axis in axes}
    shape = [1 if axis in over else size for axis, size in enumerate(z.shape)]
    return Named(reduced.names.reshape(shape))


def _extreme(operation: str) -> Rule:
    """`amax`, and `max` of a tensor, along an axis (whose indices none may read) or of two."""

    def rule(nodes: Nodes, call: Call) -> Any:
        z, given = call.args[0], call.argument(1, "dim")
        if isinstance(given, Named | Tensor):
            return binary(nodes, operation, z, given)
        axes = axes_of(z, None if given == [] else given)
        y = folded(nodes, operation, z, axes)
        if call.argument(2, "keepdim", False):
            y = kept(z, axes, y)
        if not call.name.endswith(".dim"):
            return y
        if any(user.args[1] == 1 and user.users for user in call.node.users):
            raise not_a_chain(call.node, "gives the place of a value")
        return [y, None]

    return rule


def _max_pool(nodes: Nodes, call: Call) -> Any:
    z, num_axes = call.args[0], 2 if "2d" in call.name else 1
    size, stride, padding, dilation = (
        per_axis(call.argument(k, name) or default, num_axes)
        for k, name, default in (
            (1, "kernel_size", 1),
            (2, "stride", call.args[1]),
            (3, "padding", 0),
            (4, "dilation", 1),
        )
    )
    if call.argument(5, "ceil_mode", False):
        raise not_a_chain(call.node, "rounds up its size")
    around = [side for width in reversed(padding) for side in (width, width)]
    is_there = torch.nn.functional.pad(torch.ones(z.shape), around) > 0
    names = torch.nn.functional.pad(z.names, around)
    lead = names.dim() - num_axes
    for axis in range(num_axes):
        width = (size[axis] - 1) * dilation[axis] + 1
        names, is_there = (
            t.unfold(lead + axis, width, stride[axis])[..., :: dilation[axis]]
            for t in (names, is_there)
        )
    names, is_there = (t.flatten(lead + num_axes) for t in (names, is_there))
    other = names.gather(-1, is_there.int().argmax(-1, keepdim=True))
    within = Named(torch.where(is_there, names, other))
    y = folded(nodes, "maximum", within, [-1])
    return [y, None] if "indices" in call.name else y


def _mean_of(nodes: Nodes, z: Named, axes: Sequence[int]) -> Named:
    count = math.prod(z.shape[axis] for axis in axes)
    total = summed(nodes, z, axes, keep=True)
    return binary(nodes, "multiply", total, 1 / count)


def _deviation(*, root: bool, with_mean: bool = False) -> Rule:
    def rule(nodes: Nodes, call: Call) -> Any:
        z, given = call.args[0], call.argument(1, "dim")
        keep = bool(call.argument(3, "keepdim", False))
        if isinstance(given, bool):
            less = float(given)
            given = None
        elif call.name.endswith(".dim"):
            less = float(call.argument(2, "unbiased", True))
        else:
            given_less = call.kwargs.get("correction")
            less = 1.0 if given_less is None else float(given_less)
        axes = axes_of(z, given)
        mean = _mean_of(nodes, z, axes)
        apart = binary(nodes, "subtract", z, mean)
        squares = binary(nodes, "multiply", apart, apart)
        count = math.prod(z.shape[axis] for axis in axes) - less
        total = summed(nodes, squares, axes, keep=keep)
        y = binary(nodes, "multiply", total, 1 / count)
        y = elementwise(nodes, y, "sqrt") if root else y
        if not with_mean:
            return y
        shape = y.shape
        return [y, Named(mean.names.reshape(shape))]

    return rule


def _length(nodes: Nodes, z: Any, order: float, axes: Sequence[int]) -> Named:
    """A norm, its axes kept."""
    size = elementwise(nodes, z, "abs")
    if math.isinf(order):
        operation = "maximum" if order > 0 else "minimum"
        return kept(z, axes, folded(nodes, operation, size, axes))
    if order == 1:
        return summed(nodes, size, axes, keep=True)
    squares = binary(nodes, "multiply", z, z)
    return elementwise(nodes, summed(nodes, squares, axes, keep=True), "sqrt")


def _norm(nodes: Nodes, call: Call) -> Named:
    z, order = (
        call.args[0],
        call.argument(1, "ord" if "linalg" in call.name else "p", 2),
    )
    order = 2.0 if order is None else float(order)
    if order not in (1.0, 2.0, math.inf, -math.inf):
        raise not_a_chain(call.node, f"is of order {order}")
    axes = axes_of(z, call.argument(2, "dim"))
    y = _length(nodes, z, order, axes)
    if call.argument(3, "keepdim", False):
        return y
    rest = [
        n
        for axis, n in enumerate(z.shape)
        if axis not in {a % len(z.shape) for a in axes}
    ]
    return Named(y.names.reshape(rest))


def _cosine_similarity(nodes: Nodes, call: Call) -> Named:
    a, b = (nodes.named(z) for z in call.args[:2])
    left, right = (Named(t) for t in torch.broadcast_tensors(a.names, b.names))
    axis, eps = call.argument(2, "dim", 1), call.argument(3, "eps", 1e-8)
    unit = []
    for z in (left, right):
        length = binary(nodes, "maximum", _length(nodes, z, 2.0, [axis]), eps)
        unit.append(binary(nodes, "divide", z, length))
    return summed(nodes, binary(nodes, "multiply", *unit), [axis], keep=False)


def _product(nodes: Nodes, call: Call) -> Named:
    z, given = call.args[0], call.argument(1, "dim")
    axes = axes_of(z, given)
    y = folded(nodes, "multiply", z, axes)
    return kept(z, axes, y) if call.argument(2, "keepdim", False) else y


def _log_sum_exp(nodes: Nodes, call: Call) -> Named:
    z = call.args[0]
    axes = axes_of(z, call.argument(1, "dim"))
    largest = kept(z, axes, folded(nodes, "maximum", z, axes))
    powers = elementwise(nodes, binary(nodes, "subtract", z, largest), "exp")
    total = elementwise(nodes, summed(nodes, powers, axes, keep=True), "log")
    y = binary(nodes, "add", largest, total)
    if call.argument(2, "keepdim", False):
        return y
    over = {axis % len(z.shape) for axis in axes}
    return Named(
        y.names.reshape([n for axis, n in enumerate(z.shape) if axis not in over])
    )


def _any(nodes: Nodes, call: Call) -> Named:
    z = call.args[0]
    axes = axes_of(z, call.argument(1, "dim"))
    operation = "maximum" if "any" in call.name else "minimum"
    y = folded(nodes, operation, z, axes)
    return kept(z, axes, y) if call.argument(2, "keepdim", False) else y


REDUCTIONS: dict[str, Rule] = {
    "aten." + name: rule
    for name, rule in {
        "amax": _extreme("maximum"),
        "amin": _extreme("minimum"),
        "max": _extreme("maximum"),
        "min": _extreme("minimum"),
        "fmax": _extreme("maximum"),
        "fmin": _extreme("minimum"),
        "max_pool1d": _max_pool,
        "max_pool2d": _max_pool,
        "max_pool2d_with_indices": _max_pool,
        "std": _deviation(root=True),
        "var": _deviation(root=False),
        "std_mean": _deviation(root=True, with_mean=True),
        "var_mean": _deviation(root=False, with_mean=True),
        "norm": _norm,
        "linalg_vector_norm": _norm,
        "cosine_similarity": _cosine_similarity,
        "prod": _product,
        "logsumexp": _log_sum_exp,
        "any": _any,
        "all": _any,
    }.items()
}
"""By name of the operation."""
