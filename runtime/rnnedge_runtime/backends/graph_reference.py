"""Functions and the layers of graphs for the `reference` engine: plain NumPy in float64."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array
from ..spec import layers

Float = NDArray[np.floating]
Values = tuple[Float, ...]

_SELU = 1.0507009873554805, 1.6732632423543772
_erf = np.vectorize(math.erf, otypes=[float])


def sigmoid(z: Float) -> Float:
    """1 / (1 + exp(-z)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * z)))


def _elu(z: Float, alpha: float) -> Float:
    return np.where(z < 0, alpha * np.expm1(np.minimum(z, 0)), z)


def _softplus(z: Float, beta: float, threshold: float) -> Float:
    v = beta * z
    return np.where(v > threshold, z, np.logaddexp(0, v) / beta)


def _gelu_tanh(z: Float) -> Float:
    v = math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)
    return np.asarray(0.5 * z * (1 + np.tanh(v)))


def _hardsigmoid(z: Float) -> Float:
    return np.clip(z + 3, 0, 6) / 6


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0.0),
    "sigmoid": sigmoid,
    "leaky_relu": lambda z, slope: np.where(z < 0, slope * z, z),
    "elu": _elu,
    "selu": lambda z: _SELU[0] * _elu(z, _SELU[1]),
    "gelu": lambda z: 0.5 * z * (1 + _erf(z / math.sqrt(2))),
    "gelu_tanh": _gelu_tanh,
    "silu": lambda z: z * sigmoid(z),
    "mish": lambda z: z * np.tanh(np.logaddexp(0, z)),
    "softplus": _softplus,
    "hardtanh": np.clip,
    "hardsigmoid": _hardsigmoid,
    "hardswish": lambda z: z * _hardsigmoid(z),
    "softsign": lambda z: z / (1 + np.abs(z)),
    "exp": np.exp,
    "log": np.log,
    "sqrt": np.sqrt,
    "rsqrt": lambda z: 1 / np.sqrt(z),
    "reciprocal": lambda z: 1 / z,
    "abs": np.abs,
    "erf": _erf,
    "step": lambda z: np.where(z > 0, 1.0, 0.0),
    "floor": np.floor,
    "sin": np.sin,
    "cos": np.cos,
}

_OPERATIONS: dict[str, Callable[[Float, Float], Any]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "minimum": np.minimum,
    "maximum": np.maximum,
}


def _window(
    layer: layers.Window, w: Any, z: Float, carried: Iterator[Array], *_: object
) -> Values:
    before = next(carried).reshape(len(z), -1, layer.input_size)
    held = np.concatenate([before, z[:, None]], axis=1)
    taps = held[:, :: layer.dilation]
    return taps.reshape(len(z), -1), held[:, 1:].reshape(len(z), -1)


def _norm(layer: layers.Norm, w: Any, z: Float, *_: object) -> Values:
    parts = z.reshape(len(z), layer.groups, -1)
    if layer.is_centred:
        parts = parts - parts.mean(axis=-1, keepdims=True)
    variance = (parts**2).mean(axis=-1, keepdims=True)
    return ((parts / np.sqrt(variance + layer.eps)).reshape(z.shape),)


def _depthwise(
    layer: layers.Depthwise, w: dict[str, Float], z: Float, *_: object
) -> Values:
    taps = z.reshape(len(z), layer.taps, layer.size)
    return ((taps * w["weight"]).sum(axis=1) + w["bias"],)


GRAPH_STEPS: dict[type[layers.Layer], Callable[..., Values]] = {
    layers.Combine: lambda layer, w, z, *_: (_OPERATIONS[layer.operation](*z),),
    layers.Concat: lambda layer, w, z, *_: (
        np.concatenate(z if isinstance(z, tuple) else (z,), axis=-1),
    ),
    layers.Select: lambda layer, w, z, *_: (z[:, list(layer.indices)],),
    layers.Memory: lambda layer, w, z, carried, given: (next(carried),) * 2,
    layers.Window: _window,
    layers.Norm: _norm,
    layers.Sum: lambda layer, w, z, *_: (
        z.reshape(len(z), layer.output_size, -1).sum(axis=-1),
    ),
    layers.Depthwise: _depthwise,
    layers.Constant: lambda layer, w, z, carried, given: (
        np.broadcast_to(w["value"], (len(given[0]), layer.output_size)),
    ),
}
"""Of each kind; a memory's new state is put in its place when the step has ended."""
