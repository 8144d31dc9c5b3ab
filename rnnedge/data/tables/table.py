"""Tables from files and data frames, and the numbers and texts in their columns.

A column of text means what `rnnedge_runtime.tables.text.cell_text` says, cell by cell, so
that a device reading the same file row by row sees the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import DataError, require
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.text.cell_text import empty_error
from rnnedge_runtime.tables.text.number_rules import NumberFormat, NumberRules
from rnnedge_runtime.tables.timestamps import CELL_PADDING

from .values.numbers import Numbers, numbers
from .values.resolved import dialect_options
from .values.text import read_text_table, text_of_file

if TYPE_CHECKING:
    import polars as pl

T = TypeVar("T")

__all__ = ["Numbers", "Table", "numbers", "read_table", "table_of_text", "texts"]


@dataclass(frozen=True, eq=False)
class Table:
    """Named columns of equal length; rows count from 1.

    Attributes:
        where: the file as it was named, or "table"; the start of messages.
        stem: the file's name without folder and ending, or "".
        columns: polars Series by name, in the order of the table.
        units: unit by column name, where the table tells.
        notes: what was found and mended while reading it.
        rules: how the numbers in its columns of text are read.
        formats: of the numbers, by column name, where it is known.
        series: column that tells the series of a row apart, where the table tells.
        found: how its text is written, as fields of `TableOptions`.
    """

    where: str
    stem: str
    columns: dict[str, pl.Series]
    units: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    rules: NumberRules | None = None
    formats: Mapping[str, NumberFormat] = field(default_factory=dict)
    series: str | None = None
    found: Mapping[str, Any] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return list(self.columns)

    @property
    def num_rows(self) -> int:
        return len(next(iter(self.columns.values())))

    def numbers(self, name: str) -> Numbers:
        """The numbers of a column, as the format of its cells says.

        Raises:
            DataError: a number has two readings and nothing decides between them.
        """
        return numbers(
            self.columns[name],
            rules=self.rules or NumberRules(self.where),
            format=self.formats.get(name, NumberFormat()),
        )


def read_table(path: Path, options: TableOptions | None = None) -> Table:
    """Read a table of text.

    Raises:
        DataError: the file is unreadable or without rows.
    """
    stem = Path(path.name.removesuffix(".gz")).stem
    pieces, encoding = text_of_file(path, options)
    table = table_of_text(pieces, where=str(path), stem=stem, options=options)
    return replace(
        table,
        notes=(encoding.note, *table.notes) if encoding.note else table.notes,
        found={"encoding": encoding.name, **table.found},
    )


def with_rows(table: Table) -> Table:
    """`table`, or DataError when it has no columns or no rows."""
    if not table.columns:
        raise empty_error(where=table.where)
    if table.num_rows == 0:
        raise DataError(
            f"{table.where}: the table has the header {', '.join(table.names)} and no "
            "rows. Check that it was written completely."
        )
    return table


def table_of_text(
    text: str | Iterator[str],
    *,
    where: str,
    stem: str,
    options: TableOptions | None = None,
) -> Table:
    """The table in a text, whole or in pieces cut anywhere.

    Raises:
        DataError: the text is no table, or has no rows.
    """
    pieces = iter([text]) if isinstance(text, str) else text
    dialect, columns, notes = read_text_table(pieces, where=where, options=options)
    table = Table(
        where,
        stem,
        columns,
        units={n: u for n, u in zip(dialect.names, dialect.units, strict=True) if u},
        notes=notes,
        rules=dialect.rules,
        formats=dict(zip(dialect.names, dialect.formats, strict=True)),
        found=dialect_options(dialect),
    )
    return with_rows(table)


def rows_of_each(cells: Iterable[T]) -> dict[T, NDArray[np.int64]]:
    """Positions of the rows that hold a cell, by cell, in the order of appearance."""
    number_of: dict[T, int] = {}
    numbers = np.fromiter(
        (number_of.setdefault(cell, len(number_of)) for cell in cells), np.int64
    )
    borders = np.cumsum(np.bincount(numbers, minlength=len(number_of)))[:-1]
    positions = np.split(np.argsort(numbers, kind="stable"), borders)
    return dict(zip(number_of, positions, strict=True))


def texts(column: pl.Series) -> list[str]:
    """The cells as text without padding; times in ISO 8601 UTC, missing cells empty."""
    pl = require("polars", extra="train", purpose="Reading a table")
    if isinstance(column.dtype, pl.Datetime):
        if column.dtype.time_zone is not None:
            column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        column = column.dt.cast_time_unit("us")
        column = column.dt.to_string("%Y-%m-%dT%H:%M:%S%.6f")
    elif column.dtype != pl.String:
        column = pl.Series(
            [None if cell is None else str(cell) for cell in column.to_list()],
            dtype=pl.String,
        )
    return column.fill_null("").str.strip_chars(CELL_PADDING).to_list()
