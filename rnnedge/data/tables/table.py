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
from dataclasses import dataclass
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

CSV_SUFFIXES = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
PARQUET_SUFFIXES = (".parquet", ".pq")


@dataclass(frozen=True, eq=False)
class Table:
    """Named columns of equal length; rows count from 1.

    Attributes:
        where: the file as it was named, or "table"; the start of messages.
        stem: the file's name without folder and ending, or "".
        columns: polars Series by name, in the order of the table.
    """

    where: str
    stem: str
    columns: dict[str, pl.Series]

    @property
    def names(self) -> list[str]:
        return list(self.columns)

    @property
    def num_rows(self) -> int:
        return len(next(iter(self.columns.values())))


def _polars() -> Any:
    return require("polars", extra="train", purpose="Reading a table")


def read_table(path: Path) -> Table:
    """Read a CSV or Parquet file.

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
    if name.endswith(CSV_SUFFIXES):
        columns = _read_csv(path)
    elif name.endswith(PARQUET_SUFFIXES):
        columns = _read_parquet(path)
    else:
        known = ", ".join(CSV_SUFFIXES + PARQUET_SUFFIXES)
        raise DataError(
            f"{path}: the ending '{path.suffix}' is not one of {known}. "
            "Save the readings as CSV or Parquet, or rename the file."
        )
    stem = Path(path.name.removesuffix(".gz")).stem
    return _with_rows(Table(str(path), stem, columns))


def table_from_frame(frame: Any) -> Table:
    """A table from a polars or pandas data frame or a mapping of names to columns.

    The index of a pandas frame becomes its first column when it has a name or holds times.

    Raises:
        DataError: it is none of these, or has no rows.
    """
    pl = _polars()
    if isinstance(frame, pl.DataFrame):
        return _with_rows(Table("table", "", {s.name: s for s in frame.get_columns()}))
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
    return _with_rows(Table("table", "", columns))


def _with_rows(table: Table) -> Table:
    if not table.columns:
        raise empty_error(where=table.where)
    if table.num_rows == 0:
        raise DataError(
            f"{table.where}: the table has the header {', '.join(table.names)} and no "
            "rows. Check that it was written completely."
        )
    return table


def _read_csv(path: Path) -> dict[str, pl.Series]:
    pl = _polars()
    text = _read_text(path)
    first = next((s for s in io.StringIO(text, "") if s.strip(CELL_PADDING)), None)
    if first is None:
        raise empty_error(where=str(path))
    delimiter = sniff_delimiter(first)
    text = text[text.index(first) :]
    if '"' in text:
        names, columns = _split_quoted(text, delimiter, where=str(path))
    else:
        names, columns = _split_plain(text, delimiter, where=str(path))
    table: dict[str, Any] = {}
    for name, column in zip(names, columns, strict=True):
        table.setdefault(name, pl.Series(name, column, dtype=pl.String))
    return table


def _read_text(path: Path) -> str:
    try:
        raw = path.read_bytes()
        if path.name.lower().endswith(".gz"):
            raw = gzip.decompress(raw)
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(path, error) from None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise not_utf8_error(where=str(path), byte=byte) from None


def _unreadable(path: Path, error: Exception) -> DataError:
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


def _read_parquet(path: Path) -> dict[str, pl.Series]:
    pl = _polars()
    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _unreadable(path, error) from None
    return {series.name: series for series in frame.get_columns()}


@dataclass(frozen=True, eq=False)
class Numbers:
    """A column as numbers, and the first cell that is none.

    Attributes:
        values: `[N]` float32, NaN where missing, infinite or text.
        num_texts: cells that are text.
        first_text: row (from 1) and text of the first of them.
    """

    values: NDArray[np.float32]
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
        return Numbers(_float32(column.cast(pl.Float64)))
    present = column.is_not_null()
    row = present.arg_max() or 0
    values = np.full(len(column), np.nan, dtype=np.float32)
    if not present.any():
        return Numbers(values)
    return Numbers(values, int(present.sum()), (row + 1, str(column[row])))


def _float32(column: pl.Series) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        values = column.to_numpy().astype(np.float32)
    values[~np.isfinite(values)] = np.nan
    return values


def _numbers_of_text(column: pl.Series) -> Numbers:
    pl = _polars()
    text = column.fill_null("").str.strip_chars(CELL_PADDING)
    parsed = text.cast(pl.Float64, strict=False)
    is_other = ~parsed.is_finite().fill_null(False)
    values = _float32(parsed)
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
        with np.errstate(over="ignore"):
            mended = np.array(
                [np.nan if value is None else value for value in found], np.float32
            )
        values[others] = np.where(np.isfinite(mended), mended, np.nan)
    return Numbers(values, texts, first_text)


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
