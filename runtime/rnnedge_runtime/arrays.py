"""Array types, and the one check of array shapes, written in axis letters."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import ShapeError

Array = NDArray[np.floating]
State = list[Array]

_HINT = "Pass an array of that shape."


def check_shape(
    x: ArrayLike, axes: str, *, where: str, sizes: dict[str, int], hint: str = ""
) -> NDArray[np.float32]:
    """`x` as a float32 array with the given axes.

    Args:
        x: array or nested sequence of numbers; masked ones are missing (NaN).
        axes: axis letters, for example "T F"; an axis absent from `sizes` may have any
            length.
        where: start of the message, for example "Stream.step: x".
        sizes: expected length by axis letter.
        hint: what to do, as the last sentence of the message.

    Raises:
        ShapeError: another number of axes, another length, or not numbers at all.
    """
    letters = axes.split()
    try:
        with np.errstate(over="ignore"):
            if isinstance(x, np.ma.MaskedArray):
                x = np.ma.filled(x.astype(np.float32), np.nan)
            array = _real(x)
    except (TypeError, ValueError, OverflowError):
        raise ShapeError(
            f"{where} is not an array of numbers, expected {_expected(letters, sizes)}. "
            f"{hint or _HINT}"
        ) from None
    if array.ndim != len(letters) or any(
        axis in sizes and size != sizes[axis]
        for axis, size in zip(letters, array.shape, strict=True)
    ):
        found = "[" + ", ".join(str(size) for size in array.shape) + "]"
        raise ShapeError(
            f"{where} has shape {found}, expected {_expected(letters, sizes)}. "
            f"{hint or _HINT}"
        )
    return array


def _real(x: ArrayLike) -> NDArray[np.float32]:
    """`x` as float32; complex numbers, dates and durations are none."""
    array = np.asarray(x)
    if array.dtype.kind in "cmM":
        raise TypeError
    return array.astype(np.float32, copy=False)


def _expected(letters: list[str], sizes: dict[str, int]) -> str:
    return (
        "["
        + ", ".join(
            f"{axis}={sizes[axis]}" if axis in sizes else axis for axis in letters
        )
        + "]"
    )
