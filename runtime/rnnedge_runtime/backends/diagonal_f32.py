"""Steps of the layers whose state no matrix acts on, in `f32.v1` (`numpy_f32.py`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..arrays import Array
from ..numerics.f32 import Float32, chain, flush, relu, sigmoid, tanh
from ..numerics.f32_functions import expm1, softplus
from ..spec import layers

_ONE, _TWENTY = np.float32(1), np.float32(20)


def lru(
    layer: layers.Lru, w: dict[str, Float32], z: Any, carried: Iterator[Array], *_: Any
) -> tuple[Float32, ...]:
    """Output and new state; h moves by `g (tanh(n) - h)`."""
    dt: Float32 | None
    z, dt = z if layer.has_step else (z, None)
    d, n, o = np.split(chain(w["bias"], w["weight"], z), 3, axis=-1)
    g = sigmoid(d) if dt is None else _share(d, dt)
    h: Float32 = next(carried)
    h = flush(h + g * (tanh(n) - h))
    return sigmoid(o) * h, h


def _share(d: Float32, dt: Float32) -> Float32:
    v: Float32 = softplus(d, _ONE, _TWENTY) * relu(dt)
    return -expm1(-v)
