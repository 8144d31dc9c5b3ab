"""Print the constants of log, erf and erfc of f32.v1 (docs/numerics.md, "Functions").

`log(1 + x) = x - x^2 / 2 + x^3 P(x)` for 1 + x within sqrt(1/2) and sqrt(2); `erf(x) = x
P(x^2)` within +-1; `1 - erf(x) = exp(-x^2) t P(t)`, `t = 1 / (1 + 0.4 x)`, from 1 to 5: least
squares on Chebyshev nodes. Needs numpy only.
"""

from __future__ import annotations

import math

import numpy as np
from rounded_fit import fit

NODES = np.cos((np.arange(4000) + 0.5) * np.pi / 4000)


def between(low: float, high: float) -> np.ndarray:
    """Chebyshev nodes from `low` to `high`."""
    return (NODES * (high - low) + (high + low)) / 2


def show(
    name: str, x: np.ndarray, num: int, goal: np.ndarray, weight: np.ndarray
) -> None:
    """Fit and print `num` coefficients of a polynomial."""
    powers = np.stack([x**k for k in range(num)], axis=1)
    print(name, [value.hex() for value in fit(powers, goal, weight)])


x = between(math.sqrt(0.5) - 1, math.sqrt(2) - 1)
x = x[np.abs(x) > 1e-2]
show("LOG", x, 8, (np.log1p(x) - x + x * x / 2) / x**3, np.abs(x**3 / np.log1p(x)))

s = between(0, 1)
goal = np.array([math.erf(v) / v for v in np.sqrt(s)])
show("ERF", s, 7, goal, 1 / goal)

t = between(1 / (1 + 0.4 * 5), 1 / (1 + 0.4))
x = (1 / t - 1) / 0.4
goal = np.array([math.erfc(v) for v in x]) * np.exp(x * x) / t
show("ERFC", t, 5, goal, np.exp(-x * x) * t)
