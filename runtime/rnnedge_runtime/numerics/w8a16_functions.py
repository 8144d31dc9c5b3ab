"""Functions of the graph in `w8a16.v1`: integers only (docs/numerics.md, "Graphs")."""

from __future__ import annotations

import numpy as np

from .w8a16 import Integers, rounded_shift

LOG_BITS = 24
"""Fraction bits of a logarithm to base 2, and of the argument of `exp2_q`."""
EXP_BITS = 30
"""Fraction bits of a power of two."""
TABLE_SIZE = 257
_SEGMENTS = TABLE_SIZE - 1
_MOST_BITS = 62

_POSITIONS = np.arange(TABLE_SIZE) / _SEGMENTS
LOG2_TABLE = np.round(np.log2(1 + _POSITIONS) * 2.0**LOG_BITS).astype(np.int64)
EXP2_TABLE = np.round(np.exp2(-_POSITIONS) * 2.0**EXP_BITS).astype(np.int64)


def shifted(v: Integers, places: Integers | np.int64) -> Integers:
    """`v / 2^places`, halves up; `places` are 1 to 62."""
    result: Integers = (v + (np.int64(1) << (places - 1))) >> places
    return result


def divided(n: Integers, d: Integers | np.int64) -> Integers:
    """The integer nearest to `n / d`, halves up; `|n|` and `|d|` at most 2^61, d not 0."""
    n, d = np.where(d < 0, -n, n), np.abs(d)
    result: Integers = (2 * n + d) // (2 * d)
    return result


def bit_length(v: Integers) -> Integers:
    """Bits of `v` from 1 to 2^62 - 1."""
    bits = np.frexp(v.astype(np.float64))[1].astype(np.int64)
    is_rounded_up = (v >> (bits - 1)) == 0
    return np.where(is_rounded_up, bits - 1, bits)


def root(v: Integers) -> Integers:
    """The largest integer whose square is at most `v`, from 0 to 2^62 - 1."""
    found = np.floor(np.sqrt(v.astype(np.float64))).astype(np.int64)
    for _ in range(2):
        found = np.where(found * found > v, found - 1, found)
        found = np.where((found + 1) * (found + 1) <= v, found + 1, found)
    return found


def log2_q(v: Integers) -> Integers:
    """Logarithm to base 2 of `v`, 1 to 2^62 - 1, as Q24; within 3e-6."""
    whole = bit_length(v) - 1
    rest = (v << (_MOST_BITS - 1 - whole)) - (1 << (_MOST_BITS - 1))
    segment, between = rest >> 53, (rest >> 37) & 65535
    step = LOG2_TABLE[segment + 1] - LOG2_TABLE[segment]
    result: Integers = (
        (whole << LOG_BITS) + LOG2_TABLE[segment] + rounded_shift(step * between, 16)
    )
    return result


def exp2_q(t: Integers) -> Integers:
    """`2^-t` as Q30, of a `t` in Q24 that is not negative; within 1e-6."""
    whole = np.minimum(t >> LOG_BITS, EXP_BITS + 1)
    rest = t & ((1 << LOG_BITS) - 1)
    segment, between = rest >> 16, rest & 65535
    step = EXP2_TABLE[segment + 1] - EXP2_TABLE[segment]
    result: Integers = (
        EXP2_TABLE[segment] + rounded_shift(step * between, 16)
    ) >> whole
    return result


def looked_up(u: Integers, table: Integers) -> Integers:
    """A function of int16 `u` by its 257 values at -32768, -32512 ... 32768."""
    position = u + 32768
    segment, between = position >> 8, position & 255
    step = table[segment + 1] - table[segment]
    result: Integers = table[segment] + rounded_shift(step * between, 8)
    return result


def normed_q(v: Integers, eps: int, bits: int, *, is_centred: bool) -> Integers:
    """`v` less its mean over its standard deviation, along the last axis, in 2^-bits.

    Args:
        v: int16 of one unit.
        eps: added to the variance, in (unit / 64)^2; at most 2^60.
        bits: fraction bits of the result, at most 15.
        is_centred: subtract the mean.
    """
    size = np.int64(v.shape[-1])
    d = v << 6
    if is_centred:
        d = d - divided(d.sum(axis=-1, keepdims=True), size)
    variance = divided((d * d).sum(axis=-1, keepdims=True), size) + eps
    variance = np.maximum(variance, 1)
    half = (_MOST_BITS - bit_length(variance)) >> 1
    inverse = (np.int64(1) << 61) // root(variance << (2 * half))
    return shifted(d * inverse, 61 - half - bits)
