"""The orders in which the loops of the kernels read weights, and the way back to tensors.

Packing only moves values and fills gaps, so it is written once: done to the places of the
values, it gives the way back. `rows` and `units` are for `rnnedge_f32.h`, `linear` and
`gates` for `rnnedge_w8a16.h`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.spec.layers import RecurrentLayer

Array = NDArray[Any]
Tensors = dict[str, Array]

PANEL = 16
"""Outputs of a panel in float32; what is left is packed four by four, then one by one."""
UNITS = 4
"""Units of a cell that stand together; in integers rows of a panel, columns of a group."""
_COLUMNS = (0, 2, 1, 3)  # of a group, as its bytes lie


def groups(size: int) -> int:
    """Groups of columns, or panels of rows, that `size` of them take in integers."""
    return -(-size // UNITS)


def padded(size: int) -> int:
    """Room for whole blocks of units, or panels of rows."""
    return UNITS * groups(size)


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
    blocks = groups(hidden)
    gates = columns.reshape(num_gates, hidden, -1)
    short = ((0, 0), (0, blocks * UNITS - hidden), (0, 0))
    gates = np.pad(gates, short, constant_values=gap)
    split = gates.reshape(num_gates, blocks, UNITS, -1)
    return split.transpose(1, 3, 0, 2).reshape(blocks, -1, num_gates * UNITS)


def linear(
    weight: Array, multiplier: Array, bias: Array, gap: int
) -> tuple[Array, Array]:
    """Weights `[R, K]` in panels, and per panel 4 multipliers and 4 biases."""
    columns = [_padded(column, gap, axis=0) for column in (multiplier, bias)]
    pairs = [column.reshape(-1, UNITS) for column in columns]
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
    width[axis] = (0, -array.shape[axis] % UNITS)
    return np.pad(array, width, constant_values=gap)


def _by_block(array: Array, num_gates: int, gap: int) -> Array:
    """`[G * H, ...]` as `[blocks, G, 4, ...]`: the gates of four units together."""
    split = array.reshape(num_gates, -1, *array.shape[1:])
    split = _padded(split, gap, axis=1)
    return split.reshape(num_gates, -1, UNITS, *array.shape[1:]).swapaxes(0, 1)


def _panels(weight: Array, gap: int) -> Array:
    """`[R, K]`, K a multiple of 4, as panels of rows in groups of columns."""
    rows = _padded(weight, gap, axis=0)
    split = rows.reshape(len(rows) // UNITS, UNITS, -1, UNITS)
    return split.transpose(0, 2, 1, 3)[..., _COLUMNS].ravel()


def unpack(
    pack: Callable[[Tensors, int], Tensors],
    shapes: Mapping[str, tuple[int, ...]],
    packed: Tensors,
    dtype: type[np.generic],
) -> Tensors:
    """The tensors of `shapes` that `pack(tensors, gap)` made `packed` of.

    Raises:
        ValueError: an array is missing or of another size.
    """
    places: Tensors = {}
    start = 0
    for name, shape in shapes.items():
        size = int(np.prod(shape, dtype=np.int64))
        places[name] = np.arange(start, start + size).reshape(shape)
        start += size
    flat = np.zeros(start, dtype)
    for name, array in pack(places, -1).items():
        if name not in packed or packed[name].size != array.size:
            raise ValueError(name)
        is_value = array.ravel() >= 0
        flat[array.ravel()[is_value]] = packed[name].ravel()[is_value]
    return {name: flat[place] for name, place in places.items()}
