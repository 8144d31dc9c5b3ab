"""Errors and units as text: how many digits are worth reading."""

from __future__ import annotations

import math
from collections.abc import Sequence

MOST_DECIMALS = 6


def decimals_for(values: Sequence[float]) -> int:
    """Decimals that show the smallest of `values` that is not zero with three digits."""
    sizes = [abs(value) for value in values if value and math.isfinite(value)]
    if not sizes:
        return 0
    return max(0, 2 - math.floor(math.log10(min(sizes))))


def number_texts(values: Sequence[float | None]) -> list[str]:
    """The values of one column, with the decimals that tell them apart; "-" for None.

    Fixed decimals where six are enough, else powers of ten.
    """
    known = [value for value in values if value is not None]
    decimals = decimals_for(known)
    sizes = [abs(value) for value in known if math.isfinite(value)]
    largest = max(sizes, default=0.0)
    is_fixed = decimals <= MOST_DECIMALS and largest < 1e7
    spec = f".{decimals}f" if is_fixed else ".2e"
    return ["-" if value is None else format(value, spec) for value in values]


def with_unit(name: str, unit: str) -> str:
    """`temp (C)`; the name alone where it holds the unit already, as in `temp (C)`."""
    if not unit or name.rstrip().endswith((f"({unit})", f"[{unit}]")):
        return name
    return f"{name} ({unit})"
