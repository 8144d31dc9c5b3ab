"""What float32 may be off by in each elementwise function (`rounding.py`)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rnnedge_runtime.backends.graph_reference import FUNCTIONS as EXACT
from rnnedge_runtime.tolerances import FUNCTION_ERROR, SMALLEST_ERROR, UNIT_ROUNDOFF

from .rounding import FUNCTIONS, Bounded, Float64

_SMALLEST_NORMAL = 2.0**-126


def bounded_function(name: str, z: Bounded, parameters: tuple[float, ...]) -> Bounded:
    """Values `[..., n]` of a function, and what they may be off by."""
    if name in FUNCTIONS:
        return FUNCTIONS[name](*z)
    return BOUNDED[name](name, z, parameters)


def _monotone(name: str, z: Bounded, parameters: tuple[float, ...]) -> Bounded:
    """What the ends of the argument's bound give."""
    value, error = z
    exact = EXACT[name]
    y = exact(value, *parameters)
    low, high = (exact(end, *parameters) for end in (value - error, value + error))
    apart = np.maximum(np.abs(high - y), np.abs(low - y))
    return y, apart + _own(y)


def _of_positive(name: str, z: Bounded, parameters: tuple[float, ...]) -> Bounded:
    """The same of an argument that is positive, or else amplifies without bound."""
    value, error = z
    y = EXACT[name](value)
    low = np.maximum(value - error, _SMALLEST_NORMAL)
    apart = [np.abs(EXACT[name](end) - y) for end in (low, value + error)]
    return y, np.maximum(*apart) + _own(y)


def _sloped(
    steepest: float, *, is_gated: bool = False
) -> Callable[[str, Bounded, tuple[float, ...]], Bounded]:
    """By the largest slope; a gated function multiplies its argument."""

    def bound(name: str, z: Bounded, parameters: tuple[float, ...]) -> Bounded:
        value, error = z
        y = EXACT[name](value, *parameters)
        gain = np.abs(value) if is_gated else np.ones_like(value)
        return y, steepest * error + FUNCTION_ERROR * gain + _own(y)

    return bound


def _reciprocal(name: str, z: Bounded, parameters: tuple[float, ...]) -> Bounded:
    return divided((np.ones_like(z[0]), np.zeros_like(z[0])), z)


def divided(a: Bounded, b: Bounded) -> Bounded:
    """The quotient; without bound where the divisor may be 0."""
    y = a[0] / b[0]
    nearest = np.abs(b[0]) - b[1]
    off = np.where(nearest > 0, (a[1] + np.abs(y) * b[1]) / nearest, np.inf)
    return y, off + 2 * UNIT_ROUNDOFF * np.abs(y) + SMALLEST_ERROR


def _own(y: Float64) -> Float64:
    return FUNCTION_ERROR * (1 + np.abs(y))


BOUNDED: dict[str, Callable[[str, Bounded, tuple[float, ...]], Bounded]] = {
    "leaky_relu": _monotone,
    "elu": _monotone,
    "selu": _monotone,
    "gelu": _sloped(1.13, is_gated=True),
    "gelu_tanh": _sloped(1.13, is_gated=True),
    "silu": _sloped(1.1, is_gated=True),
    "mish": _sloped(1.09, is_gated=True),
    "softplus": _monotone,
    "hardtanh": _monotone,
    "hardsigmoid": _monotone,
    "hardswish": _sloped(1.5, is_gated=True),
    "softsign": _monotone,
    "exp": _monotone,
    "log": _of_positive,
    "sqrt": _of_positive,
    "rsqrt": _of_positive,
    "reciprocal": _reciprocal,
    "abs": _sloped(1.0),
    "erf": _monotone,
    "step": _monotone,
    "floor": _monotone,
    "sin": _sloped(1.0),
    "cos": _sloped(1.0),
}
"""Those that `rounding.FUNCTIONS` has not."""
