"""The orders in which the loops of `rnnedge_w8a16.h` read integers; gaps hold zeros."""

from __future__ import annotations

import numpy as np

from rnnedge_runtime.spec.layers import RecurrentLayer

from .places import Array, Tensors

PANEL = 4
"""Rows of a panel, columns of a group."""
_COLUMNS = (0, 2, 1, 3)  # of a group, as its bytes lie


def groups(size: int) -> int:
    """Groups of columns, or panels of rows, that `size` of them take."""
    return -(-size // PANEL)


def padded(size: int) -> int:
    """Room for whole panels."""
    return PANEL * groups(size)


def linear(
    weight: Array, multiplier: Array, bias: Array, gap: int
) -> tuple[Array, Array]:
    """Weights `[R, K]` in panels, and per panel 4 multipliers and 4 biases."""
    columns = [_padded(column, gap, axis=0) for column in (multiplier, bias)]
    pairs = [column.reshape(-1, PANEL) for column in columns]
    return _panels(_padded(weight, gap, axis=1), gap), np.hstack(pairs).ravel()


def gates(layer: RecurrentLayer, tensors: Tensors, gap: int, last: str = "") -> Tensors:
    """The products of all gates; `last`: a bias of the last gate that stands apart."""
    num_gates = len(layer.gates)
    matrices = (tensors[name] for name in ("weight_ih", "weight_hh"))
    weight = np.hstack([_padded(matrix, gap, axis=1) for matrix in matrices])
    names = ("multiplier_ih", "multiplier_hh", "bias")
    found = [_by_block(tensors[name], num_gates, gap) for name in names]
    rows = np.stack(found, axis=2)  # [blocks, G, 3, 4]
    rows = rows.reshape(len(rows), -1)
    if last:
        rows = np.hstack([rows, _by_block(tensors[last], 1, gap)[:, 0]])
    blocks = _by_block(weight, num_gates, gap).reshape(-1, weight.shape[1])
    return {"weights": _panels(blocks, gap), "rows": rows.ravel()}


def _padded(array: Array, gap: int, axis: int) -> Array:
    width = [(0, 0)] * array.ndim
    width[axis] = (0, -array.shape[axis] % PANEL)
    return np.pad(array, width, constant_values=gap)


def _by_block(array: Array, num_gates: int, gap: int) -> Array:
    """`[G * H, ...]` as `[blocks, G, 4, ...]`: the gates of four units together."""
    split = array.reshape(num_gates, -1, *array.shape[1:])
    split = _padded(split, gap, axis=1)
    return split.reshape(num_gates, -1, PANEL, *array.shape[1:]).swapaxes(0, 1)


def _panels(weight: Array, gap: int) -> Array:
    """`[R, K]`, K a multiple of 4, as panels of rows in groups of columns."""
    rows = _padded(weight, gap, axis=0)
    split = rows.reshape(len(rows) // PANEL, PANEL, -1, PANEL)
    return split.transpose(0, 2, 1, 3)[..., _COLUMNS].ravel()
