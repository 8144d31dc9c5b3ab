"""Scales of integers: what one unit stands for, of weights, of states and of readings."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.numerics import w8a16
from rnnedge_runtime.numerics.f32 import SMALLEST_MAGNITUDE
from rnnedge_runtime.spec.layer_roles import holds_readings, layer_roles
from rnnedge_runtime.spec.layers import Affine, Difference
from rnnedge_runtime.spec.model_spec import ModelSpec

from .ranges import Ranges

Float64 = NDArray[np.float64]
Scale = float | Float64
"""Real value of one unit; an array where every column has its own."""

HEADROOM = 2.0
"""Range given to activations and states, as a multiple of the largest value seen."""
STATE_UNIT = 2.0**-w8a16.STATE_BITS
ARGUMENT_UNIT = 2.0**-w8a16.ARGUMENT_BITS
FUNCTION_UNITS: dict[str, float] = {
    "tanh": ARGUMENT_UNIT,
    "sigmoid": 2 * ARGUMENT_UNIT,
}
"""Of the arguments of functions."""

_STEP_ULPS = 2
"""Units in the last place of a reading within a step, so that the float32 value that stands
for an integer, which is rounded by half of one, turns into the same integer again."""
_FEWEST_STEPS = 1024
"""Steps that the readings the network sees are left with, at least."""


def unit_of(largest: float) -> float:
    """The unit in which `largest` is the largest int16."""
    return float(units_of(np.array(largest)))


def units_of(largest: Float64) -> Float64:
    """As `unit_of`, value by value."""
    return (
        np.maximum(largest, SMALLEST_MAGNITUDE * w8a16.LARGEST_VALUE)
        / w8a16.LARGEST_VALUE
    )


def floored(values: Float64) -> Float64:
    """Zero where a value is too small for a file."""
    return np.where(np.abs(values) < SMALLEST_MAGNITUDE, 0.0, values)


def rows_of(table: Float64, *, limit_sums: bool = True) -> tuple[Float64, Float64]:
    """`[R, K]` as integers per row, and the real value `[R]` of one unit of a row."""
    units = np.abs(table).max(axis=1) / w8a16.LARGEST_WEIGHT
    if limit_sums:
        units = np.maximum(
            units, np.abs(table).sum(axis=1) / (w8a16.LARGEST_ROW_SUM - table.shape[1])
        )
    safe = np.where(units == 0, 1.0, units)
    return np.round(table / safe[:, None]), units


def multipliers(row_units: Float64, unit: Scale) -> Float64:
    """From the sums of rows to the unit of their outputs.

    A row that moves its output by more than any multiplier gets the largest one.
    """
    return np.minimum(np.round(row_units / unit * 2.0**32), w8a16.LARGEST_MULTIPLIER)


def finest_unit(row_units: Float64) -> Float64:
    """`[R]` the finest unit of each row's output that a multiplier reaches."""
    return row_units * 2.0**32 / (w8a16.LARGEST_MULTIPLIER - 1)


def cell_bits(largest: float) -> int:
    """Fraction bits of a cell state up to `largest`; one beyond 512 saturates."""
    room = math.floor(math.log2(w8a16.LARGEST_STATE / max(largest, 2.0**-20)))
    return min(max(room, w8a16.CELL_BITS.start), w8a16.CELL_BITS.stop - 1)


@dataclass(frozen=True, slots=True)
class InputScales:
    """The conversion of the model input (docs/numerics.md, "Into a segment").

    Attributes:
        unit: real value of one unit behind the scaler.
        step: `[I]` readings in one unit, positive.
        shift: `[I]` the reading that is 0.
        rest: `[I]` what the scaler gives for it, which a bias has to take up.
        tensors: what the artifact holds of it, by name.
    """

    unit: Scale
    step: Float64
    shift: Float64
    rest: Float64
    tensors: dict[str, NDArray[np.generic]]


def token_scales(num_embeddings: int) -> InputScales:
    """Tokens are integers already."""
    one, zero = np.ones(1), np.zeros(1)
    tensors: dict[str, NDArray[np.generic]] = {
        "shift": zero,
        "rate": one,
        "step": one,
        "low": zero,
        "high": zero + num_embeddings - 1,
    }
    return InputScales(1.0, one, zero, zero, tensors)


def input_scales(
    spec: ModelSpec,
    ranges: Ranges,
    shift: Float64,
    scale: Float64,
    *,
    is_product: bool,
    unclipped: tuple[int, ...] | None = None,
) -> InputScales:
    """The scales of sensor readings and derived inputs.

    One unit serves all inputs behind the scaler; the weights of an input take up what
    differs, so this is possible only where a product follows. An input differs that the
    scaler multiplies by zero, and one whose float32 readings are coarser than the unit.

    An input that is needed unclipped has a step that is a power of two, and a shift of whole
    steps: so every integer up to 2^23 stands for a float32 exactly. Its range sets the step
    where it would not fit otherwise.

    Args:
        spec: the model.
        ranges: what was seen of its inputs.
        shift: `[I]` of the scaler, zero without. Readings far from zero then have their
            integer zero in their middle.
        scale: `[I]` of the scaler, one without.
        is_product: whether the first integer layer multiplies its inputs with weights.
        unclipped: inputs that are needed unclipped; None where readings are held clipped.

    Raises:
        SpecError: the range of a feature is too wide beside its clip.
    """
    low, high = _limits(spec, ranges, shift, scale)
    zero = shift
    if is_product and not shift.any():
        zero = _levels(spec, low, high)
    reach = np.maximum(np.abs(low - zero), np.abs(high - zero))
    unit = unit_of(float((reach * np.abs(scale)).max()))
    is_used = scale != 0
    safe = np.where(is_used, np.abs(scale), 1.0)
    step = np.where(is_used, unit / safe, units_of(reach))
    largest = np.maximum(np.maximum(np.abs(low), np.abs(high)), np.abs(zero))
    coarsest = _STEP_ULPS * np.spacing(largest.astype(np.float32)).astype(np.float64)
    is_coarse = step < coarsest
    step = np.where(is_coarse, coarsest, step)
    rate = np.where(is_used & ~is_coarse, safe / unit, 1 / step)
    units: Scale = unit
    if not is_product:
        step, rate = step * 0 + step.max(), rate.min() + rate * 0
    exact, is_exact = zero.copy(), np.isin(np.arange(spec.input_size), unclipped or ())
    for k in np.flatnonzero(is_exact):
        step[k] = _exact_step(spec, int(k), step[k], zero[k], high[k] - low[k])
    if not is_product and is_exact.any():
        step[:], is_exact[:] = step.max(), True
    rate[is_exact] = 1 / step[is_exact]
    exact[is_exact] = np.round(zero[is_exact] * rate[is_exact]) * step[is_exact]
    if not is_product:
        units = float(step.max())
    elif is_coarse.any() or is_exact.any() or (scale <= 0).any():
        units = step * scale
    tensors: dict[str, NDArray[np.generic]] = {
        "shift": floored(exact),
        "rate": rate,
        "step": floored(step),
        **_ends(spec, (low - exact) * rate, (high - exact) * rate, rate, exact),
    }
    if unclipped is not None:
        for end, limit in (
            ("low", -w8a16.LARGEST_READING),
            ("high", w8a16.LARGEST_READING),
        ):
            reading_end = tensors[end].astype(np.float64)
            reading_end[is_exact & _is_feature(spec)] = limit
            tensors[f"reading_{end}"] = reading_end
    return InputScales(units, step, exact, (exact - shift) * scale, tensors)


def _levels(spec: ModelSpec, low: Float64, high: Float64) -> Float64:
    """`[I]` the middle of readings far from zero, which no scaler moves there; else 0."""
    middle = ((low + high) / 2).astype(np.float32).astype(np.float64)
    is_far = (np.abs(middle) > high - low) & _is_feature(spec)
    return np.where(is_far, middle, 0.0)


def _is_feature(spec: ModelSpec) -> NDArray[np.bool_]:
    return np.arange(spec.input_size) < spec.num_features


def _exact_step(
    spec: ModelSpec, k: int, step: float, shift: float, width: float
) -> float:
    """The power of two, `step` or more, in which all readings of input k are exact."""
    reach = abs(shift)
    limits = spec.features[k].range if k < spec.num_features else None
    if limits is not None:
        reach = max(reach, *(abs(end - shift) for end in limits))
    needed = max(step, reach / (w8a16.LARGEST_READING - 1))
    if limits is not None and width < _FEWEST_STEPS * needed and step < needed:
        feature = spec.features[k]
        raise SpecError(
            f"int8: the range of feature '{feature.name}', {limits[0]:g} to "
            f"{limits[1]:g}, leaves fewer than {_FEWEST_STEPS} steps for the readings it "
            f"was trained on, which span {width:.3g}. Give it a narrower range, or export "
            "without --int8."
        )
    return float(2.0 ** math.ceil(math.log2(needed)))


def _ends(
    spec: ModelSpec, low: Float64, high: Float64, rate: Float64, shift: Float64
) -> dict[str, NDArray[np.generic]]:
    """Limits of the integers and, with derived inputs, the way to these."""
    low, high = np.floor(low + 0.5), np.floor(high + 0.5)
    found: dict[str, NDArray[np.generic]] = {}
    if spec.derived:
        turns = slice(spec.num_features, None)
        gain = np.round(rate[turns])
        offset = np.round(-shift[turns] * rate[turns] * 2.0**w8a16.STATE_BITS)
        room = np.abs(gain) + 1
        low[turns] = np.floor(offset / 2.0**w8a16.STATE_BITS) - room
        high[turns] = np.ceil(offset / 2.0**w8a16.STATE_BITS) + room
        found = {"turn_gain": gain, "turn_offset": offset}
    limits = (
        np.clip(end, -w8a16.LARGEST_VALUE, w8a16.LARGEST_VALUE) for end in (low, high)
    )
    return dict(zip(("low", "high"), limits, strict=True)) | found


def _limits(
    spec: ModelSpec, ranges: Ranges, shift: Float64, scale: Float64
) -> tuple[Float64, Float64]:
    """Readings each input can take: its clip, or the range seen, widened.

    An input that never changed is given the range of the widest other one.
    """
    room = (HEADROOM - 1) / 2 * (ranges.high - ranges.low)
    low, high = ranges.low - room, ranges.high + room
    is_open = np.zeros(spec.input_size, dtype=np.bool_)
    for k, feature in enumerate(spec.features):
        if feature.clip is None:
            is_open[k] = True
        else:
            low[k], high[k] = feature.clip
    low[spec.num_features :], high[spec.num_features :] = -1.0, 1.0
    is_constant = is_open & (low == high)
    if is_constant.any():
        reach = np.maximum(np.abs(low - shift), np.abs(high - shift)) * np.abs(scale)
        widest = float(reach.max()) or 1.0
        around = np.where(
            scale != 0, widest / np.where(scale != 0, np.abs(scale), 1), 1
        )
        low = np.where(is_constant, low - around, low)
        high = np.where(is_constant, high + around, high)
    return low, high


def input_limits(spec: ModelSpec, ranges: Ranges) -> tuple[Float64, Float64]:
    """`[I]` the smallest and largest reading that each input of a graph can take."""
    return _limits(spec, ranges, np.zeros(spec.input_size), np.ones(spec.input_size))


def unclipped_inputs(spec: ModelSpec, kept: frozenset[int]) -> tuple[int, ...] | None:
    """Inputs that a layer takes as they are held; None where they are held clipped."""
    return spec.reading_sources if holds_readings(spec, kept) else None


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
    finest = np.maximum(np.abs(unit), step / w8a16.LARGEST_MULTIPLE)
    multiple = 2.0 ** np.ceil(np.log2(np.maximum(step / finest, 1)))
    return multiple, step / multiple


def change_scales(
    step: Float64, low: Float64, high: Float64
) -> tuple[dict[str, Float64], Float64]:
    """Tensors of a `difference`, and the `[n]` units of its changes.

    Changes come in whole steps of their readings, in coarser ones where they are wide.
    """
    ends = [
        np.clip(np.round(end / step), -w8a16.LARGEST_CHANGE, w8a16.LARGEST_CHANGE)
        for end in (low, high)
    ]
    widest = np.maximum(np.abs(ends[0]), np.abs(ends[1])) / (w8a16.LARGEST_VALUE + 1)
    drop = np.ceil(np.log2(np.maximum(widest, 1)))
    tensors = {"change_low": ends[0], "change_high": ends[1], "drop": drop}
    return tensors, step * 2.0**drop
