"""Elementwise functions of `f32.v1` beside tanh, sigmoid and relu (docs/numerics.md).

`FUNCTIONS` has a row a function: its name, how many parameters it has and its formula in
float32. Each operation is rounded on its own, in the order written, as in `f32.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .f32 import SMALLEST_NORMAL, Float32, exp_parts, relu, sigmoid, tanh, within

LOG = (
    "0x1.5555640p-2",
    "-0x1.00023c0p-2",
    "0x1.9998600p-3",
    "-0x1.5467900p-3",
    "0x1.2364380p-3",
    "-0x1.0e68260p-3",
    "0x1.025bea0p-3",
    "-0x1.2d36360p-4",
)
ERF = (
    "0x1.20dd740p+0",
    "-0x1.8126d20p-2",
    "0x1.ce1fcc0p-4",
    "-0x1.b747d40p-6",
    "0x1.4f79fe0p-8",
    "-0x1.873b3c0p-11",
    "0x1.036a280p-14",
)
ERFC = (
    "0x1.b2c0760p-3",
    "0x1.47a7e60p-2",
    "-0x1.3452780p-5",
    "0x1.bbd7200p-2",
    "0x1.2b5e6e0p-4",
)
SINE = ("-0x1.555542p-3", "0x1.11061ap-7", "-0x1.98ea66p-13")
COSINE = ("0x1.555548p-5", "-0x1.6c0b14p-10", "0x1.99a0c6p-16")
# Made by scripts/fit_functions.py; the last two by scripts/fit_f32.py.
HALF_PI_PARTS = ("0x1.92p+0", "0x1.fap-12", "0x1.54442ep-20")
"""Their sum is pi / 2; the first two have 8 bits, so that their multiples are exact."""

_ROOT_HALF_BITS = np.uint32(0x3F3504F3)
_LN2_UPPER = np.float32(math.floor(math.log(2) * 2**15) / 2**15)
_LN2_LOWER = np.float32(math.log(2) - float(_LN2_UPPER))
_EXP_LIMIT = np.float32(87)
_RSQRT_BITS = np.uint32(0x5F375A86)
_ZERO, _HALF, _ONE, _TWO = (np.float32(v) for v in (0, 0.5, 1, 2))
_GELU_CUBE = np.float32(0.044715)
_ROOT_TWO_OVER_PI = np.float32(math.sqrt(2 / math.pi))
_ROOT_HALF = np.float32(math.sqrt(0.5))
_SELU_ALPHA = np.float32(1.6732632423543772)
_SELU_SCALE = np.float32(1.0507009873554805)
_NAN = np.float32(np.nan)
_TWO_OVER_PI = np.float32(2 / math.pi)
_HALF_PI_PARTS = tuple(np.float32(float.fromhex(p)) for p in HALF_PI_PARTS)
_ROUNDER = np.float32(12582912)
_WHOLE = np.float32(2**23)
_FULL_TURNS = np.float32(2**16)

Value = Float32 | np.float32


class Function(NamedTuple):
    """One function.

    Attributes:
        formula: of z and its parameters, in float32.
        num_parameters: of one, or of each value.
    """

    formula: Callable[..., Any]
    num_parameters: int = 0


def exp(z: Float32) -> Float32:
    """Euler's number to the power of z, z held within +-87."""
    rest, power = exp_parts(within(z, -_EXP_LIMIT, _EXP_LIMIT))
    return power * rest + power


def expm1(z: Float32) -> Float32:
    """`exp(z) - 1` without the loss of digits near 0."""
    rest, power = exp_parts(within(z, -_EXP_LIMIT, _EXP_LIMIT))
    return power * rest + (power - _ONE)


def log(z: Float32) -> Float32:
    """Natural logarithm; a value below 2^-126 counts as 2^-126, NaN for negative ones."""
    v = np.where(z < SMALLEST_NORMAL, SMALLEST_NORMAL, z)
    bits = np.asarray(v, np.float32).view(np.uint32)
    n = (bits - _ROOT_HALF_BITS).view(np.int32) >> 23
    m = (bits - (n << 23).view(np.uint32)).view(np.float32)
    x, e = m - _ONE, n.astype(np.float32)
    s = x * x
    y = (x * s) * _polynomial(LOG, x) + e * _LN2_LOWER
    y = y - _HALF * s
    y = (x + y) + e * _LN2_UPPER
    y = np.where(np.isinf(z), z, y)
    return np.where((z < _ZERO) | np.isnan(z), _NAN, y)


def log1p(z: Float32) -> Float32:
    """`log(1 + z)` for z of 0 to 1, relative to its own size."""
    u = _ONE + z
    rest = u - _ONE
    is_one = rest == _ZERO
    return np.where(is_one, z, log(u) * (z / np.where(is_one, _ONE, rest)))


def rsqrt(z: Float32) -> Float32:
    """`1 / sqrt(z)` by four steps of Newton's; infinite for 0, NaN for negative values."""
    v = np.asarray(np.where(z < SMALLEST_NORMAL, _ONE, z), np.float32)
    y = (_RSQRT_BITS - (v.view(np.uint32) >> np.uint32(1))).view(np.float32)
    half = _HALF * v
    for _ in range(4):
        y = y * (np.float32(1.5) - (half * y) * y)
    y = np.where(z < SMALLEST_NORMAL, np.float32(np.inf), y)
    return np.where((z < _ZERO) | np.isnan(z), _NAN, y)


def sqrt(z: Float32) -> Float32:
    """Square root as `z * rsqrt(z)`; 0 below 2^-126."""
    return np.where(np.abs(z) < SMALLEST_NORMAL, _ZERO, z * rsqrt(z))


def erf(z: Float32) -> Float32:
    """The error function: a series within +-1, from its complement beyond."""
    a = np.abs(z)
    a = np.where(a > np.float32(5), np.float32(5), a)
    s = a * a
    inner = a * _polynomial(ERF, s)
    t = _ONE / (_ONE + np.float32(0.4) * a)
    outer = _ONE - exp(-s) * (_polynomial(ERFC, t) * t)
    return np.copysign(np.where(a < _ONE, inner, outer), z)


def softplus(z: Float32, beta: Value, threshold: Value) -> Float32:
    """`log(1 + exp(beta z)) / beta`, and z itself where `beta z` is above the threshold."""
    v = beta * z
    y = (relu(v) + log1p(exp(-np.abs(v)))) / beta
    return np.where(v > threshold, z, y)


def elu(z: Float32, alpha: Value) -> Float32:
    """z, or `alpha (exp(z) - 1)` where z is negative."""
    return np.where(z < _ZERO, alpha * expm1(z), z)


def mish(z: Float32) -> Float32:
    """`z tanh(log(1 + exp(z)))`, of which only `exp` is left."""
    e = exp(np.where(z > np.float32(20), np.float32(20), z))
    w = e * (e + _TWO)
    return np.asarray(z * (w / (w + _TWO)), np.float32)


def gelu_tanh(z: Float32) -> Float32:
    """PyTorch's `gelu(approximate="tanh")`."""
    v = _ROOT_TWO_OVER_PI * (z + _GELU_CUBE * ((z * z) * z))
    return (_HALF * z) * (_ONE + tanh(v))


def hardsigmoid(z: Float32) -> Float32:
    """`z / 6 + 1 / 2` within 0 and 1, as `relu6(z + 3) / 6`."""
    return within(z + np.float32(3), _ZERO, np.float32(6)) / np.float32(6)


def step(z: Float32) -> Float32:
    """1 where z is above 0, else 0."""
    return np.where(z > _ZERO, _ONE, _ZERO)


def floor(z: Float32) -> Float32:
    """The largest whole number that is at most z."""
    a = np.abs(z)
    near = np.copysign(np.where(a < _WHOLE, (a + _WHOLE) - _WHOLE, a), z)
    return np.where(z < near, near - _ONE, near)


def sin(z: Float32) -> Float32:
    """Sine of radians, z held within +-65536."""
    return _circular(z, 0)


def cos(z: Float32) -> Float32:
    """Cosine of radians, z held within +-65536."""
    return _circular(z, 1)


def _circular(z: Float32, quarters: int) -> Float32:
    v = within(z, -_FULL_TURNS, _FULL_TURNS)
    rounded = v * _TWO_OVER_PI + _ROUNDER
    n, quarter = rounded - _ROUNDER, rounded.view(np.uint32) + np.uint32(quarters)
    r = v
    for part in _HALF_PI_PARTS:
        r = r - n * part
    s = r * r
    sine = r + (r * s) * _polynomial(SINE, s)
    cosine = (_ONE - _HALF * s) + (s * s) * _polynomial(COSINE, s)
    y = np.asarray(np.where((quarter & np.uint32(1)) > 0, cosine, sine), np.float32)
    return (y.view(np.uint32) ^ ((quarter & np.uint32(2)) << np.uint32(30))).view(
        np.float32
    )


def log_softmax(z: Float32) -> Float32:
    """The logarithm of `softmax`, along the last axis; its sum is one chain from index 0."""
    largest = z[..., 0]
    for k in range(1, z.shape[-1]):
        largest = np.where(z[..., k] > largest, z[..., k], largest)
    v = z - largest[..., None]
    powers = exp(v)
    total = powers[..., 0]
    for k in range(1, z.shape[-1]):
        total = total + powers[..., k]
    return np.asarray(v - log(total)[..., None])


def _polynomial(coefficients: tuple[str, ...], x: Float32) -> Float32:
    *lower, last = (np.float32(float.fromhex(c)) for c in coefficients)
    p: Any = last
    for coefficient in lower[::-1]:
        p = p * x + coefficient
    return np.asarray(p)


FUNCTIONS: dict[str, Function] = {
    "tanh": Function(tanh),
    "relu": Function(relu),
    "sigmoid": Function(sigmoid),
    "leaky_relu": Function(lambda z, slope: np.where(z < _ZERO, slope * z, z), 1),
    "elu": Function(elu, 1),
    "selu": Function(lambda z: _SELU_SCALE * elu(z, _SELU_ALPHA)),
    "gelu": Function(lambda z: (_HALF * z) * (_ONE + erf(z * _ROOT_HALF))),
    "gelu_tanh": Function(gelu_tanh),
    "silu": Function(lambda z: z * sigmoid(z)),
    "mish": Function(mish),
    "softplus": Function(softplus, 2),
    "hardtanh": Function(within, 2),
    "hardsigmoid": Function(hardsigmoid),
    "hardswish": Function(lambda z: z * hardsigmoid(z)),
    "softsign": Function(lambda z: z / (_ONE + np.abs(z))),
    "exp": Function(exp),
    "log": Function(log),
    "sqrt": Function(sqrt),
    "rsqrt": Function(rsqrt),
    "reciprocal": Function(lambda z: _ONE / z),
    "abs": Function(np.abs),
    "erf": Function(erf),
    "step": Function(step),
    "floor": Function(floor),
    "sin": Function(sin),
    "cos": Function(cos),
}
"""In the order of their numbers in `MODL`."""
