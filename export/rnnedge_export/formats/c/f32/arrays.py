"""The orders in which the loops of `rnnedge_f32.h` read weights."""

from __future__ import annotations

import numpy as np

from ..places import Array

PANEL = 16
"""Outputs of a panel; what is left is packed four by four, then one by one."""
UNITS = 4
"""Units of a cell whose gates stand together."""


def padded(size: int) -> int:
    """Room for whole blocks of units."""
    return -(-size // UNITS) * UNITS


def rows(bias: Array, weight: Array) -> Array:
    """Panels of 16, 4 and 1 outputs: the bias, then a row per input."""
    columns = np.hstack([bias[:, None], weight])
    parts: list[Array] = []
    start = 0
    for width in (PANEL, UNITS, 1):
        while len(bias) - start >= width:
            parts.append(columns[start : start + width].T.ravel())
            start += width
    return np.concatenate(parts)


def units(columns: Array, num_gates: int, gap: float) -> Array:
    """`[G * H, K]` as `[blocks, K, G * 4]`: the gates of four units together."""
    hidden = len(columns) // num_gates
    blocks = -(-hidden // UNITS)
    gates = columns.reshape(num_gates, hidden, -1)
    short = ((0, 0), (0, blocks * UNITS - hidden), (0, 0))
    gates = np.pad(gates, short, constant_values=gap)
    split = gates.reshape(num_gates, blocks, UNITS, -1)
    return split.transpose(1, 3, 0, 2).reshape(blocks, -1, num_gates * UNITS)
