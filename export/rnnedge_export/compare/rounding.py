"""What float32 may be off by in one operation, whatever the order of its sums (ADR 0012).

All values and bounds are float64; a bound `[..., n]` belongs to the value of that shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.tolerances import (
    FUNCTION_ERROR,
    ROUNDING_DEVIATIONS,
    SMALLEST_ERROR,
    UNIT_ROUNDOFF,
)

Float64 = NDArray[np.float64]
Tensors = dict[str, Float64]
Bounded = tuple[Float64, Float64]
"""Values and what float32 may be off by in each."""

_PATH = 2 / 3
"""Root mean square of a walk from 0 to its highest point and on to its end, over the highest
point, at most."""
_JOINS = 4
"""Additions of whole sums to each other and to two biases, and the products' own roundings."""
_STEEPEST = 50.0


@dataclass(frozen=True, slots=True)
class Product:
    """A matrix product in a sum.

    Attributes:
        weight: `[R, K]`.
        z: `[..., K]` what is multiplied.
        error: bound of `z`; None where it is exact.
    """

    weight: Float64
    z: Float64
    error: Float64 | None = None


def weighted_sum(bias: Float64, products: Sequence[Product]) -> tuple[Float64, Float64]:
    """`bias` `[R]` plus the products, in their order, and its bound.

    A sum of n terms is rounded n times, each time by half a unit of the partial sum at
    hand. In any order no partial sum is above P, half of the terms' magnitudes plus half of
    their sum's; the roundings are taken for independent.
    """
    offset = np.abs(bias)
    total, terms = bias, offset
    squares, carried = np.zeros(1), np.zeros(1)
    for item in products:
        value = item.z @ item.weight.T
        magnitude = np.abs(item.z) @ np.abs(item.weight).T
        highest = _PATH * (magnitude + np.abs(value)) / 2
        squares = squares + item.weight.shape[1] * (offset + highest) ** 2
        if item.error is not None:
            carried = carried + item.error**2 @ (item.weight**2).T
        total, terms = total + value, terms + magnitude
        offset = offset + np.abs(value)
    deviation = UNIT_ROUNDOFF / np.sqrt(3) * np.sqrt(squares + _JOINS * terms**2)
    bound = ROUNDING_DEVIATIONS * deviation + np.sqrt(carried)
    flushed = sum(
        SMALLEST_ERROR * np.abs(item.z).sum(-1)[..., None] for item in products
    )
    return total, bound + flushed + SMALLEST_ERROR


def rounded(*magnitudes: Float64) -> Float64:
    """Half a unit in the last place of each intermediate value, added up."""
    total = np.abs(magnitudes[0])
    for item in magnitudes[1:]:
        total = total + np.abs(item)
    return np.asarray(UNIT_ROUNDOFF * total + SMALLEST_ERROR)


def product_bound(a: Bounded, b: Bounded) -> Float64:
    """Of the product of two values, but for its own rounding."""
    return a[1] * np.abs(b[0]) + np.abs(a[0]) * b[1] + a[1] * b[1]


def tanh(z: Float64, error: Float64) -> tuple[Float64, Float64]:
    """The slope changes by a factor of exp(2 error) at most within `error`."""
    y = np.tanh(z)
    slope = (1 - y * y) * np.exp(2 * np.minimum(error, _STEEPEST))
    return y, np.minimum(slope, 1) * error + FUNCTION_ERROR


def sigmoid(z: Float64, error: Float64) -> tuple[Float64, Float64]:
    """The slope changes by a factor of exp(error) at most within `error`."""
    y = 0.5 * (1 + np.tanh(0.5 * z))
    slope = y * (1 - y) * np.exp(np.minimum(error, _STEEPEST))
    return y, np.minimum(slope, 0.25) * error + FUNCTION_ERROR


def relu(z: Float64, error: Float64) -> tuple[Float64, Float64]:
    """0 for sure below `-error`."""
    return np.maximum(z, 0.0), np.clip(z + error, 0.0, error)


def softmax(
    z: Float64, error: Float64, *, is_log: bool = False
) -> tuple[Float64, Float64]:
    """The exponential turns the absolute error of its argument into a relative one."""
    depth = z - z.max(-1, keepdims=True)
    powers = np.exp(depth)
    y = powers / powers.sum(-1, keepdims=True)
    own = error + rounded(depth) + FUNCTION_ERROR
    largest = error.max(-1, keepdims=True)
    mean = (y * own).sum(-1, keepdims=True) + largest
    total = UNIT_ROUNDOFF * (ROUNDING_DEVIATIONS * np.sqrt(z.shape[-1]) + _JOINS)
    if is_log:
        log = depth - np.log(powers.sum(-1, keepdims=True))
        return log, own + largest + mean + total + FUNCTION_ERROR * (1 + np.abs(log))
    grown = np.expm1(np.minimum(own + largest + mean + total, _STEEPEST))
    return y, y * grown + SMALLEST_ERROR


FUNCTIONS = {"tanh": tanh, "sigmoid": sigmoid, "relu": relu}
