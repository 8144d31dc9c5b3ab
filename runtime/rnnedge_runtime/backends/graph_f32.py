"""Steps of the layers that only a graph has, in `f32.v1` (`numpy_f32.py`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..arrays import Array
from ..numerics.f32 import Float32
from ..numerics.f32_sums import normed, total
from ..spec import layers

Values = tuple[Float32, ...]

OPERATIONS: dict[str, Callable[[Float32, Float32], Float32]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "minimum": lambda a, b: np.where(b < a, b, a),
    "maximum": lambda a, b: np.where(a < b, b, a),
}


def _combine(layer: layers.Combine, w: Any, z: Values, *_: object) -> Values:
    return (OPERATIONS[layer.operation](*z),)


def _window(
    layer: layers.Window, w: Any, z: Float32, carried: Iterator[Array], *_: object
) -> Values:
    before = next(carried).reshape(len(z), -1, layer.input_size)
    held = np.concatenate([before, z[:, None]], axis=1, dtype=np.float32)
    taps = held[:, :: layer.dilation]
    return taps.reshape(len(z), -1), held[:, 1:].reshape(len(z), -1)


def _norm(layer: layers.Norm, w: Any, z: Float32, *_: object) -> Values:
    parts = z.reshape(len(z), layer.groups, -1)
    y = normed(parts, layer.eps, is_centred=layer.is_centred)
    return (y.reshape(z.shape),)


def _depthwise(
    layer: layers.Depthwise, w: dict[str, Float32], z: Float32, *_: object
) -> Values:
    taps = z.reshape(len(z), layer.taps, layer.size)
    y = np.broadcast_to(w["bias"], (len(z), layer.size))
    for k in range(layer.taps):
        y = y + taps[:, k] * w["weight"][k]
    return (y,)


GRAPH_STEPS: dict[type[layers.Layer], Callable[..., Values]] = {
    layers.Combine: _combine,
    layers.Concat: lambda layer, w, z, *_: (
        np.concatenate(z if isinstance(z, tuple) else (z,), axis=-1),
    ),
    layers.Select: lambda layer, w, z, *_: (z[:, list(layer.indices)],),
    layers.Memory: lambda layer, w, z, carried, given: (next(carried),) * 2,
    layers.Window: _window,
    layers.Norm: _norm,
    layers.Sum: lambda layer, w, z, *_: (
        total(z.reshape(len(z), layer.output_size, -1)),
    ),
    layers.Depthwise: _depthwise,
    layers.Constant: lambda layer, w, z, carried, given: (
        np.broadcast_to(w["value"], (len(given[0]), layer.output_size)),
    ),
}
"""Of each kind; a memory's new state is put in its place when the step has ended."""
