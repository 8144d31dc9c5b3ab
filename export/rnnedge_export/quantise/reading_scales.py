"""Scales of what is made of readings before they are clipped."""

from __future__ import annotations

import numpy as np

from rnnedge_runtime.numerics.w8a16 import (
    LARGEST_CHANGE,
    LARGEST_MULTIPLE,
    LARGEST_VALUE,
)
from rnnedge_runtime.spec.layer_roles import holds_readings, layer_roles
from rnnedge_runtime.spec.layers import AddLast, Affine, Difference
from rnnedge_runtime.spec.model_spec import ModelSpec

from .scales import Float64, Scale


def unclipped_inputs(spec: ModelSpec, kept: frozenset[int]) -> tuple[int, ...] | None:
    """Inputs that a layer takes as they are held; None where they are held clipped."""
    if not holds_readings(spec, kept):
        return None
    return tuple(
        source
        for layer in spec.layers
        if isinstance(layer, Difference)
        or (isinstance(layer, AddLast) and not layer.is_clipped)
        for source in layer.sources
    )


def folded_scaler(spec: ModelSpec, kept: frozenset[int]) -> int | None:
    """Position of the affine that the conversion of the model input takes in."""
    k = int(isinstance(spec.layers[0], Difference))
    is_affine = k < len(spec.layers) and isinstance(spec.layers[k], Affine)
    return k if is_affine and layer_roles(spec, kept)[k].role == "folded" else None


def reading_units(step: Float64, unit: Scale) -> tuple[Float64, Float64]:
    """`[O]` units of a reading's step in one of the output, and the output's unit.

    The reading counts whole units of the output, so that it is exact however far it is.

    Args:
        step: `[O]` of the reading.
        unit: of what is added to it.
    """
    finest = np.maximum(np.abs(unit), step / LARGEST_MULTIPLE)
    multiple = 2.0 ** np.ceil(np.log2(np.maximum(step / finest, 1)))
    return multiple, step / multiple


def change_scales(
    step: Float64, low: Float64, high: Float64
) -> tuple[dict[str, Float64], Float64]:
    """Tensors of a `difference`, and the `[n]` units of its changes.

    Changes come in whole steps of their readings, in coarser ones where they are wide.
    """
    ends = [
        np.clip(np.round(end / step), -LARGEST_CHANGE, LARGEST_CHANGE)
        for end in (low, high)
    ]
    widest = np.maximum(np.abs(ends[0]), np.abs(ends[1])) / (LARGEST_VALUE + 1)
    drop = np.ceil(np.log2(np.maximum(widest, 1)))
    tensors = {"change_low": ends[0], "change_high": ends[1], "drop": drop}
    return tensors, step * 2.0**drop
