"""Tables from files and data frames, and the numbers and texts in their columns.

A column of text means what `rnnedge_runtime.tables.cell_text` says, cell by cell, so
that a device reading the same file row by row sees the same numbers.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import DataError, require
from rnnedge_runtime.tables.cell_text import (
    csv_cells,
    empty_error,
    header_names,
    is_blank_row,
    not_csv_error,
    parse_reading,
    ragged_error,
    sniff_delimiter,
)
from rnnedge_runtime.tables.rows import not_utf8_error
from rnnedge_runtime.tables.timestamps import CELL_PADDING

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, eq=False)
class Table:
    """Named columns of equal length; rows count from 1.

    Attributes:
        where: the file as it was named, or "table"; the start of messages.
        stem: the file's name without folder and ending, or "".
        columns: polars Series by name, in the order of the table.
        units: unit by column name, where the table tells.
        notes: what was found and mended while reading it.
        series: column that tells the series of a row apart, where the table tells.
    """

    where: str
    stem: str
    columns: dict[str, pl.Series]
    units: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    series: str | None = None

    @property
    def names(self) -> list[str]:
        return list(self.columns)

    @property
    def num_rows(self) -> int:
        return len(next(iter(self.columns.values())))


def _polars() -> Any:
    return require("polars", extra="train", purpose="Reading a table")


def read_table(path: Path) -> Table:
    """Read a table of text.

    Raises:
        DataError: the file is unreadable or without rows.
    """
    stem = Path(path.name.removesuffix(".gz")).stem
    return table_of_text(read_text(path), where=str(path), stem=stem)


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


def table_of_text(text: str, *, where: str, stem: str) -> Table:
    """The table in a text with a header line.

    Raises:
        DataError: the text is no table, or has no rows.
    """
    pl = _polars()
    first = next((s for s in io.StringIO(text, "") if s.strip(CELL_PADDING)), None)
    if first is None:
        raise empty_error(where=where)
    delimiter = sniff_delimiter(first)
    text = text[text.index(first) :]
    if '"' in text:
        names, columns = _split_quoted(text, delimiter, where=where)
    else:
        names, columns = _split_plain(text, delimiter, where=where)
    table: dict[str, Any] = {}
    for name, column in zip(names, columns, strict=True):
        table.setdefault(name, pl.Series(name, column, dtype=pl.String))
    return with_rows(Table(where, stem, table))


def read_text(path: Path) -> str:
    """The text of a file, gzipped if its name ends in .gz.

    Raises:
        DataError: it cannot be read, or is of another encoding.
    """
    try:
        raw = path.read_bytes()
        if path.name.lower().endswith(".gz"):
            raw = gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise not_utf8_error(where=str(path), byte=byte) from None


def unreadable(path: Path, error: Exception) -> DataError:
    """The error of a file that a reader gives up on."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return DataError(
        f"{path}: the file cannot be read: {reason}. Check that it is complete, that its "
        "ending tells what it is, and that you may read it."
    )


def _split_plain(
    text: str, delimiter: str, *, where: str
) -> tuple[list[str], Sequence[Any]]:
    """Columns of a text without quotes, where each delimiter ends a cell."""
    pl = _polars()
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    header, *lines = text.split("\n")
    names = header_names(header.split(delimiter), where=where)
    width = len(names)
    table = pl.Series(lines, dtype=pl.String)
    if width == 1:
        return names, [table.filter(table != "")]
    has_width = table.str.count_matches(delimiter, literal=True) == width - 1
    table = table.filter(has_width | (table.str.strip_chars(CELL_PADDING) != ""))
    cells = table.str.count_matches(delimiter, literal=True) + 1
    ragged = (cells != width).arg_true()
    if len(ragged):
        row = int(ragged[0])
        raise ragged_error(
            where=where, row=row + 1, found=int(cells[row]), expected=width
        )
    split = table.str.split_exact(delimiter, width - 1).struct
    return names, [split.field(field) for field in split.fields]


def _split_quoted(
    text: str, delimiter: str, *, where: str
) -> tuple[list[str], Sequence[Any]]:
    table = csv_cells(io.StringIO(text, newline=""), delimiter)
    rows: list[list[str]] = []
    try:
        names = header_names(next(table), where=where)
        for row in table:
            if is_blank_row(row, len(names)):
                continue
            rows.append(row)
            if len(row) != len(names):
                raise ragged_error(
                    where=where, row=len(rows), found=len(row), expected=len(names)
                )
    except csv.Error as error:
        raise not_csv_error(where=where, row=len(rows) + 1, reason=str(error)) from None
    return names, [list(column) for column in zip(*rows, strict=True)] or [
        [] for _ in names
    ]


@dataclass(frozen=True, eq=False)
class Numbers:
    """A column as numbers, and the first cell that is none.

    Attributes:
        values: `[N]` float64, NaN where missing, text or infinite once rounded to float32.
        num_texts: cells that are text.
        first_text: row (from 1) and text of the first of them.
    """

    values: NDArray[np.float64]
    num_texts: int = 0
    first_text: tuple[int, str] | None = None

    @property
    def is_mostly_numbers(self) -> bool:
        return int(np.isfinite(self.values).sum()) > self.num_texts


def numbers(column: pl.Series) -> Numbers:
    """The numbers of a column: numeric types as they are, text as `parse_reading` says."""
    pl = _polars()
    if column.dtype in (pl.Categorical, pl.Enum):
        column = column.cast(pl.String)
    if column.dtype == pl.String:
        return _numbers_of_text(column)
    if (
        column.dtype == pl.Null
        or column.dtype.is_numeric()
        or column.dtype == pl.Boolean
    ):
        return Numbers(_float64(column.cast(pl.Float64)))
    present = column.is_not_null()
    row = present.arg_max() or 0
    values = np.full(len(column), np.nan)
    if not present.any():
        return Numbers(values)
    return Numbers(values, int(present.sum()), (row + 1, str(column[row])))


def _float64(column: pl.Series) -> NDArray[np.float64]:
    return _finite(column.to_numpy().astype(np.float64))


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """NaN for what float32 holds as infinity."""
    with np.errstate(over="ignore"):
        values[~np.isfinite(values.astype(np.float32))] = np.nan
    return values


def _numbers_of_text(column: pl.Series) -> Numbers:
    pl = _polars()
    text = column.fill_null("").str.strip_chars(CELL_PADDING)
    parsed = text.cast(pl.Float64, strict=False)
    is_other = ~parsed.is_finite().fill_null(False)
    values = _float64(parsed)
    texts = 0
    first_text = None
    others = is_other.arg_true().to_numpy()
    if len(others):
        words = text.gather(others).to_list()
        meaning = {word: parse_reading(word) for word in set(words)}
        found = [meaning[word] for word in words]
        bad = [k for k, value in enumerate(found) if value is None]
        texts = len(bad)
        if bad:
            row = int(others[bad[0]])
            first_text = (row + 1, str(column[row]))
        mended = [np.nan if value is None else value for value in found]
        values[others] = _finite(np.array(mended, dtype=np.float64))
    return Numbers(values, texts, first_text)


def texts(column: pl.Series) -> list[str]:
    """The cells as text without padding; times in ISO 8601 UTC, missing cells empty."""
    pl = _polars()
    if isinstance(column.dtype, pl.Datetime):
        end = "" if column.dtype.time_zone is None else "Z"
        if end:
            column = column.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        column = column.dt.cast_time_unit("us")
        column = column.dt.to_string(f"%Y-%m-%dT%H:%M:%S%.6f{end}")
    elif column.dtype != pl.String:
        column = pl.Series(
            [None if cell is None else str(cell) for cell in column.to_list()],
            dtype=pl.String,
        )
    return column.fill_null("").str.strip_chars(CELL_PADDING).to_list()
