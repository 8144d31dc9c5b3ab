"""Rows of forecasts as CSV, many at a time, with the same bytes as `rows.row_writer`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ...tables.rows.plain_rows import RowBlock

WriteRows = Callable[..., str]
"""`_native.write_rows`."""


def write_block(
    file: IO[str],
    block: RowBlock,
    kept: NDArray[np.intp] | slice,
    forecasts: NDArray[np.float32],
    write_rows: WriteRows,
) -> None:
    """Write the forecasts from some rows of a block.

    Args:
        file: text stream.
        kept: which rows.
        forecasts: `[n, O]` of these; NaN where one is not known.
        write_rows: `_native.write_rows`.
    """
    number, num_values = forecasts.shape
    low, high = plain_range()
    data: bytes | None = None
    stamps: NDArray[Any]
    if block.times_us is None:
        stamps = np.arange(block.number, block.number + len(block))[kept]
    else:
        data, stamps = block.data, block.spans[kept]
    stamps = np.ascontiguousarray(stamps)
    values = np.ascontiguousarray(forecasts, dtype=np.float32)
    file.write(write_rows(data, stamps, values, number, num_values, low, high))


@functools.cache
def plain_range() -> tuple[float, float]:
    """The first magnitude that NumPy writes without an exponent, and the first above.

    Versions of NumPy differ in them.
    """
    return _edge(1e-30, 1.0, is_plain=False), _edge(1.0, 1e30, is_plain=True)


def _edge(low: float, high: float, *, is_plain: bool) -> float:
    """The first float32 that is written in another way than those from `low` on."""
    first, last = (int(np.float32(bound).view(np.uint32)) for bound in (low, high))
    while last - first > 1:
        middle = (first + last) // 2
        if ("e" not in str(np.uint32(middle).view(np.float32))) == is_plain:
            first = middle
        else:
            last = middle
    return float(np.uint32(last).view(np.float32))
