"""The judge's steps of the layers whose state no matrix acts on (`layer_steps.py`)."""

from __future__ import annotations

import numpy as np

from rnnedge_runtime.spec.layers import Lru
from rnnedge_runtime.tolerances import FUNCTION_ERROR

from .function_bounds import bounded_function
from .rounding import (
    Bounded,
    Float64,
    Product,
    Tensors,
    product_bound,
    rounded,
    sigmoid,
    tanh,
    weighted_sum,
)


def lru(layer: Lru, w: Tensors, z: Bounded, before: Float64) -> list[Bounded]:
    """Output and new state, with their bounds."""
    share, goal, opened = _gates(layer, w, z)
    way = goal[0] - before
    h = before + share[0] * way
    # As h + g (n - h), or as (1 - g) h + g n.
    own = rounded(before, before, goal[0], goal[0], h)
    h_error = share[1] * np.abs(way) + (share[0] + share[1]) * goal[1] + own
    y = opened[0] * h
    return [(y, product_bound(opened, (h, h_error)) + rounded(y)), (h, h_error)]


def lru_runs(
    layer: Lru, w: Tensors, z: Float64, before: Float64, moves: Float64
) -> tuple[Float64, Float64]:
    """Outputs and states `[C, R, H]` of R runs, whose states are moved after every step."""
    share, goal, opened = (
        value for value, _ in _gates(layer, w, (z, np.zeros_like(z)))
    )
    states = np.empty_like(goal)
    for t, h in enumerate(states):
        np.add(before, share[t] * (goal[t] - before), out=h)
        h += moves[t]
        before = h
    return opened * states, states


def _gates(layer: Lru, w: Tensors, z: Bounded) -> tuple[Bounded, Bounded, Bounded]:
    """The share of the way that h goes, its goal, and how far it is shown."""
    size = layer.input_size
    driving = z[0][..., :size], z[1][..., :size]
    sums = weighted_sum(w["bias"], [Product(w["weight"], *driving)])
    d, n, o = zip(*(np.split(part, 3, axis=-1) for part in sums), strict=True)
    if not layer.has_step:
        return sigmoid(*d), tanh(*n), sigmoid(*o)
    step = np.maximum(z[0][..., size:], 0.0), z[1][..., size:]
    rate = bounded_function("softplus", d, (1.0, 20.0))
    v = rate[0] * step[0]
    error = product_bound(rate, step) + rounded(v)
    share = -np.expm1(-v)
    slope = np.exp(-np.maximum(v - error, 0.0))
    return (share, slope * error + FUNCTION_ERROR), tanh(*n), sigmoid(*o)
