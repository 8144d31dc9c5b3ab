"""Sums over a value in `f32.v1`, and what is made of them (docs/numerics.md)."""

from __future__ import annotations

import numpy as np

from .f32 import Float32
from .f32_functions import rsqrt

LANES = 16
"""Partial sums of one value: element k is added to sum k mod 16."""


def total(z: Float32) -> Float32:
    """The sum along the last axis: 16 partial sums, then the upper half onto the lower."""
    short = -z.shape[-1] % LANES
    padded = np.concatenate(
        [z, np.zeros((*z.shape[:-1], short), np.float32)], axis=-1
    ).reshape(*z.shape[:-1], -1, LANES)
    sums = padded[..., 0, :]
    for k in range(1, padded.shape[-2]):
        sums = sums + padded[..., k, :]
    half = LANES
    while half > 1:
        half //= 2
        sums = sums[..., :half] + sums[..., half : 2 * half]
    return np.asarray(sums[..., 0])


def normed(z: Float32, eps: float, *, is_centred: bool) -> Float32:
    """`z` less its mean over its standard deviation, along the last axis."""
    share = np.float32(1 / z.shape[-1])
    if is_centred:
        z = z - (total(z) * share)[..., None]
    variance = total(z * z) * share
    return z * rsqrt(variance + np.float32(eps))[..., None]
