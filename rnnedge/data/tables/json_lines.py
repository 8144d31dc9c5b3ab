"""Tables that only the workstation reads, as lines that a stream reads."""

from __future__ import annotations

import json
from collections.abc import Iterator

from .table import Table, texts


def json_lines(table: Table) -> Iterator[str]:
    """One JSON object a row: numbers as numbers, other cells as their text."""
    columns = []
    for name, column in table.columns.items():
        if column.dtype.is_numeric() and not column.dtype.is_decimal():
            cells = column.to_list()
        else:
            cells = [text or None for text in texts(column)]
        columns.append((json.dumps(name), cells))
    for k in range(table.num_rows):
        pairs = (f"{name}: {json.dumps(cells[k])}" for name, cells in columns)
        yield "{" + ", ".join(pairs) + "}\n"
