"""Rows that name their cells (JSON, SenML, InfluxDB) as tables, and tables as such rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rnnedge_runtime.errors import require
from rnnedge_runtime.tables.layouts.registry import Objects
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.text.number_rules import NumberFormat, table_rules

from ..table import Table
from ..times import time_cells

if TYPE_CHECKING:
    import polars as pl


def table_of_objects(
    objects: Objects, *, where: str, stem: str, options: TableOptions
) -> Table:
    """The table of all names in the rows; a cell that a row lacks is missing."""
    rows = list(objects.rows)
    names = dict.fromkeys(name for row in rows for name in row)
    columns = {name: _column(name, [row.get(name) for row in rows]) for name in names}
    rules = table_rules(options, list(columns), where=where)
    formats = dict.fromkeys(columns, NumberFormat(rules.decimal))
    return Table(
        where, stem, columns, units=objects.units, rules=rules, formats=formats
    )


def _column(name: str, cells: list[Any]) -> pl.Series:
    polars = require("polars", extra="train", purpose="Reading a table")
    kinds = {type(cell) for cell in cells} - {type(None)}
    if kinds <= {bool}:
        return polars.Series(name, cells, dtype=polars.Boolean)
    if kinds <= {bool, int, float}:
        is_whole = kinds == {int} and all(
            cell is None or abs(cell) < 2**63 for cell in cells
        )
        dtype = polars.Int64 if is_whole else polars.Float64
        numbers = [None if cell is None else _number(cell, is_whole) for cell in cells]
        return polars.Series(name, numbers, dtype=dtype)
    texts = [
        cell if cell is None or isinstance(cell, str) else json.dumps(cell)
        for cell in cells
    ]
    return polars.Series(name, texts, dtype=polars.String)


def _number(cell: float, is_whole: bool) -> float:
    if is_whole:
        return cell
    return float(cell) if abs(cell) < 1e300 else float("nan")


def json_lines(table: Table) -> Iterator[str]:
    """One JSON object a row, for a stream: numbers as numbers, other cells as their text."""
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
