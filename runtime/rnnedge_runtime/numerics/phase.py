"""The phase of a time and its sine and cosine, bit for bit.

The phase is an integer, so that it is exact on every machine: the position in the period
scaled to 2^32. Sine and cosine are a float32 polynomial with a fixed order of operations
(multiply, then add, each rounded), which any engine reproduces bit for bit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Made by scripts/fit_f32.py: sin a = a + a^3 (S0 + S1 a^2 + S2 a^4) and
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
