"""Columns of numbers as JSON: the shortest decimals that read back as the same float32."""

from __future__ import annotations

from math import isfinite

import numpy as np
from numpy.typing import NDArray


def decimals(values: NDArray[np.float32]) -> str:
    """A list of JSON; null for what is no number."""
    return f"[{','.join(map(decimal, values))}]"


def decimal(value: np.float32) -> str:
    """One number of JSON, or null."""
    return str(value) if isfinite(value) else "null"
