"""Scales of integers: what one unit stands for, and rows of weights in their own units."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.numerics.f32 import SMALLEST_MAGNITUDE
from rnnedge_runtime.numerics.w8a16 import (
    ARGUMENT_BITS,
    CELL_BITS,
    LARGEST_MULTIPLIER,
    LARGEST_ROW_SUM,
    LARGEST_STATE,
    LARGEST_VALUE,
    LARGEST_WEIGHT,
    STATE_BITS,
)

Float64 = NDArray[np.float64]
Scale = float | Float64
"""Real value of one unit; an array where every column has its own."""

HEADROOM = 2.0
"""Range given to activations and states, as a multiple of the largest value seen."""
STATE_UNIT = 2.0**-STATE_BITS
ARGUMENT_UNIT = 2.0**-ARGUMENT_BITS
FUNCTION_UNITS: dict[str, float] = {
    "tanh": ARGUMENT_UNIT,
    "sigmoid": 2 * ARGUMENT_UNIT,
}
"""Of the arguments of functions."""


def unit_of(largest: float) -> float:
    """The unit in which `largest` is the largest int16."""
    return float(units_of(np.array(largest)))


def units_of(largest: Float64) -> Float64:
    """As `unit_of`, value by value."""
    return np.maximum(largest, SMALLEST_MAGNITUDE * LARGEST_VALUE) / LARGEST_VALUE


def floored(values: Float64) -> Float64:
    """Zero where a value is too small for a file."""
    return np.where(np.abs(values) < SMALLEST_MAGNITUDE, 0.0, values)


def rows_of(table: Float64, *, limit_sums: bool = True) -> tuple[Float64, Float64]:
    """`[R, K]` as integers per row, and the real value `[R]` of one unit of a row."""
    units = np.abs(table).max(axis=1) / LARGEST_WEIGHT
    if limit_sums:
        units = np.maximum(
            units, np.abs(table).sum(axis=1) / (LARGEST_ROW_SUM - table.shape[1])
        )
    safe = np.where(units == 0, 1.0, units)
    return np.round(table / safe[:, None]), units


def multipliers(row_units: Float64, unit: Scale) -> Float64:
    """From the sums of rows to the unit of their outputs.

    A row that moves its output by more than any multiplier gets the largest one.
    """
    return np.minimum(np.round(row_units / unit * 2.0**32), LARGEST_MULTIPLIER)


def finest_unit(row_units: Float64) -> Float64:
    """`[R]` the finest unit of each row's output that a multiplier reaches."""
    return row_units * 2.0**32 / (LARGEST_MULTIPLIER - 1)


def hidden_bits(largest: float, finest: float) -> int:
    """Fraction bits of a state up to `largest`, its unit no finer than `finest`.

    A state beyond 32,767 saturates.
    """
    unit = max(STATE_UNIT * largest, finest, STATE_UNIT)
    return max(-math.ceil(math.log2(unit)), 0)


def cell_bits(largest: float) -> int:
    """Fraction bits of a cell state up to `largest`; one beyond 512 saturates."""
    room = math.floor(math.log2(LARGEST_STATE / max(largest, 2.0**-20)))
    return min(max(room, CELL_BITS.start), CELL_BITS.stop - 1)
