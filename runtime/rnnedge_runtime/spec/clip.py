"""Limits of the model inputs: what they are clipped to, what is plausible."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .model_spec import ModelSpec

CLIP_NONE = float(np.finfo(np.float32).max)


def clip_bounds(spec: ModelSpec) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lower and upper bound of every model input `[I]`; the largest float32 for no limit."""
    low = np.full(spec.input_size, -CLIP_NONE, dtype=np.float32)
    high = np.full(spec.input_size, CLIP_NONE, dtype=np.float32)
    for k, feature in enumerate(spec.features):
        if feature.clip is not None:
            low[k], high[k] = feature.clip
    return low, high


def range_bounds(spec: ModelSpec) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Lowest and highest plausible value of every model input `[I]`, as `clip_bounds`."""
    low = np.full(spec.input_size, -CLIP_NONE, dtype=np.float32)
    high = np.full(spec.input_size, CLIP_NONE, dtype=np.float32)
    for k, feature in enumerate(spec.features):
        if feature.range is not None:
            low[k], high[k] = feature.range
    return low, high
