"""Tables without a time that hold several series one after another, each counted anew."""

from __future__ import annotations

import shlex

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import DataError

from .table import Table

MOST_COLUMNS = 12
"""Columns that are looked at, from the left."""

_MIN_ROWS = 10  # of a series, on average


def restart_notes(table: Table) -> list[str]:
    """A note where one column counts 1, 2, 3 and starts anew whenever another changes."""
    columns = _whole_columns(table)
    for count, values in columns.items():
        steps = np.diff(values)
        restarts = np.flatnonzero(steps != 1)
        if not 0 < len(restarts) <= len(values) / _MIN_ROWS - 1:
            continue
        if np.any(values[restarts + 1] != values[0]) or values[0] not in (0, 1):
            continue
        for name, other in columns.items():
            if np.array_equal(np.flatnonzero(np.diff(other)), restarts):
                return [
                    f"{table.where}: column '{count}' starts anew at {values[0]:g} whenever "
                    f"'{name}' changes, {len(restarts):,} times. If each is a series of its "
                    f"own, give --series {shlex.quote(name)}."
                ]
    return []


def _whole_columns(table: Table) -> dict[str, NDArray[np.float64]]:
    """Columns of whole numbers without a gap."""
    found = {}
    for name in [name for name in table.names if name][:MOST_COLUMNS]:
        try:
            values = table.numbers(name).values
        except DataError:
            continue
        if len(values) and np.array_equal(values, np.floor(values)):
            found[name] = values
    return found
