"""Operations over the axes of one frame: largest values, pooling, sums so far, upsampling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ...module.reasons import not_a_chain
from .nodes import Named, Nodes
from .rules import binary, convolved, per_axis, summed
from .tracing import Call, Rule


def extreme(nodes: Nodes, z: Named, axes: Sequence[int], operation: str) -> Named:
    """Largest or smallest values over some axes, which go."""
    num = len(z.shape)
    over = sorted({axis % num for axis in axes})
    rest = [axis for axis in range(num) if axis not in over]
    names = z.names.permute(*rest, *over).flatten(len(rest))
    while names.shape[-1] > 1:
        half = names.shape[-1] // 2
        pair = Named(names[..., :half]), Named(names[..., half : 2 * half])
        found = binary(nodes, operation, *pair).names
        names = torch.cat([found, names[..., 2 * half :]], -1)
    return Named(names[..., 0])


def _reduced(operation: str) -> Rule:
    """`amax`, `max` of all or, without its places, over one axis."""

    def rule(nodes: Nodes, call: Call) -> Any:
        z = call.args[0]
        axes = call.argument(1, "dim", ())
        if isinstance(axes, Named | Tensor):
            return binary(nodes, operation, z, axes)
        is_pair = call.name.endswith(".dim")
        if is_pair and any(_is_second(user) for user in call.node.users):
            raise not_a_chain(call.node, "gives positions")
        axes = [axes] if isinstance(axes, int) else list(axes) or range(len(z.shape))
        found = extreme(nodes, z, axes, operation)
        if call.argument(2, "keepdim", False):
            over = {axis % len(z.shape) for axis in axes}
            shape = [1 if k in over else n for k, n in enumerate(z.shape)]
            found = Named(found.names.reshape(shape))
        return (found, None) if is_pair else found

    return rule


def _is_second(user: Any) -> bool:
    return bool(
        getattr(user.target, "__name__", "") == "getitem"
        and user.args[1]
        and user.users
    )


def _pooled(num_axes: int, *, is_max: bool) -> Rule:
    def rule(nodes: Nodes, call: Call) -> Any:
        z = call.args[0].names
        kernel = per_axis(call.args[1], num_axes)
        stride = per_axis(call.argument(2, "stride") or kernel, num_axes)
        padding = per_axis(call.argument(3, "padding", 0), num_axes)
        if is_max and any(
            width != 1 for width in per_axis(call.argument(4, "dilation", 1), num_axes)
        ):
            raise not_a_chain(call.node, "has a dilation")
        if (
            not is_max
            and any(padding)
            and not call.argument(5, "count_include_pad", True)
        ):
            raise not_a_chain(call.node, "does not count its padding")
        lowest = -torch.finfo(torch.float32).max if is_max else 0.0
        filler = int(nodes.constant(lowest).names)
        around = [side for width in reversed(padding) for side in (width, width)]
        z = torch.nn.functional.pad(z, around, value=filler)
        first = z.dim() - num_axes
        for axis in range(num_axes):
            z = z.unfold(first + axis, kernel[axis], stride[axis])
        windows = Named(z.flatten(-num_axes))
        if is_max:
            return extreme(nodes, windows, [-1], "maximum")
        total = summed(nodes, windows, [-1], keep=False)
        return binary(nodes, "multiply", total, 1 / math.prod(kernel))

    return rule


def _adaptive(nodes: Nodes, call: Call) -> Named:
    """Means over equal parts."""
    z = call.args[0]
    size = call.args[1]
    sizes = [size] if isinstance(size, int) else list(size)
    num = len(sizes)
    own = z.shape[-num:]
    if any(n % m for n, m in zip(own, sizes, strict=True)):
        raise not_a_chain(call.node, "has parts of unlike sizes")
    names, first = z.names, z.names.dim() - num
    for axis, (n, m) in enumerate(zip(own, sizes, strict=True)):
        names = names.unfold(first + axis, n // m, n // m)
    total = summed(nodes, Named(names.flatten(-num)), [-1], keep=False)
    count = math.prod(own) // math.prod(sizes)
    return binary(nodes, "multiply", total, 1 / count)


def _so_far(nodes: Nodes, call: Call) -> Named:
    """Sums over a frame up to each place."""
    parts = list(call.args[0].names.unbind(call.args[1]))
    operation = "add" if "cumsum" in call.name else "multiply"
    total = [Named(parts[0])]
    for part in parts[1:]:
        total.append(binary(nodes, operation, total[-1], Named(part)))
    return Named(torch.stack([named.names for named in total], call.args[1]))


def _product(nodes: Nodes, call: Call) -> Named:
    z, axis = call.args[0], call.argument(1, "dim")
    parts = z.names.reshape(-1).unbind() if axis is None else z.names.unbind(axis)
    total = Named(parts[0])
    for part in parts[1:]:
        total = binary(nodes, "multiply", total, Named(part))
    is_kept = axis is not None and call.argument(2, "keepdim", False)
    return Named(total.names.unsqueeze(axis)) if is_kept else total


def _transposed_convolution(nodes: Nodes, call: Call) -> Named:
    """A convolution of what stands apart, with the kernel turned round."""
    z, weight, bias = call.args[0], call.args[1], call.argument(2, "bias")
    num = weight.dim() - 2
    stride, padding, more, dilation = (
        per_axis(call.argument(k, name, default), num)
        for k, name, default in (
            (3, "stride", 1),
            (4, "padding", 0),
            (5, "output_padding", 0),
            (7, "dilation", 1),
        )
    )
    groups = call.argument(6, "groups", 1)
    names = z.names if z.names.dim() == num + 2 else z.names[None]
    zero = int(nodes.constant(0.0).names)
    apart = [(n - 1) * s + 1 for n, s in zip(names.shape[2:], stride, strict=True)]
    wide = torch.full((*names.shape[:2], *apart), zero)
    wide[(..., *(slice(None, None, s) for s in stride))] = names
    around: list[int] = []
    for k in reversed(range(num)):
        width = dilation[k] * (weight.shape[2 + k] - 1) - padding[k]
        around += [width, width + more[k]]
    wide = torch.nn.functional.pad(wide, around, value=zero)
    turned = weight.flip(list(range(2, 2 + num)))
    inputs, outputs = turned.shape[:2]
    kernel = turned.reshape(groups, inputs // groups, outputs, *turned.shape[2:])
    kernel = kernel.transpose(1, 2).reshape(-1, inputs // groups, *turned.shape[2:])
    found = convolved(nodes, wide, kernel, bias, [1] * num, dilation, groups)
    return Named(found if z.names.dim() == num + 2 else found[0])


FRAMES: dict[str, Rule] = {
    f"aten.{name}": rule
    for name, rule in {
        "amax": _reduced("maximum"),
        "amin": _reduced("minimum"),
        "max": _reduced("maximum"),
        "min": _reduced("minimum"),
        "max_pool1d": _pooled(1, is_max=True),
        "max_pool2d": _pooled(2, is_max=True),
        "avg_pool1d": _pooled(1, is_max=False),
        "avg_pool2d": _pooled(2, is_max=False),
        "adaptive_avg_pool1d": _adaptive,
        "adaptive_avg_pool2d": _adaptive,
        "cumsum": _so_far,
        "cumprod": _so_far,
        "prod": _product,
        "conv_transpose1d": _transposed_convolution,
        "conv_transpose2d": _transposed_convolution,
    }.items()
}
"""By name of the operation."""
