"""Ranges of plausible readings as constants: keys of float32, and integers."""

from __future__ import annotations

import numpy as np

from rnnedge_runtime.backends.integer_inputs import IntegerInputs
from rnnedge_runtime.quantised import QuantisedModel, parts
from rnnedge_runtime.spec import LARGEST_FLOAT32, ModelSpec

from .integer_accept import has_ranges
from .naming import integer_array


def range_arrays(name: str, model: QuantisedModel) -> list[str]:
    """`NAME_range_least`, `NAME_range_most`; of integer inputs `NAME_least`, `NAME_most`."""
    if not has_ranges(model.spec):
        return []
    least, most = range_keys(model.spec)
    arrays = [
        integer_array("int32_t", f"{name}_range_least", least),
        integer_array("int32_t", f"{name}_range_most", most),
    ]
    is_of_integers = model.is_integer_only and parts(model.spec, model.kept)[0].is_first
    if not (is_of_integers or model.holds_readings):
        return arrays
    ends = IntegerInputs(model).range_integers()
    for end, values in zip(("least", "most"), ends, strict=True):
        numbers = [int(value) for value in values]
        arrays.append(integer_array("int32_t", f"{name}_{end}", numbers))
    return arrays


def range_keys(spec: ModelSpec) -> tuple[list[int], list[int]]:
    """Keys, ordered as the float32 they stand for, of the range of every feature."""
    open_range = (-LARGEST_FLOAT32, LARGEST_FLOAT32)
    ranges = [feature.range or open_range for feature in spec.features]
    least = [_key(low if low else -0.0) for low, _ in ranges]
    most = [_key(high if high else 0.0) for _, high in ranges]
    return least, most


def _key(value: float) -> int:
    bits = int(np.float32(value).view(np.uint32))
    return -(bits & 0x7FFFFFFF) - 1 if bits >> 31 else bits
