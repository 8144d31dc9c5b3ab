"""The recurrence of an `lru` in `w8a16.v1` (docs/numerics.md, "Graphs")."""

from __future__ import annotations

import numpy as np

from .w8a16 import Integers, gate_q, rounded_shift, saturate, tanh_q
from .w8a16_functions import EXP_BITS, LOG_BITS, exp2_q, log2_q, shifted

LRU_BITS = 24
"""Fraction bits of the state."""
STEP_BITS = 16
"""Fraction bits of the length of a step."""
_LONGEST = 2**31 - 1
_TO_BASE_2 = 12_102_203
"""`log2 e` of units of 2^-11, times 2^10, as Q24."""


def share_q(d: Integers, step: Integers | None) -> Integers:
    """How far the state goes towards its goal, `1 - exp(-step * softplus(d))`, as Q30.

    Args:
        d: int16 in units of 2^-11.
        step: its length in units of 2^-16, not negative; None for 1.
    """
    size = rounded_shift(np.abs(d) * _TO_BASE_2, 10)
    one = np.int64(1) << EXP_BITS
    rate = log2_q(one + exp2_q(size)) - (EXP_BITS << LOG_BITS)
    rate = rate + np.where(d > 0, size, 0)
    if step is not None:
        rate = rounded_shift(rate * step, STEP_BITS)
    share: Integers = one - exp2_q(rate)
    return share


def step_length_q(q: Integers, gain: Integers, places: Integers) -> Integers:
    """The length of a step of its int16."""
    length: Integers = np.clip(shifted(q * gain, places), 0, _LONGEST)
    return length


def lru_q(
    sums: Integers, step: Integers | None, h: Integers
) -> tuple[Integers, Integers]:
    """Outputs `[B, T, H]` and the last state, of the sums of d, n and o.

    Args:
        sums: `[B, T, 3 H]`, not yet within int16.
        step: `[B, T, 1]`, or None.
        h: `[B, H]` the state before.
    """
    d, n, o = np.split(saturate(sums), 3, axis=-1)
    share, goal, opened = share_q(d, step), tanh_q(n) << 9, gate_q(o)
    y = np.empty_like(goal)
    for t in range(goal.shape[1]):
        h = h + rounded_shift(share[:, t] * (goal[:, t] - h), EXP_BITS)
        y[:, t] = rounded_shift(opened[:, t] * h, LRU_BITS + 1)
    return y, h
