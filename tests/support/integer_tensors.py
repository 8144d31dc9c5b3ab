"""Any tensors of a graph in integers within the limits of a file, the ends of them too."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnedge_runtime.numerics import w8a16
from rnnedge_runtime.spec import layers
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.w8a16_graph import (
    LARGEST_EPS_PLACES,
    LARGEST_PORT_GAIN,
    MOST_NORM_BITS,
    MOST_PLACES,
    STATE_BITS,
)
from rnnedge_runtime.spec.w8a16_model import QuantisedModel, Tensor, tensor_types

Rng = np.random.Generator


def drawn_integers(spec: ModelSpec, rng: Rng) -> QuantisedModel:
    """A model with some layers kept in float, most values of a moderate size."""
    is_kept = rng.random(len(spec.layers)) < rng.choice([0.0, 0.2])
    kept = frozenset(np.flatnonzero(is_kept).tolist())
    tensors: dict[str, Tensor] = {}
    for name, (kind, shape) in tensor_types(spec, kept).items():
        layer = spec.layers[int(name.split(".")[1])] if "value.-1" not in name else None
        drawn = _drawn(name, layer, shape, kind, rng)
        tensors[name] = np.ascontiguousarray(drawn.astype(kind))
    return QuantisedModel(spec, kept, tensors)


def _drawn(name: str, layer: Any, shape: Any, kind: str, rng: Rng) -> np.ndarray:
    part = name.rsplit(".", 1)[1]
    if kind == "<f4":
        return _drawn_float(name, part, shape, rng)
    if part in _ROWS:
        low, high = _ROWS[part]
        return rng.integers(low, high + 1, shape)
    if part == "bits":
        is_free = not layer.is_bounded
        bits = [rng.integers(0, 16) if is_free else w8a16.STATE_BITS]
        return np.array([*bits, rng.choice(w8a16.CELL_BITS)][: shape[0]])
    if part.endswith("gain") or part.startswith("gain"):
        if rng.random() < 0.8:
            return rng.integers(2**14, 2**16, shape) * rng.choice([-1, 1], shape)
        return _signed(LARGEST_PORT_GAIN, 22, shape, rng)
    if part.endswith("places"):
        any_places = rng.integers(1, MOST_PLACES + 1)
        return np.array([int(rng.choice([any_places, 14, 15, 16, 17]))])
    if part.startswith("bias"):
        return _signed(w8a16.LARGEST_BIAS >> rng.choice([0, 13, 15]), 16, shape, rng)
    if part.startswith("multiplier"):
        is_table = isinstance(layer, layers.Embedding)
        largest = (
            w8a16.LARGEST_TABLE_MULTIPLIER if is_table else w8a16.LARGEST_MULTIPLIER
        )
        return rng.integers(0, largest + 1, shape) >> rng.integers(0, 16)
    largest = w8a16.LARGEST_WEIGHT if kind == "<i1" else w8a16.LARGEST_VALUE
    return _signed(largest, 8, shape, rng)


_ROWS = {
    "eps": (0, LARGEST_PORT_GAIN),
    "eps_places": (0, LARGEST_EPS_PLACES),
    "state_bits": (STATE_BITS.start, STATE_BITS.stop - 1),
    "norm_bits": (0, MOST_NORM_BITS),
}


def _signed(largest: int, bits: int, shape: Any, rng: Rng) -> np.ndarray:
    """Up to `largest`, of all sizes; an end now and then."""
    found = rng.integers(-largest, largest + 1, shape) >> rng.integers(0, bits)
    is_end = rng.random(shape) < 0.02
    return np.where(is_end, rng.choice([-largest, largest]), found)


def _drawn_float(name: str, part: str, shape: Any, rng: Rng) -> np.ndarray:
    if name.startswith("value."):
        scale = {"shift": 1.0, "rate": 10_000.0, "step": 1e-4}[part]
        return np.where(rng.random(shape) < 0.05, 0, scale * rng.uniform(0.1, 2, shape))
    if part == "high":
        return np.abs(rng.normal(size=shape))
    return -np.abs(rng.normal(size=shape)) if part == "low" else rng.normal(size=shape)
