"""Tables that only the workstation reads, as lines that a stream reads."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ..table import Table
from ..times import time_cells


def json_lines(table: Table) -> Iterator[str]:
    """One JSON object a row: numbers as numbers, other cells as their text."""
    columns = []
    for name, column in table.columns.items():
        if column.dtype.is_numeric() and not column.dtype.is_decimal():
            cells = column.to_list()
        else:
            cells = [_plain(text) or None for text in time_cells(column)]
        columns.append((json.dumps(name), cells))
    for k in range(table.num_rows):
        pairs = (f"{name}: {json.dumps(cells[k])}" for name, cells in columns)
        yield "{" + ", ".join(pairs) + "}\n"


def _plain(text: str) -> str:
    """A text without microseconds that are none."""
    if text.endswith(".000000Z"):
        return text.removesuffix(".000000Z") + "Z"
    return text.removesuffix(".000000")
