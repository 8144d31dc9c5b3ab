"""Tables from files and data frames, and the numbers and texts in their columns.

A column of text means what `rnnedge_runtime.tables.cell_text` says, cell by cell, so
that a device reading the same file row by row sees the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnedge_runtime.errors import DataError, require
from rnnedge_runtime.tables.cell_text import empty_error
from rnnedge_runtime.tables.number_rules import NumberFormat, NumberRules
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.timestamps import CELL_PADDING

from .numbers import Numbers, numbers
from .text import read_text_table, text_of_file, unreadable

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Numbers", "Table", "numbers", "read_table", "table_from_frame", "texts"]

_TEXT = (".csv", ".tsv", ".tab", ".txt", ".dat", ".log")
CSV_SUFFIXES = (*_TEXT, *(f"{ending}.gz" for ending in _TEXT))
PARQUET_SUFFIXES = (".parquet", ".pq")


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
    """

    where: str
    stem: str
    columns: dict[str, pl.Series]
    units: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    rules: NumberRules | None = None
    formats: Mapping[str, NumberFormat] = field(default_factory=dict)

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


def _polars() -> Any:
    return require("polars", extra="train", purpose="Reading a table")


def read_table(path: Path, options: TableOptions | None = None) -> Table:
    """Read a CSV or Parquet file.

    Args:
        path: of the file.
        options: how its text is written, where that is not to be found out.

    Raises:
        DataError: the file is missing, of another kind, unreadable or without rows.
    """
    name = path.name.lower()
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "does not exist"
        raise DataError(
            f"{path}: the file {found}, expected a table of readings. "
            "Give a CSV or Parquet file, or a pattern such as 'data/*.csv'."
        )
    stem = Path(path.name.removesuffix(".gz")).stem
    if name.endswith(CSV_SUFFIXES):
        pieces, notes = text_of_file(path, options)
        return _table_of_pieces(
            pieces, notes, where=str(path), stem=stem, options=options
        )
    if name.endswith(PARQUET_SUFFIXES):
        return with_rows(Table(str(path), stem, _read_parquet(path)))
    known = ", ".join(CSV_SUFFIXES + PARQUET_SUFFIXES)
    raise DataError(
        f"{path}: the ending '{path.suffix}' is not one of {known}. "
        "Save the readings as CSV or Parquet, or rename the file."
    )


def table_from_frame(frame: Any) -> Table:
    """A table from a polars or pandas data frame or a mapping of names to columns.

    The index of a pandas frame becomes its first column when it has a name or holds times.

    Raises:
        DataError: it is none of these, or has no rows.
    """
    pl = _polars()
    if isinstance(frame, pl.DataFrame):
        return with_rows(Table("table", "", {s.name: s for s in frame.get_columns()}))
    if hasattr(frame, "columns") and hasattr(frame, "reset_index"):
        if frame.index.name is not None or frame.index.dtype.kind == "M":
            frame = frame.reset_index()
        frame = {str(name): frame[name].tolist() for name in frame.columns}
    if not isinstance(frame, Mapping):
        raise DataError(
            f"table: a {type(frame).__name__} is not a table. Give the path of a file, "
            "a list of paths, a polars or pandas data frame or a dict of columns."
        )
    columns = {
        name: pl.Series(name, column, strict=False, nan_to_null=True)
        for name, column in frame.items()
    }
    return with_rows(Table("table", "", columns))


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
    text: str, *, where: str, stem: str, options: TableOptions | None = None
) -> Table:
    """The table in a text.

    Raises:
        DataError: the text is no table, or has no rows.
    """
    return _table_of_pieces(iter([text]), (), where=where, stem=stem, options=options)


def read_text(path: Path, options: TableOptions | None = None) -> str:
    """The text of a file, gzipped if its name ends in .gz.

    Raises:
        DataError: it cannot be read, or is of another encoding.
    """
    return "".join(text_of_file(path, options)[0])


def _table_of_pieces(
    pieces: Iterator[str],
    notes: tuple[str, ...],
    *,
    where: str,
    stem: str,
    options: TableOptions | None,
) -> Table:
    found = read_text_table(pieces, where=where, options=options)
    dialect = found.dialect
    table = Table(
        where,
        stem,
        found.columns,
        units={n: u for n, u in zip(dialect.names, dialect.units, strict=True) if u},
        notes=(*notes, *found.notes),
        rules=dialect.rules,
        formats=dict(zip(dialect.names, dialect.formats, strict=True)),
    )
    return with_rows(table)


def _read_parquet(path: Path) -> dict[str, pl.Series]:
    pl = _polars()
    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise unreadable(path, error) from None
    return {series.name: series for series in frame.get_columns()}


def texts(column: pl.Series) -> list[str]:
    """The cells as text without padding; times in ISO 8601 UTC, missing cells empty."""
    pl = _polars()
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
