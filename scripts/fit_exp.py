"""Print the constants of the exponential of f32.v1 (docs/numerics.md, "Functions").

`exp r - 1 = r + r^2 (E0 + E1 r + E2 r^2 + E3 r^3 + E4 r^4)` on |r| <= ln 2 / 2 and a little
more: weighted least squares on Chebyshev nodes, the coefficients rounded one after another
to float32, the rest fitted again. ln 2 is split so that n times its upper part is exact for
|n| < 512. Needs numpy only.
"""

from __future__ import annotations

import math

import numpy as np
from rounded_fit import fit

UPPER_BITS = 15  # of ln 2: 24 - 9, so that n of nine bits times it is exact


def ends_weighted(nodes: np.ndarray) -> np.ndarray:
    """Chebyshev's weight, which turns least squares into nearly the smallest maximum."""
    return (1 - (nodes / np.abs(nodes).max()) ** 2 + 1e-3) ** -0.25


nodes = np.cos((np.arange(4000) + 0.5) * np.pi / 4000) * 0.348
nodes = nodes[np.abs(nodes) > 1e-3]
goal = (np.expm1(nodes) - nodes) / nodes**2
weight = ends_weighted(nodes) * np.abs(nodes)  # error relative to exp r - 1
coefficients = fit(np.stack([nodes**k for k in range(5)], axis=1), goal, weight)
upper = math.floor(math.log(2) * 2**UPPER_BITS) / 2**UPPER_BITS
print("E", [value.hex() for value in coefficients])
print("LOG2_E", float(np.float32(1 / math.log(2))).hex())
print("LN2_UPPER", float(upper).hex())
print("LN2_LOWER", float(np.float32(math.log(2) - upper)).hex())
