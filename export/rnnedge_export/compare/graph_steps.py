"""The judge's steps of the layers that only a graph has (`layer_steps.py`).

A layer that reads several values gets them joined, `[S, all]`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from rnnedge_runtime.spec import graph_layers as kinds
from rnnedge_runtime.spec.layers import Layer, Lru
from rnnedge_runtime.tolerances import SMALLEST_ERROR, UNIT_ROUNDOFF

from .diagonal_steps import lru
from .function_bounds import divided
from .rounding import (
    Bounded,
    Float64,
    Product,
    Tensors,
    product_bound,
    rounded,
    weighted_sum,
)

_NORM_ROUNDINGS = 4
"""Of the root, the quotient and their product, in units in the last place."""


def joined(values: Sequence[Bounded], num_steps: int) -> Bounded:
    """What a layer reads, one value behind the other; `[S, 0]` of nothing."""
    if len(values) == 1:
        return values[0]
    nothing = np.zeros((num_steps, 0))
    value, error = zip((nothing, nothing), *values, strict=True)
    return np.concatenate(value, axis=1), np.concatenate(error, axis=1)


def parted(z: Bounded, parts: int) -> Bounded:
    """`[S, n]` as `[S, parts, n / parts]`."""
    shape = (len(z[0]), parts, z[0].shape[1] // parts)
    return z[0].reshape(shape), z[1].reshape(shape)


def flat(z: Bounded) -> Bounded:
    """Parts, one behind the other again."""
    return z[0].reshape(len(z[0]), -1), z[1].reshape(len(z[0]), -1)


def _multiplied(a: Bounded, b: Bounded) -> Bounded:
    y = a[0] * b[0]
    return y, product_bound(a, b) + rounded(y)


def _added(sign: float) -> Callable[[Bounded, Bounded], Bounded]:
    def combine(a: Bounded, b: Bounded) -> Bounded:
        y = a[0] + sign * b[0]
        return y, a[1] + b[1] + rounded(y)

    return combine


OPERATIONS: dict[str, Callable[[Bounded, Bounded], Bounded]] = {
    "add": _added(1.0),
    "subtract": _added(-1.0),
    "multiply": _multiplied,
    "divide": divided,
    "minimum": lambda a, b: (np.minimum(a[0], b[0]), np.maximum(a[1], b[1])),
    "maximum": lambda a, b: (np.maximum(a[0], b[0]), np.maximum(a[1], b[1])),
}


def _combine(layer: kinds.Combine, w: Tensors, z: Bounded, source: Float64) -> Bounded:
    size = layer.size
    a, b = (tuple(part[:, at] for part in z) for at in (slice(size), slice(size, None)))
    return OPERATIONS[layer.operation]((a[0], a[1]), (b[0], b[1]))


def _select(layer: kinds.Select, w: Tensors, z: Bounded, source: Float64) -> Bounded:
    indices = list(layer.indices)
    return z[0][:, indices], z[1][:, indices]


def _sum(layer: kinds.Sum, w: Tensors, z: Bounded, source: Float64) -> Bounded:
    return flat(_total(parted(z, layer.output_size), 1.0))


def _total(z: Bounded, share: float) -> Bounded:
    """The sum of `[..., n]` times `share`, `[..., 1]`."""
    weight = np.full((1, z[0].shape[-1]), share)
    return weighted_sum(np.zeros(1), [Product(weight, *z)])


def _norm(layer: kinds.Norm, w: Tensors, z: Bounded, source: Float64) -> Bounded:
    value, error = parted(z, layer.groups)
    share = 1 / value.shape[-1]
    if layer.is_centred:
        mean, mean_error = _total((value, error), share)
        value = value - mean
        error = error + mean_error + rounded(value)
    square_error = 2 * np.abs(value) * error + error**2 + rounded(value**2)
    variance, variance_error = _total((value**2, square_error), share)
    variance = variance + layer.eps
    variance_error = variance_error + rounded(variance)
    r = 1 / np.sqrt(variance)
    least = np.maximum(variance - variance_error, layer.eps / 2)
    r_error = 1 / np.sqrt(least) - r + _NORM_ROUNDINGS * UNIT_ROUNDOFF * r
    y = value * r
    return flat((y, product_bound((value, error), (r, r_error)) + rounded(y, y)))


def _depthwise(
    layer: kinds.Depthwise, w: Tensors, z: Bounded, source: Float64
) -> Bounded:
    value, error = parted(z, layer.taps)
    products = value * w["weight"]
    y = products.sum(axis=1) + w["bias"]
    magnitude = np.abs(products).sum(axis=1) + np.abs(w["bias"])
    own = (layer.taps + 2) * UNIT_ROUNDOFF * magnitude + SMALLEST_ERROR
    return y, (error * np.abs(w["weight"])).sum(axis=1) + own


def _constant(
    layer: kinds.Constant, w: Tensors, z: Bounded, source: Float64
) -> Bounded:
    y = np.broadcast_to(w["value"], (len(source), layer.output_size))
    return y, np.zeros_like(y)


GRAPH_PLAIN: dict[type[Layer], Callable[..., Bounded]] = {
    kinds.Combine: _combine,
    kinds.Concat: lambda layer, w, z, source: z,
    kinds.Select: _select,
    kinds.Norm: _norm,
    kinds.Sum: _sum,
    kinds.Depthwise: _depthwise,
    kinds.Constant: _constant,
}
"""Layers without state."""


def _window(
    layer: kinds.Window, w: Tensors, z: Bounded, before: Float64
) -> list[Bounded]:
    kept = before.reshape(len(before), -1, layer.input_size)
    value, error = (
        np.concatenate([old, new[:, None]], axis=1)
        for old, new in zip((kept, np.zeros_like(kept)), z, strict=True)
    )
    taps = value[:, :: layer.dilation], error[:, :: layer.dilation]
    return [flat(taps), flat((value[:, 1:], error[:, 1:]))]


def _memory(
    layer: kinds.Memory, w: Tensors, z: Bounded, before: Float64
) -> list[Bounded]:
    return [(before, np.zeros_like(before))] * 2


HOLDING: dict[type[Layer], Callable[..., list[Bounded]]] = {
    kinds.Memory: _memory,
    kinds.Window: _window,
    Lru: lru,
}
"""Layers with a state that is no cell: the output, then the new state. A memory is put in its
place when the step has ended."""
