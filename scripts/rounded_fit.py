"""Weighted least squares whose coefficients are float32 numbers."""

from __future__ import annotations

import numpy as np


def fit(basis: np.ndarray, goal: np.ndarray, weight: np.ndarray) -> list[float]:
    """Coefficients rounded one after another to float32, the rest fitted again each time."""
    fixed: list[float] = []
    for k in range(basis.shape[1]):
        rest = goal - basis[:, :k] @ np.array(fixed) if k else goal
        solution = np.linalg.lstsq(
            basis[:, k:] * weight[:, None], rest * weight, rcond=None
        )[0]
        fixed.append(float(np.float32(solution[0])))
    return fixed
