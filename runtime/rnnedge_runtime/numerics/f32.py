"""The arithmetic `f32.v1`, bit for bit, in NumPy float32 (docs/numerics.md).

Every operation is rounded to float32 on its own and in the order written: no fused
multiply-add, no libm. NumPy computes `a * b + c` in two rounded operations, so these
functions give the bytes of the C core on every machine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

NUMERICS = "f32.v1"
SMALLEST_MAGNITUDE = 2.0**-50
"""Weights below it become zero, so that no product with them is a denormal."""

SMALLEST_NORMAL = np.float32(2.0**-126)
_SMALLEST = np.float32(SMALLEST_MAGNITUDE)
_ONE = np.float32(1)
_TWO = np.float32(2)

SIGMOID_LIMIT = np.float32(34)
"""exp(-34) is above 2^-50, and 1 + exp(-34) is 1: sigmoid never falls below 1.7e-15."""
TANH_LIMIT = np.float32(9.5)
"""tanh rounds to 1 from 9.01 on."""
EXP_LIMIT = np.float32(-87)
"""exp(-87) is the last whole argument whose result is not a denormal."""

# Made by scripts/fit_f32.py.
_EXP = tuple(
    np.float32(float.fromhex(c))
    for c in (
        "0x1p-1",
        "0x1.555486p-3",
        "0x1.5554dep-5",
        "0x1.1243c0p-7",
        "0x1.6d5a44p-10",
    )
)
_LOG2_E = np.float32(float.fromhex("0x1.715476p+0"))
_LN2_UPPER = np.float32(float.fromhex("0x1.62e4p-1"))
_LN2_LOWER = np.float32(float.fromhex("0x1.7f7d1cp-20"))
_ROUNDER = np.float32(3 * 2**22)  # adding it leaves the nearest integer in the low bits


def flush(z: Float32) -> Float32:
    """Magnitudes below 2^-50 become +0; NaN stays."""
    return np.where(np.abs(z) < _SMALLEST, np.float32(0), z)


def readings(x: Float32) -> Float32:
    """Model inputs before the clip; a denormal becomes 0, as does a derived NaN."""
    return without_denormals(np.where(np.isfinite(x), x, np.float32(0)))


def without_denormals(x: Float32) -> Float32:
    """`x` with denormals as 0; NaN stays."""
    return np.where(np.abs(x) < SMALLEST_NORMAL, np.float32(0), x)


def clip(x: Float32, low: Float32, high: Float32) -> Float32:
    """`readings` within their bounds."""
    return within(readings(x), low, high)


def within(
    x: Float32, low: Float32 | np.float32, high: Float32 | np.float32
) -> Float32:
    """`x`, not below `low` nor above `high`; NaN stays."""
    x = np.where(x < low, low, x)
    return np.where(x > high, high, x)


def tanh(z: Float32) -> Float32:
    """Hyperbolic tangent; within 2.7 ulp, exactly +-1 beyond +-9.02, NaN for NaN."""
    magnitude = np.abs(z)
    magnitude = np.where(magnitude > TANH_LIMIT, TANH_LIMIT, magnitude)
    rest, power = exp_parts(magnitude + magnitude)
    expm1 = power * rest + (power - _ONE)
    return np.copysign(expm1 / (expm1 + _TWO), z)


def sigmoid(z: Float32) -> Float32:
    """1 / (1 + exp(-z)), its argument held within +-34."""
    v = -z
    v = np.where(v < -SIGMOID_LIMIT, -SIGMOID_LIMIT, v)
    v = np.where(v > SIGMOID_LIMIT, SIGMOID_LIMIT, v)
    rest, power = exp_parts(v)
    return _ONE / (_ONE + (power * rest + power))


def relu(z: Float32) -> Float32:
    """Negative values become +0; NaN stays."""
    return np.where(z < np.float32(0), np.float32(0), z)


def softmax(z: Float32) -> Float32:
    """exp(z - max z) over the sum, along the last axis; one chain from index 0."""
    largest = z[..., 0]
    for k in range(1, z.shape[-1]):
        largest = np.where(z[..., k] > largest, z[..., k], largest)
    v = z - largest[..., None]
    v = np.where(v < EXP_LIMIT, EXP_LIMIT, v)
    rest, power = exp_parts(v)
    powers = power * rest + power
    total = powers[..., 0]
    for k in range(1, z.shape[-1]):
        total = total + powers[..., k]
    return np.asarray(powers / total[..., None])


def token_ids(values: NDArray[np.floating], num_embeddings: int) -> NDArray[np.int64]:
    """Rows of a table that values name; 0 for one that names none."""
    is_known = (values >= 0) & (values < num_embeddings)
    return np.where(is_known, values, 0).astype(np.int64)


def chain(start: Float32, weight: Float32, z: Float32) -> Float32:
    """`start` `[R]` or `[B, R]` plus the terms k = 0 .. K-1, one after the other.

    Args:
        start: where the accumulators begin: the bias, or what another chain left.
        weight: `[K, R]`, transposed.
        z: `[B, K]`.

    Returns:
        `[B, R]`.
    """
    total = np.broadcast_to(start, (len(z), weight.shape[1]))
    if len(z) == 1:  # the same additions in the same order, in one call
        terms = np.concatenate([total, weight * z.T])
        return np.add.accumulate(terms, axis=0, dtype=np.float32)[-1:]
    for k in range(len(weight)):
        total = total + z[:, k, None] * weight[k]
    return total


def exp_parts(v: Float32) -> tuple[Float32, Float32]:
    """`q` and `2^n` with exp v = 2^n (q + 1); v within [-87, 87] or NaN."""
    rounded = v * _LOG2_E + _ROUNDER
    n = rounded - _ROUNDER
    r = (v - n * _LN2_UPPER) - n * _LN2_LOWER
    p = _EXP[4]
    for coefficient in _EXP[3::-1]:
        p = p * r + coefficient
    q = (r * r) * p + r
    bits = np.asarray(rounded).view(np.uint32) << np.uint32(23)
    power = (bits + np.uint32(127 << 23)).view(np.float32)
    return q, power
