"""Convolutions and pooling of ONNX, within one step."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from ...capture.graph.nodes import Named
from ...capture.graph.rules import RULES, binary, summed
from ...capture.graph.tracing import Call
from .call import OnnxCall, Rule


def _conv(call: OnnxCall) -> Named:
    z, weight = call.named(0), _weight(call)
    num_axes = weight.dim() - 2
    strides, dilations = (
        call.attribute(name) or [1] * num_axes for name in ("strides", "dilations")
    )
    sizes = [
        (size - 1) * step + 1
        for size, step in zip(weight.shape[2:], dilations, strict=True)
    ]
    sides = _sides(call, z.shape[2:], sizes, strides)
    padded = _padded(call, z.names, sides, 0.0)
    return _product(call, padded, weight, strides, dilations)


def _transposed(call: OnnxCall) -> Named:
    z, weight = call.named(0), _weight(call)
    num_axes, groups = weight.dim() - 2, call.attribute("group", 1)
    strides, dilations = (
        call.attribute(name) or [1] * num_axes for name in ("strides", "dilations")
    )
    if (
        call.attribute("auto_pad", "NOTSET") not in ("NOTSET", "VALID")
        or "output_shape" in call.attributes
    ):
        raise call.refused(
            "says its padding by auto_pad or output_shape", "Write its pads as numbers."
        )
    pads = call.attribute("pads") or [0] * 2 * num_axes
    more = call.attribute("output_padding") or [0] * num_axes
    zero = int(call.step.nodes.constant(0.0).names)
    names = z.names
    for k, stride in enumerate(strides):
        axis = 2 + k
        spread = names.new_full(
            [
                *names.shape[:axis],
                (names.shape[axis] - 1) * stride + 1,
                *names.shape[axis + 1 :],
            ],
            zero,
        )
        spread.narrow(axis, 0, spread.shape[axis])[
            (*[slice(None)] * axis, slice(None, None, stride))
        ] = names
        names = spread
    sides = []
    for k in range(num_axes):
        reach = (weight.shape[2 + k] - 1) * dilations[k]
        sides.append((reach - pads[k], reach - pads[num_axes + k] + more[k]))
    padded = _padded(call, names, sides, 0.0)
    inputs, outputs = weight.shape[0] // groups, weight.shape[1]
    turned = weight.reshape(groups, inputs, outputs, *weight.shape[2:])
    turned = turned.transpose(1, 2).flip(list(range(3, 3 + num_axes)))
    flat = turned.reshape(groups * outputs, inputs, *weight.shape[2:])
    return _product(call, padded, flat, [1] * num_axes, dilations)


def _product(
    call: OnnxCall,
    z: Named,
    weight: Tensor,
    strides: Sequence[int],
    dilations: Sequence[int],
) -> Named:
    full = "aten.conv2d"
    none = [0] * len(strides)
    args = z, weight, call.tensor(2, "bias"), strides, none, dilations
    groups = call.attribute("group", 1)
    made: Named = RULES[full](call.step.nodes, Call(None, full, (*args, groups), {}))
    return made


def _pool(operation: str) -> Rule:
    def rule(call: OnnxCall) -> Named:
        z, shape = call.named(0), call.attribute("kernel_shape")
        num_axes = len(shape)
        strides, dilations = (
            call.attribute(name) or [1] * num_axes for name in ("strides", "dilations")
        )
        sizes = [(n - 1) * step + 1 for n, step in zip(shape, dilations, strict=True)]
        sides = _sides(call, z.shape[2:], sizes, strides)
        if call.attribute("ceil_mode", 0):
            raise call.refused("rounds its size up", "Write it with ceil_mode 0.")
        is_max = operation == "maximum"
        if (
            any(map(any, sides))
            and not is_max
            and not call.attribute("count_include_pad", 0)
        ):
            raise call.refused("leaves its padding out of the mean", "Pad before it.")
        filler = -torch.finfo(torch.float32).max if is_max else 0.0
        names = _padded(call, z.names, sides, filler).names
        for k in range(num_axes):
            names = names.unfold(2 + k, sizes[k], strides[k])[..., :: dilations[k]]
        taps = names.flatten(2 + num_axes)
        nodes = call.step.nodes
        if not is_max:
            total = summed(nodes, Named(taps), [-1], keep=False)
            return binary(nodes, "multiply", total, 1 / math.prod(shape))
        found = Named(taps[..., 0])
        for k in range(1, taps.shape[-1]):
            found = binary(nodes, "maximum", found, Named(taps[..., k]))
        return found

    return rule


def _weight(call: OnnxCall) -> Tensor:
    weight = call.tensor(1, "weight")
    if weight is None:
        raise call.refused("has no weight", "Write the file again.")
    return weight


def _sides(
    call: OnnxCall, lengths: Sequence[int], sizes: Sequence[int], strides: Sequence[int]
) -> list[tuple[int, int]]:
    """What each axis is padded with, before and after."""
    auto, num = call.attribute("auto_pad", "NOTSET"), len(sizes)
    if auto in ("NOTSET", "VALID"):
        pads = call.attribute("pads") or [0] * 2 * num
        return [(pads[k], pads[num + k]) for k in range(num)]
    found = []
    for length, size, stride in zip(lengths, sizes, strides, strict=True):
        total = max(0, (math.ceil(length / stride) - 1) * stride + size - length)
        less = total // 2
        both = (less, total - less)
        found.append(both if auto == "SAME_UPPER" else both[::-1])
    return found


def _padded(
    call: OnnxCall, names: Tensor, sides: Sequence[tuple[int, int]], value: float
) -> Named:
    filler = int(call.step.nodes.constant(value).names)
    around = [width for side in reversed(sides) for width in side]
    return Named(functional.pad(names, around, value=filler))


WINDOWS: dict[str, Rule] = {
    "Conv": _conv,
    "ConvTranspose": _transposed,
    "MaxPool": _pool("maximum"),
    "AveragePool": _pool("mean"),
}
"""By operator."""
