"""Decimals of the native module beside those of NumPy: `make decimals`."""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.backends.native_state import extension
from rnnedge_runtime.live.sinks.row_blocks import plain_range

PART = 1 << 16


def texts_of(values: NDArray[np.float32]) -> list[str]:
    """The values as `rnnedge run` writes them by blocks."""
    numbers = np.arange(len(values), dtype=np.int64)
    column = np.ascontiguousarray(values[:, None])
    text = extension().write_rows(None, numbers, column, len(values), 1, *plain_range())
    return [line.partition(",")[2] for line in text.splitlines()]


def main(stride: int) -> int:
    """Compare every `stride`-th float32; 1 where one differs."""
    for start in range(0, 2**32, PART * stride):
        bits = np.arange(
            start, min(start + PART * stride, 2**32), stride, dtype=np.uint64
        )
        values = bits.astype(np.uint32).view(np.float32)
        values = values[np.isfinite(values)]
        for value, text in zip(values, texts_of(values), strict=True):
            if str(value) != text:
                print(f"{value!r} is written {text}")
                return 1
    print(f"every {stride}. float32 is written as NumPy writes it")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1))
