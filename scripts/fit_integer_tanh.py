"""Make the table of the integer tanh (`w8a16.v1`, docs/numerics.md).

tanh of Q12 in Q15: 64 segments of 512 on [0, 8), in each a quadratic of the fraction, with
the rounded products that `integer_numerics.tanh_q` uses. Per segment: the coefficients with
the smallest largest error that keep the function rising.

    python scripts/fit_integer_tanh.py
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.polynomial import Polynomial
from numpy.polynomial.chebyshev import Chebyshev

SEGMENTS = 64
WIDTH = 512
LARGEST = 32767


def _times(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b + (1 << 14)) >> 15


def _segment(k: int, start: int) -> tuple[int, int, int]:
    t = np.arange(WIDTH)
    exact = np.minimum(np.tanh((k * WIDTH + t) / 4096) * 32768, LARGEST)
    if exact[0] > LARGEST - 0.5:
        return LARGEST, 0, 0
    series = Chebyshev.interpolate(
        lambda s: np.tanh((k + (s + 1) / 2) * WIDTH / 4096), 2
    ).convert(kind=Polynomial)(Polynomial([-1, 2]))
    value, slope, bend = 32768 * np.pad(series.coef, (0, 3 - len(series.coef)))
    values = [0] if k == 0 else range(int(value) - 1, int(value) + 3)
    slopes = np.arange(int(4 * slope) - 40, int(4 * slope) + 41)
    bends = np.arange(int(4 * bend) - 160, int(4 * bend) + 161)
    best = (np.inf, 0, 0, 0)
    for a0, a1 in itertools.product(values, np.minimum(slopes, LARGEST)):
        bent = a1 + _times(bends[:, None], t << 6)
        found = np.minimum(a0 + _times(bent, t << 4), LARGEST)
        error = np.abs(found - exact).max(axis=1)
        falls = (np.diff(found, axis=1) < 0).any(axis=1) | (found[:, 0] < start)
        error[falls] = np.inf
        at = int(error.argmin())
        if error[at] < best[0]:
            best = (float(error[at]), int(a0), int(a1), int(bends[at]))
    return best[1:]


def main() -> None:
    """Print the rows (value, slope, bend) and the largest error in units of 2^-15."""
    rows: list[tuple[int, int, int]] = []
    last, worst = 0, 0.0
    for k in range(SEGMENTS):
        row = _segment(k, last)
        t = np.arange(WIDTH)
        bent = row[1] + _times(np.array(row[2]), t << 6)
        found = np.minimum(row[0] + _times(bent, t << 4), LARGEST)
        exact = np.tanh((k * WIDTH + t) / 4096) * 32768
        worst = max(worst, float(np.abs(found - exact).max()))
        last = int(found[-1])
        rows.append(row)
    for name, column in zip(
        ("VALUE", "SLOPE", "BEND"), zip(*rows, strict=True), strict=True
    ):
        print(name, ", ".join(map(str, column)))
    print(f"largest error {worst:.3f}")


if __name__ == "__main__":
    main()
