"""Integer tensors in the order in which the loops of `rnnedge_w8a16.h` read them, and back.

Packing only moves values and fills gaps with zeros, so it is written once: done to the places
of the values, it gives the way back.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.spec.layers import (
    AddLast,
    Difference,
    Embedding,
    Layer,
    Linear,
    RecurrentLayer,
)

Array = NDArray[Any]
Tensors = dict[str, Array]

PANEL = 4
"""Rows of a panel, columns of a group."""
_COLUMNS = (0, 2, 1, 3)  # of a group, as its bytes lie


def groups(size: int) -> int:
    """Groups of columns, or panels of rows, that `size` of them take."""
    return -(-size // PANEL)


def pack_integer_layer(layer: Layer, tensors: Tensors, gap: int = 0) -> Tensors:
    """The constant arrays of one layer, by their suffix in C.

    Args:
        layer: an integer layer of the chain.
        tensors: its tensors by their names within it.
        gap: what stands where there is no value.
    """
    match layer:
        case Embedding():
            table = tensors["weight"].ravel()
            return {"table": table, "multipliers": tensors["multiplier"]}
        case Linear():
            columns = [tensors["multiplier"], tensors["bias"]]
            return {
                "weights": _panels(_padded(tensors["weight"], gap, axis=1), gap),
                "rows": _rows(columns, gap),
            }
        case AddLast():
            source = "multiple" if "multiple" in tensors else "source_gain"
            return {name: tensors[name] for name in ("gain", source)}
        case Difference():
            return dict(tensors)
        case RecurrentLayer():
            return _pack_cell(layer, tensors, gap)
    return {}


def unpack_integer_layer(
    layer: Layer, shapes: dict[str, tuple[int, ...]], packed: Tensors
) -> Tensors:
    """The tensors of `shapes` that `pack_integer_layer` was given.

    Raises:
        ValueError: an array is missing or of another size.
    """
    places, start = {}, 0
    for name, shape in shapes.items():
        size = int(np.prod(shape, dtype=np.int64))
        places[name] = np.arange(start, start + size).reshape(shape)
        start += size
    flat = np.zeros(start, dtype=np.int64)
    for name, array in pack_integer_layer(layer, places, gap=-1).items():
        if name not in packed or packed[name].size != array.size:
            raise ValueError(name)
        is_value = array.ravel() >= 0
        flat[array.ravel()[is_value]] = packed[name][is_value]
    return {name: flat[place] for name, place in places.items()}


def _pack_cell(layer: RecurrentLayer, tensors: Tensors, gap: int) -> Tensors:
    num_gates = layer.num_gates
    weight = np.hstack(
        [
            _padded(tensors["weight_ih"], gap, axis=1),
            _padded(tensors["weight_hh"], gap, axis=1),
        ]
    )
    names = ("multiplier_ih", "multiplier_hh", "bias")
    gates = [_by_block(tensors[name], num_gates, gap) for name in names]
    rows = np.stack(gates, axis=2)  # [blocks, G, 3, 4]
    rows = rows.reshape(len(rows), -1)
    if "bias_hn" in tensors:
        rows = np.hstack([rows, _by_block(tensors["bias_hn"], 1, gap)[:, 0]])
    packed = {
        "weights": _panels(
            _by_block(weight, num_gates, gap).reshape(-1, weight.shape[1]), gap
        ),
        "rows": rows.ravel(),
    }
    if "weight_hr" in tensors:
        no_bias = np.full(layer.output_size, gap)
        packed["projection"] = _panels(_padded(tensors["weight_hr"], gap, axis=1), gap)
        packed["projection_rows"] = _rows([tensors["multiplier_hr"], no_bias], gap)
    return packed


def _padded(array: Array, gap: int, axis: int) -> Array:
    width = [(0, 0)] * array.ndim
    width[axis] = (0, -array.shape[axis] % PANEL)
    return np.pad(array, width, constant_values=gap)


def _by_block(array: Array, num_gates: int, gap: int) -> Array:
    """`[G * H, ...]` as `[blocks, G, 4, ...]`: the gates of four units together."""
    gates = array.reshape(num_gates, -1, *array.shape[1:])
    gates = _padded(gates, gap, axis=1)
    return gates.reshape(num_gates, -1, PANEL, *array.shape[1:]).swapaxes(0, 1)


def _panels(weight: Array, gap: int) -> Array:
    """`[R, K]`, K a multiple of 4, as panels of rows in groups of columns."""
    rows = _padded(weight, gap, axis=0)
    split = rows.reshape(len(rows) // PANEL, PANEL, -1, PANEL)
    return split.transpose(0, 2, 1, 3)[..., _COLUMNS].ravel()


def _rows(columns: list[Array], gap: int) -> Array:
    """Per panel 4 values of every column."""
    padded = [_padded(column, gap, axis=0).reshape(-1, PANEL) for column in columns]
    return np.hstack(padded).ravel()
