"""The way back from packed arrays to tensors.

Packing only moves values and fills gaps, so it is written once: done to the places of the
values, it gives the way back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Tensors = dict[str, Array]


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
