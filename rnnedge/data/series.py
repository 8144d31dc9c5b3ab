"""What training reads: one or several series of readings on a common time grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Series:
    """The readings of one device, one row per slot of the grid.

    Attributes:
        name: value of the series column, stem of the file, `<stem>/<value>` for a series
            column in several files, or "".
        time: `[T]` Unix seconds UTC of the slots; None when rows are just one step apart.
        values: `[T, C]` readings in their units, NaN where missing, never infinite.
        is_reading: `[T]` False in slots for which the table has no row.
    """

    name: str
    time: NDArray[np.int64] | None
    values: NDArray[np.float32]
    is_reading: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Series with the same columns and the same sampling period.

    Attributes:
        source: the table or tables, as text for messages.
        columns: C names: the features, then the targets that are not features.
        units: unit of each column, "" when unknown.
        features: columns that are inputs.
        targets: columns to forecast.
        series: at least one.
        sample_period_s: time between rows; None when the table has no time.
        notes: what was found and mended, one sentence each, with row numbers.
    """

    source: str
    columns: tuple[str, ...]
    units: tuple[str, ...]
    features: tuple[str, ...]
    targets: tuple[str, ...]
    series: tuple[Series, ...]
    sample_period_s: float | None
    notes: tuple[str, ...]
