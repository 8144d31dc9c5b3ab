"""Canonical weights and the model digest.

Weights are a dict from `layers.<k>.<tensor>` to float32 arrays in PyTorch's layout and gate
order, in the order of the layers. Magnitudes below 2^-50 become zero, so that no product
with them is a denormal and flush-to-zero hardware computes the same numbers.
"""

from __future__ import annotations

import importlib
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import NonFiniteError, ShapeError, SpecError
from ..numerics.f32 import NUMERICS, SMALLEST_MAGNITUDE
from .layers import Difference, Shape
from .model_spec import ModelSpec
from .spec_json import spec_to_json

Weights = dict[str, NDArray[np.float32]]


def weight_shapes(spec: ModelSpec) -> dict[str, Shape]:
    """Name and shape of every weight of `spec`, in canonical order."""
    return {
        f"layers.{k}.{name}": shape
        for k, layer in enumerate(spec.layers)
        for name, shape in layer.weight_shapes().items()
    }


def canonical_weights(spec: ModelSpec, weights: Mapping[str, ArrayLike]) -> Weights:
    """`weights` as contiguous float32 in canonical order, checked, tiny values flushed.

    Raises:
        ShapeError: a tensor is missing, left over or of another shape.
        NonFiniteError: a tensor holds NaN or infinity.
        SpecError: a `difference` has `low` above `high`.
    """
    shapes = weight_shapes(spec)
    if set(weights) != set(shapes):
        odd = sorted(set(weights) ^ set(shapes))
        raise ShapeError(
            f"weights: {', '.join(odd)} {'is' if len(odd) == 1 else 'are'} missing or left "
            f"over, the spec has {len(shapes)} tensors. Give exactly these tensors."
        )
    canonical = {}
    for name, shape in shapes.items():
        array = np.array(weights[name], dtype=np.float32, order="C")
        if array.shape != shape:
            raise ShapeError(
                f"weights: tensor '{name}' has shape {array.shape}, expected {shape}. "
                "Give the weights in PyTorch's layout."
            )
        if not np.isfinite(array).all():
            raise NonFiniteError(
                f"weights: tensor '{name}' holds NaN or infinity. The training diverged; "
                "train again with a smaller learning rate."
            )
        array[np.abs(array) < SMALLEST_MAGNITUDE] = 0.0
        canonical[name] = array
    _check_limits(spec, canonical)
    return canonical


def _check_limits(spec: ModelSpec, weights: Weights) -> None:
    """Raise SpecError where a `difference` has `low` above `high`."""
    for k, layer in enumerate(spec.layers):
        if not isinstance(layer, Difference):
            continue
        low, high = weights[f"layers.{k}.low"], weights[f"layers.{k}.high"]
        if (low > high).any():
            i = int(np.argmax(low > high))
            raise SpecError(
                f"weights: 'layers.{k}.low' is above 'layers.{k}.high' at change {i}, "
                f"{low[i]:g} against {high[i]:g}. Give limits of the change in order."
            )


def model_digest(spec: ModelSpec, weights: Weights, *, numerics: str = NUMERICS) -> str:
    """SHA-256 (hex) that identifies a model; equal in all its float artifacts.

    Over, each preceded by its length as uint64 little-endian: the numerics name, the
    canonical spec, then per tensor in canonical order its name and its little-endian bytes.
    """
    tensors = {
        name: weights[name].astype("<f4").tobytes() for name in weight_shapes(spec)
    }
    return spec_digest(spec, tensors, numerics)


def spec_digest(
    spec: ModelSpec, tensors: Mapping[str, bytes], numerics: str, *more: str
) -> str:
    """SHA-256 (hex) of the numerics, the spec, what is said of it, and its tensors."""
    digest = _new_sha256()
    pieces = [text.encode() for text in (numerics, spec_to_json(spec), *more)]
    for name, content in tensors.items():
        pieces += [name.encode(), content]
    for piece in pieces:
        digest.update(struct.pack("<Q", len(piece)))
        digest.update(piece)
    return str(digest.hexdigest())


def _new_sha256() -> Any:
    """A hash of Python's own: `hashlib` loads OpenSSL, which takes 4 MB of a device."""
    for module in ("_sha2", "_sha256"):  # from Python 3.12 on, before
        try:
            return importlib.import_module(module).sha256()
        except ImportError:
            continue
    return importlib.import_module("hashlib").sha256()
