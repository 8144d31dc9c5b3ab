"""What readings may be, as constants of generated sources."""

from __future__ import annotations

import numpy as np

from rnnedge_runtime.spec.clip import clip_bounds
from rnnedge_runtime.spec.model_spec import LARGEST_FLOAT32, ModelSpec

from .literals import float_array, integer_array


def has_ranges(spec: ModelSpec) -> bool:
    """Whether any reading can be not plausible."""
    return any(feature.range is not None for feature in spec.features)


def reject_arrays(name: str, spec: ModelSpec) -> list[str]:
    """`NAME_rejects`; none where a missing reading is always held."""
    rejects = [int(feature.missing == "reject") for feature in spec.features]
    array = integer_array("uint8_t", f"{name}_rejects", rejects)
    return [array] if any(rejects) else []


def clip_arrays(name: str, spec: ModelSpec) -> list[str]:
    """`NAME_low` and `NAME_high` in float32; none where nothing is clipped."""
    if not any(feature.clip for feature in spec.features):
        return []
    low, high = (ends[: spec.num_features] for ends in clip_bounds(spec))
    return [float_array(f"{name}_low", low), float_array(f"{name}_high", high)]


def range_arrays(name: str, spec: ModelSpec) -> list[str]:
    """`NAME_range_least` and `NAME_range_most`; none where all readings are plausible."""
    if not has_ranges(spec):
        return []
    least, most = _range_keys(spec)
    return [
        integer_array("int32_t", f"{name}_range_least", least),
        integer_array("int32_t", f"{name}_range_most", most),
    ]


def _range_keys(spec: ModelSpec) -> tuple[list[int], list[int]]:
    """Keys, ordered as the float32 they stand for; a range that ends at 0 has both zeros."""
    open_range = (-LARGEST_FLOAT32, LARGEST_FLOAT32)
    ranges = [feature.range or open_range for feature in spec.features]
    least = [_key(low if low else -0.0) for low, _ in ranges]
    most = [_key(high if high else 0.0) for _, high in ranges]
    return least, most


def _key(value: float) -> int:
    bits = int(np.float32(value).view(np.uint32))
    return -(bits & 0x7FFFFFFF) - 1 if bits >> 31 else bits
