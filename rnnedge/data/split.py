"""Chronological split of every series into training, validation and test part.

The last `horizon` rows before a border belong to no part: their targets lie behind the
border, so that no training target is ever a validation reading (docs/concepts.md, "Leakage").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rnnedge_runtime.errors import DataError

VALIDATION_FRACTION = 0.1
TEST_FRACTION = 0.2


@dataclass(frozen=True, slots=True)
class Parts:
    """Row ranges of one series: forecasts are made (and scored) from these rows."""

    train: range
    validation: range
    test: range


def split_rows(
    num_rows: int,
    horizon: int,
    validation_fraction: float = VALIDATION_FRACTION,
    test_fraction: float = TEST_FRACTION,
) -> Parts:
    """The parts of a series of `num_rows` rows; a part may be empty.

    Args:
        num_rows: T, rows of the series.
        horizon: furthest step ahead that is forecast.
        validation_fraction: share of the rows before the test part.
        test_fraction: share of the last rows.
    """
    test = int(num_rows * (1 - test_fraction) + 1e-9)
    validation = int(num_rows * (1 - test_fraction - validation_fraction) + 1e-9)
    return Parts(
        train=range(max(0, validation - horizon)),
        validation=range(validation, max(validation, test - horizon)),
        test=range(test, max(test, num_rows - horizon)),
    )


def check_parts(
    parts: Sequence[Parts], longest: int, horizon: int, *, where: str
) -> None:
    """Raise DataError unless every part has at least one row in some series.

    Args:
        parts: of every series.
        longest: rows of the longest series.
        horizon: furthest step ahead that is forecast.
        where: name of the data, for the message.
    """
    for name in ("train", "validation", "test"):
        if not any(len(getattr(part, name)) for part in parts):
            smallest = min(VALIDATION_FRACTION, TEST_FRACTION)
            needed = int((horizon + 1) / smallest) + 1
            raise DataError(
                f"{where}: the longest series has {longest} rows, too few for horizon "
                f"{horizon}: none is left for the {name} part, expected {needed} or more. "
                "Give more data or a shorter --horizon."
            )
