"""Ranges of plausible readings as constants: keys of float32, and integers."""

from __future__ import annotations

from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.streams.w8a16_inputs import IntegerInputs

from ..literals import integer_array
from ..ranges import range_arrays


def integer_range_arrays(name: str, model: QuantisedModel) -> list[str]:
    """`NAME_range_least`, `NAME_range_most`; of integer inputs `NAME_least`, `NAME_most`."""
    arrays = range_arrays(name, model.spec)
    if not arrays:
        return []
    is_of_integers = model.is_integer_only and model.roles[0].is_first
    if not (is_of_integers or model.holds_readings):
        return arrays
    ends = IntegerInputs(model).range_integers()
    for end, values in zip(("least", "most"), ends, strict=True):
        numbers = [int(value) for value in values]
        arrays.append(integer_array("int32_t", f"{name}_{end}", numbers))
    return arrays
