"""The arithmetic `w8a16.v1` in NumPy: integers only (docs/numerics.md).

Values are held in int64 arrays so that nothing overflows unseen; every function keeps them
within the ranges its docstring gives, which are those of the C core.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

INTEGER_NUMERICS = "w8a16.v1"
LARGEST_WEIGHT = 127
LARGEST_VALUE = 32767
"""Activations are int16 in [-32767, 32767]; -32768 marks a missing reading."""
MISSING = -32768
LARGEST_READING = 2**23
"""Limit of a reading that is held as it came; float32 holds it and every half exactly."""
MISSING_READING = -(2**31)
"""Marks a missing one in calls on int32."""
LARGEST_ROW_SUM = 65536
"""Limit of the sum of |weights| of a row: its products with int16 fit 32 bits."""
LARGEST_MULTIPLIER = 2**30 - 1
LARGEST_TABLE_MULTIPLIER = 2**23 - 1
LARGEST_TABLE = 2**15  # rows: a token is an int16
LARGEST_BIAS = 2**28
LARGEST_GAIN = 65535
LARGEST_FUNCTION_GAIN = 2**28
LARGEST_MULTIPLE = 64
LARGEST_CHANGE = 2**24
LARGEST_DROP = 9
"""Bits that a change is shifted down by to become an int16."""
LARGEST_TURN_GAIN = 32767
LARGEST_TURN_OFFSET = 2**29
LARGEST_STATE = 2**24
"""Cell state and GRU state lie within +-2^24, which float32 holds exactly."""

STATE_BITS = 15
"""Fraction bits of a hidden state in (-1, 1)."""
ARGUMENT_BITS = 12
"""Fraction bits of an argument of tanh, and of half an argument of sigmoid."""
GRU_BITS = 24
CELL_BITS = range(15, 21)
"""Fraction bits an LSTM's cell state may have."""

# Made by scripts/fit_integer_tanh.py.
# fmt: off
TANH_VALUE = (
    0, 4074, 8025, 11742, 15143, 18173, 20813, 23066, 24956, 26519, 27797, 28830, 29660,
    30322, 30847, 31262, 31589, 31846, 32048, 32206, 32329, 32426, 32501, 32560, 32606,
    32642, 32670, 32691, 32708, 32722, 32732, 32740, 32746, 32751, 32755, 32758, 32760,
    32762, 32763, 32764, 32765, 32766, 32766, 32767, 32767, 32767, 32767, 32767, 32767,
    32767, 32767, 32767, 32767, 32767, 32767, 32767, 32767, 32767, 32767, 32767, 32767,
    32767, 32767, 32767,
)
TANH_SLOPE = (
    16417, 16173, 15434, 14309, 12885, 11345, 9756, 8249, 6867, 5646, 4573, 3694, 2950,
    2343, 1857, 1468, 1157, 912, 708, 553, 441, 337, 268, 211, 160, 124, 89, 86, 64, 33,
    31, 24, 21, 15, 9, 5, 7, 0, 6, 6, -1, -8, -10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0,
)
TANH_BEND = (
    -113, -364, -561, -707, -763, -787, -745, -690, -615, -538, -441, -376, -304, -244,
    -197, -160, -128, -105, -77, -60, -54, -36, -32, -28, -17, -13, -3, -18, -10, 8, 1,
    0, -1, 0, 1, 3, 0, 6, -1, -1, 5, 9, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0,
)
# fmt: on
_TANH = np.array([TANH_VALUE, TANH_SLOPE, TANH_BEND], dtype=np.int64)

SINE = (25735, -2646, 82)
COSINE = (32767, -10102, 518, -13)


def saturate(v: Integers) -> Integers:
    """`v` within the int16 range [-32767, 32767]."""
    return np.minimum(np.maximum(v, -LARGEST_VALUE), LARGEST_VALUE)


def rounded_shift(v: Integers, bits: int) -> Integers:
    """`v / 2^bits`, halves up."""
    shifted: Integers = (v + (1 << (bits - 1))) >> bits
    return shifted


def scaled(total: Integers, multiplier: Integers) -> Integers:
    """`total * multiplier / 2^32`, halves up: an int32 sum to the scale of its output."""
    return rounded_shift(total * multiplier, 32)


def gained(v: Integers, gain: Integers) -> Integers:
    """`v * gain / 2^15`, halves up."""
    return rounded_shift(v * gain, 15)


def tanh_q(u: Integers) -> Integers:
    """Tanh of Q12 `[-32767, 32767]` as Q15; within 1.4 units, rising, odd."""
    magnitude = np.abs(u)
    segment, rest = magnitude >> 9, magnitude & 511
    value, slope, bend = _TANH[:, segment]
    slope = slope + rounded_shift(bend * (rest << 6), 15)
    result = np.minimum(value + rounded_shift(slope * (rest << 4), 15), LARGEST_VALUE)
    signed: Integers = np.sign(u) * result
    return signed


def gate_q(u: Integers) -> Integers:
    """Sigmoid of twice Q12 `[-32767, 32767]` as Q16, from 1 to 65536 (exactly 1)."""
    gate = tanh_q(u) + 32768
    opened: Integers = gate + (gate >> 15)
    return opened


def sine_cosine_q(turn: NDArray[np.uint32]) -> tuple[Integers, Integers]:
    """Sine and cosine of `2 pi turn / 2^32` as Q15; within 2 units."""
    quarter = ((turn.astype(np.int64) + (1 << 29)) >> 30) & 3
    rest = turn - (quarter.astype(np.uint32) << np.uint32(30))
    angle = rest.view(np.int32).astype(np.int64) >> 14
    square = rounded_shift(angle * angle, 15)
    sine = rounded_shift(angle * _series(SINE, square), 15)
    cosine = _series(COSINE, square)
    is_swapped = (quarter & 1) == 1
    sine_out = np.where(is_swapped, cosine, sine)
    cosine_out = np.where(is_swapped, sine, cosine)
    sine_out = np.where(quarter >= 2, -sine_out, sine_out)
    is_negative = (quarter == 1) | (quarter == 2)
    return sine_out, np.where(is_negative, -cosine_out, cosine_out)


def to_integers(
    v: NDArray[np.float32], low: Integers, high: Integers, largest: int = LARGEST_VALUE
) -> Integers:
    """The nearest integers (halves up) of scaled values, within [low, high]; NaN is low.

    `largest` bounds `v` before it is rounded.
    """
    v = np.where(v > np.float32(-largest), v, np.float32(-largest))
    v = np.where(v > np.float32(largest), np.float32(largest), v)
    nearest = np.floor(v + np.float32(0.5)).astype(np.int64)
    limited: Integers = np.clip(nearest, low, high)
    return limited


def _series(coefficients: tuple[int, ...], square: Integers) -> Integers:
    total: Integers = np.full_like(square, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = coefficient + rounded_shift(square * total, 15)
    return total
