"""Inputs derived from the time stamp: sine and cosine of a phase.

The phase is an integer, so that it is exact on every machine: the position in the period
scaled to 2^32. Sine and cosine are a float32 polynomial with a fixed order of operations
(multiply, then add, each rounded), which any engine reproduces bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HOUR_OF_DAY_S = 86_400
TIME_OF_YEAR_S = 31_556_952
MAX_PERIOD_S = 2**31 - 1

# Made by scripts/fit_sincos.py: sin a = a + a^3 (S0 + S1 a^2 + S2 a^4) and
# cos a = 1 - a^2 / 2 + a^4 (C0 + C1 a^2 + C2 a^4) on |a| <= pi / 4.
_SIN = tuple(
    np.float32(float.fromhex(c))
    for c in ("-0x1.555542p-3", "0x1.11061ap-7", "-0x1.98ea66p-13")
)
_COS = tuple(
    np.float32(float.fromhex(c))
    for c in ("0x1.555548p-5", "-0x1.6c0b14p-10", "0x1.99a0c6p-16")
)
_RADIANS_PER_UNIT = np.float32(float.fromhex("0x1.921fb6p-24"))  # 2 pi / 2^26


@dataclass(frozen=True, slots=True)
class DerivedInput:
    """Sine and cosine of `((t + offset_s) mod period_s) / period_s` of a turn.

    Attributes:
        period_s: length of one turn in seconds, 1 to 2^31 - 1.
        offset_s: seconds added to the time before the phase is taken.
    """

    period_s: int
    offset_s: int = 0


def phase(
    time: NDArray[np.int64], period_s: NDArray[np.int64], offset_s: NDArray[np.int64]
) -> NDArray[np.uint32]:
    """Position in the period as a fraction of 2^32, rounded down; arguments broadcast."""
    parts = np.mod(time, period_s) + np.mod(offset_s, period_s)  # no sum beyond int64
    position = np.mod(parts, period_s)
    turn: NDArray[np.int64] = (position << np.int64(32)) // period_s
    return turn.astype(np.uint32)


def phase_sin_cos(
    turn: NDArray[np.uint32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Sine and cosine of `2 pi turn / 2^32`, float32, within 2e-7.

    The turn is split into the nearest quarter and a signed rest, of which the upper 24
    bits are kept: float32 holds those exactly.
    """
    quarter = (turn + np.uint32(1 << 29)) >> np.uint32(30)
    rest = (turn - (quarter << np.uint32(30))).view(np.int32) >> np.int32(6)
    angle = rest.astype(np.float32) * _RADIANS_PER_UNIT
    square = angle * angle
    sine = angle + angle * square * (_SIN[0] + square * (_SIN[1] + square * _SIN[2]))
    cosine = (np.float32(1) - np.float32(0.5) * square) + square * square * (
        _COS[0] + square * (_COS[1] + square * _COS[2])
    )
    quarter = quarter & np.uint32(3)
    swapped = (quarter & np.uint32(1)) == 1
    sin_out = np.where(swapped, cosine, sine)
    cos_out = np.where(swapped, sine, cosine)
    sin_out = np.where(quarter >= 2, -sin_out, sin_out)
    cos_out = np.where((quarter == 1) | (quarter == 2), -cos_out, cos_out)
    return sin_out, cos_out


def time_features(
    time: NDArray[np.int64], derived: Sequence[DerivedInput]
) -> NDArray[np.float32]:
    """The derived columns of `time`, in model input order: sin, cos of each input.

    Args:
        time: `[T]` Unix seconds UTC.
        derived: D derived inputs.

    Returns:
        `[T, 2 D]` float32.
    """
    period_s = np.array([item.period_s for item in derived], dtype=np.int64)
    offset_s = np.array([item.offset_s for item in derived], dtype=np.int64)
    out = np.empty((len(time), 2 * len(derived)), dtype=np.float32)
    out[:, 0::2], out[:, 1::2] = phase_sin_cos(phase(time[:, None], period_s, offset_s))
    return out
