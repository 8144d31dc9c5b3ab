"""Print constants of f32.v1 (docs/numerics.md): `python scripts/fit_f32.py exp|sincos`.

Weighted least squares on Chebyshev nodes, the coefficients rounded one after another to
float32, the rest fitted again. Needs numpy only.

exp: `exp r - 1 = r + r^2 (E0 + E1 r + E2 r^2 + E3 r^3 + E4 r^4)` on |r| <= ln 2 / 2 and a
little more; ln 2 is split so that n times its upper part is exact for |n| < 512.
sincos: sine and cosine on |a| <= pi/4.
"""

from __future__ import annotations

import math
import sys

import numpy as np

UPPER_BITS = 15  # of ln 2: 24 - 9, so that n of nine bits times it is exact


def fit(basis: np.ndarray, goal: np.ndarray, weight: np.ndarray) -> list[str]:
    """Coefficients rounded one after another to float32, the rest fitted again each time."""
    fixed: list[float] = []
    for k in range(basis.shape[1]):
        rest = goal - basis[:, :k] @ np.array(fixed) if k else goal
        solution = np.linalg.lstsq(
            basis[:, k:] * weight[:, None], rest * weight, rcond=None
        )[0]
        fixed.append(float(np.float32(solution[0])))
    return [value.hex() for value in fixed]


def chebyshev_nodes(num: int, end: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes within +-end; with the weight least squares give nearly the smallest maximum."""
    nodes = np.cos((np.arange(num) + 0.5) * np.pi / num) * end
    return nodes, (1 - (nodes / nodes.max()) ** 2 + 1e-3) ** -0.25


def exp() -> None:
    nodes, weight = chebyshev_nodes(4000, 0.348)
    kept = np.abs(nodes) > 1e-3
    nodes, weight = nodes[kept], weight[kept]
    goal = (np.expm1(nodes) - nodes) / nodes**2
    basis = np.stack([nodes**k for k in range(5)], axis=1)
    print("E", fit(basis, goal, weight * np.abs(nodes)))  # relative to exp r - 1
    upper = math.floor(math.log(2) * 2**UPPER_BITS) / 2**UPPER_BITS
    print("LOG2_E", float(np.float32(1 / math.log(2))).hex())
    print("LN2_UPPER", float(upper).hex())
    print("LN2_LOWER", float(np.float32(math.log(2) - upper)).hex())


def sincos() -> None:
    nodes, weight = chebyshev_nodes(2000, np.pi / 4)
    kept = nodes > 1e-3
    nodes, weight, square = nodes[kept], weight[kept], nodes[kept] ** 2
    powers = [square**k for k in (1, 2, 3, 4)]
    sine = np.stack(powers[:3], axis=1), np.sin(nodes) / nodes - 1
    cosine = np.stack(powers[1:], axis=1), np.cos(nodes) - 1 + square / 2
    print("SIN", fit(*sine, weight))
    print("COS", fit(*cosine, weight))


if __name__ == "__main__":
    {"exp": exp, "sincos": sincos}[sys.argv[1]]()
