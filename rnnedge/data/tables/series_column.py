"""`--series A+B`: several columns that tell the series of a row apart, as one."""

from __future__ import annotations

import dataclasses

from rnnedge_runtime.errors import require
from rnnedge_runtime.tables.text.cell_text import check_columns

from .table import Table, texts

SEPARATOR = "+"


def with_joined_column(table: Table, series: str | None) -> Table:
    """A table with the column `A+B`, the cells of A and B joined by a slash.

    Raises:
        DataError: there is no column A or B.
    """
    if series is None or series in table.names or SEPARATOR not in series:
        return table
    names = series.split(SEPARATOR)
    check_columns(names, table.names, where=table.where, role="series")
    polars = require("polars", extra="train", purpose="Reading a table")
    cells = [texts(table.columns[name]) for name in names]
    joined = ["/".join(row) if all(row) else "" for row in zip(*cells, strict=True)]
    columns = {**table.columns, series: polars.Series(series, joined)}
    return dataclasses.replace(table, columns=columns)
