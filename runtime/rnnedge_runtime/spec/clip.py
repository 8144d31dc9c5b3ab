"""Limits of the model inputs: what they are clipped to, what is plausible."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .model_spec import ModelSpec

CLIP_NONE = float(np.finfo(np.float32).max)


Array = NDArray[np.float32]
Bounds = tuple[Array, Array]


def clip_bounds(spec: ModelSpec) -> Bounds:
    """Lower and upper bound of every model input `[I]`; the largest float32 for no limit."""
    return _bounds(spec, [feature.clip for feature in spec.features])


def range_bounds(spec: ModelSpec) -> Bounds:
    """Lowest and highest plausible value of every model input `[I]`, as `clip_bounds`."""
    return _bounds(spec, [feature.range for feature in spec.features])


def _bounds(spec: ModelSpec, limits: list[tuple[float, float] | None]) -> Bounds:
    low = np.full(spec.input_size, -CLIP_NONE, dtype=np.float32)
    high = np.full(spec.input_size, CLIP_NONE, dtype=np.float32)
    for k, limit in enumerate(limits):
        if limit is not None:
            low[k], high[k] = limit
    return low, high


def odd_readings(
    readings: Array, clip: Bounds, plausible: Bounds
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which of `[..., F]` readings are clipped, and which are implausible.

    A reading outside the plausible range is implausible, and not clipped as well; one that is
    not finite is missing, and neither.

    Args:
        readings: of all features.
        clip: from `clip_bounds`.
        plausible: from `range_bounds`.
    """
    number = readings.shape[-1]
    is_finite = np.isfinite(readings)
    clipped, implausible = (
        is_finite & ((readings < low[:number]) | (readings > high[:number]))
        for low, high in (clip, plausible)
    )
    return clipped & ~implausible, implausible
