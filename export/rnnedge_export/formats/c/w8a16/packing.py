"""Integer tensors as the constant arrays of generated sources, and back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from rnnedge_runtime.spec.layers import AddLast, Difference, Embedding, Layer, Linear

from ..cells import CELLS
from ..writers.arrays import Tensors, linear, unpack


def _embedding(layer: Embedding, tensors: Tensors, gap: int) -> Tensors:
    table = tensors["weight"].ravel()
    return {"table": table, "multipliers": tensors["multiplier"]}


def _linear(layer: Linear, tensors: Tensors, gap: int) -> Tensors:
    columns = tensors["multiplier"], tensors["bias"]
    weights, rows = linear(tensors["weight"], *columns, gap)
    return {"weights": weights, "rows": rows}


PACKED: dict[type[Layer], Callable[[Any, Tensors, int], Tensors]] = {
    Embedding: _embedding,
    Linear: _linear,
    AddLast: lambda layer, tensors, gap: dict(tensors),
    Difference: lambda layer, tensors, gap: dict(tensors),
    **{kind: cell.pack_q for kind, cell in CELLS.items()},
}
"""The layers whose integers are in arrays."""


def pack_integer_layer(layer: Layer, tensors: Tensors, gap: int = 0) -> Tensors:
    """The constant arrays of one layer, by their suffix in C.

    Args:
        layer: an integer layer of the chain.
        tensors: its tensors by their names within it.
        gap: what stands where there is no value.
    """
    pack = PACKED.get(type(layer))
    return pack(layer, tensors, gap) if pack else {}


def unpack_integer_layer(
    layer: Layer, shapes: dict[str, tuple[int, ...]], packed: Tensors
) -> Tensors:
    """The tensors of `shapes` that `pack_integer_layer` was given; raises as `unpack`."""
    return unpack(partial(pack_integer_layer, layer), shapes, packed, np.int64)
