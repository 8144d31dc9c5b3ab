"""Tables of text as columns: the rows that `RowFilter` means, taken apart many at a time.

A file is read in pieces, so that no more of it than the cells is held at once. Pieces with
quotes that a pattern cannot take apart go through the CSV reader of the device.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import itertools
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from rnnedge_runtime.errors import DataError, require
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.text import records
from rnnedge_runtime.tables.text.cell_text import empty_error
from rnnedge_runtime.tables.text.dialect import HEAD_LINES, Dialect, find_dialect
from rnnedge_runtime.tables.text.encoding import (
    HEAD_BYTES,
    Encoding,
    find_encoding,
    undecodable_error,
)
from rnnedge_runtime.tables.timestamps import CELL_PADDING

from .progress import tell_progress

if TYPE_CHECKING:
    import polars as pl

PIECE_BYTES = 1 << 23
_ROWS_AT_ONCE = 50_000
_MAX_PATTERN_WIDTH = 60


def _polars() -> Any:
    return require("polars", extra="train", purpose="Reading a table")


def text_of_file(
    path: Path, options: TableOptions | None = None
) -> tuple[Iterator[str], Encoding]:
    """The text of a file in pieces, gzipped if its name ends in .gz; and its encoding.

    Raises:
        DataError: it cannot be read, or, while it is read, is of another encoding.
    """
    where = str(path)
    given = options.encoding if options else None
    try:
        with _opened(path) as file:
            head = file.read(HEAD_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from None
    encoding = find_encoding(head, where=where, given=given)
    return _decoded(path, encoding.name), encoding


def _opened(path: Path) -> IO[bytes]:
    if path.name.lower().endswith(".gz"):
        return cast(IO[bytes], gzip.open(path, "rb"))
    return path.open("rb")


def _decoded(path: Path, encoding: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with _opened(path) as file:
            num_read = 0
            while raw := file.read(PIECE_BYTES):
                num_read += len(raw)
                tell_progress(path, num_read)
                yield decoder.decode(raw)
            yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise undecodable_error(error, where=str(path)) from None
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from None


def unreadable(path: Path, error: Exception) -> DataError:
    """The error of a file that a reader gives up on."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return DataError(
        f"{path}: the file cannot be read: {reason}. Check that it is complete, that its "
        "ending tells what it is, and that you may read it."
    )


def read_text_table(
    pieces: Iterable[str], *, where: str, options: TableOptions | None = None
) -> tuple[Dialect, dict[str, pl.Series], tuple[str, ...]]:
    """How a text in pieces is written, the text cells of its columns by name, and notes.

    Of columns without a name there is only the first.

    Raises:
        DataError: it is no table; the message names the row.
    """
    pl = _polars()
    whole = _whole_lines(pieces)
    head: list[str] = []
    start: list[str] = []
    while len(head) < HEAD_LINES and (piece := next(whole, None)) is not None:
        start.append(piece)
        head += itertools.islice(io.StringIO(piece, newline=""), HEAD_LINES - len(head))
    if not any(line.strip(CELL_PADDING + "\ufeff") for line in head):
        raise empty_error(where=where)
    dialect = find_dialect(head, where=where, options=options)
    first = "".join(start)
    first = first[sum(map(len, head[: dialect.num_lines])) :]
    rows = _Rows(dialect.shape, where)
    for piece in itertools.chain([first], whole):
        if not rows.add(piece):
            rows.add_slowly(itertools.chain([piece], whole))
            break
    rows.end()
    columns: dict[str, Any] = {}
    for name, parts in zip(dialect.names, rows.columns, strict=True):
        if name not in columns:
            series = pl.concat(parts) if parts else pl.Series(dtype=pl.String)
            columns[name] = series.alias(name)
    return dialect, columns, (*dialect.notes, *rows.notes)


def _whole_lines(pieces: Iterable[str]) -> Iterator[str]:
    """The text in pieces that end where a line ends."""
    rest: list[str] = []
    for piece in pieces:
        cut = piece.rfind("\n") + 1
        if not cut and "\r" in piece[:-1]:
            cut = piece.rfind("\r", 0, len(piece) - 1) + 1
        if not cut:
            rest.append(piece)
            continue
        yield "".join((*rest, piece[:cut]))
        rest = [piece[cut:]]
    if any(rest):
        yield "".join(rest)


class _Rows:
    """Rows taken apart so far: parts of the columns, in the order of the table.

    What is held are lines at the end of the last piece that are rows only if others follow.
    """

    def __init__(self, shape: records.RowShape, where: str) -> None:
        self.shape = shape
        self.where = where
        self.columns: list[list[pl.Series]] = [[] for _ in shape.header]
        self.notes: list[str] = []
        self.num_rows = 0
        self.held: list[str] = []

    def add(self, text: str) -> bool:
        """Take the rows of a piece; False where only the CSV reader can.

        Raises:
            DataError: a row before another one has too few or too many cells.
        """
        pl = _polars()
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        lines = text.split("\n")
        if not lines[-1]:
            lines.pop()
        if self.held:
            lines = [*self.held, *lines]
        found = _take_apart(pl.Series(lines, dtype=pl.String), self.shape)
        if found is None:
            return False
        self.held = []
        last = found.is_row.arg_true()
        num_kept = int(last[-1]) + 1 if len(last) else 0
        if found.is_ragged.head(num_kept).any() or len(found.lines) - num_kept > (
            records.MAX_LEFT_OUT
        ):
            self.held = found.lines.to_list()
            self.end()
        self.held = found.lines.slice(num_kept).to_list()
        self.num_rows += num_kept
        for parts, column in zip(self.columns, found.cells, strict=True):
            parts.append(column.head(num_kept))
        return True

    def add_slowly(self, pieces: Iterable[str]) -> None:
        """Take the rows of all pieces that are left, with the CSV reader.

        Raises:
            DataError: a row has too few or too many cells, or is not CSV.
        """
        pl = _polars()
        held = "".join(f"{line}\n" for line in self.held)
        self.held = []
        lines = itertools.chain.from_iterable(
            io.StringIO(piece, newline="") for piece in itertools.chain([held], pieces)
        )
        filter = records.RowFilter(self.shape, where=self.where, num_rows=self.num_rows)
        rows = filter.rows(records.split_rows(lines, self.shape))
        while batch := list(itertools.islice(rows, _ROWS_AT_ONCE)):
            self.num_rows += len(batch)
            for parts, cells in zip(
                self.columns, zip(*batch, strict=True), strict=True
            ):
                parts.append(pl.Series(cells, dtype=pl.String))
        self.notes += filter.notes

    def end(self) -> None:
        """Account for the lines that are held: all rows are there.

        Raises:
            DataError: they cannot be left out.
        """
        if self.held:
            self.add_slowly([])


@dataclass(frozen=True, eq=False)
class _Parts:
    """Lines that are no comments and not empty, in order, and their cells.

    Attributes:
        lines: the lines.
        is_row: they have a cell for each column and do not start like a footer.
        is_ragged: they have too few or too many.
        cells: of each column.
    """

    lines: pl.Series
    is_row: pl.Series
    is_ragged: pl.Series
    cells: list[pl.Series]


def _take_apart(lines: pl.Series, shape: records.RowShape) -> _Parts | None:
    """The cells of whole lines; None where the quotes in them need a CSV reader."""
    pl = _polars()
    width, delimiter = shape.width, shape.delimiter
    has_quotes = bool(lines.str.contains('"', literal=True).any())
    if shape.fills_rows or (lines.str.len_bytes() > csv.field_size_limit()).any():
        return None
    if delimiter == records.BLANKS:
        if has_quotes:
            return None
        if shape.joins_clock:
            lines = lines.str.replace_all(
                records.CLOCK_APART, f"${{1}}{records.JOINT}${{2}}"
            )
        lines = lines.str.replace_all("[ \t\u00a0\r\n]+", " ").str.strip_chars(" ")
    quote = '"' if has_quotes else ""
    if width == 1:
        lines = lines.filter(lines != "")
    else:
        text = lines.str.strip_chars(CELL_PADDING + delimiter + quote)
        lines = lines.filter(text != "")
    if shape.above:
        text = lines.str.strip_chars(CELL_PADDING)
        lines = lines.filter(~text.is_in(list(shape.above)))
    if shape.has_comments:
        lines = _without_comments(lines, shape)
    if has_quotes and not _is_simple(lines, delimiter):
        cells = _by_pattern(lines, shape)
        if cells is None:
            return None
        is_ragged = pl.repeat(False, len(lines), dtype=pl.Boolean, eager=True)
    else:
        num = lines.str.count_matches(delimiter, literal=True) + 1
        if (num > width).any():
            cut = lines.str.strip_chars_end(CELL_PADDING + delimiter + quote)
            num_full = cut.str.count_matches(delimiter, literal=True) + 1
            num = pl.select(
                pl.when((num > width) & (num_full <= width)).then(width).otherwise(num)
            ).to_series()
        is_ragged = num != width
        cells = [lines]
        if width > 1:
            split = lines.str.split_exact(delimiter, width - 1).struct
            cells = split.unnest().fill_null("").get_columns()
        if has_quotes:
            cells = [cell.str.replace(r'^ *"([^"]*)"', "$1") for cell in cells]
    if shape.joins_clock:
        cells = [
            cell.str.replace_all(records.JOINT, " ", literal=True) for cell in cells
        ]
    return _without_headers(lines, is_ragged, cells, shape)


def _without_comments(lines: pl.Series, shape: records.RowShape) -> pl.Series:
    pl = _polars()
    start = lines.str.strip_chars_start(CELL_PADDING + '"')
    starts = start.str.starts_with("#").arg_true()
    if not len(starts):
        return lines
    keep = [True] * len(lines)
    for k in starts.to_list():
        cells = next(iter(records.split_lines([lines[k]], shape.delimiter)), [""])
        keep[k] = not records.is_comment(cells[0])
    return lines.filter(pl.Series(keep, dtype=pl.Boolean))


def _is_simple(lines: pl.Series, delimiter: str) -> bool:
    """Whether all quotes stand around cells without quotes or delimiters in them."""
    mark = re.escape(delimiter)
    cell = f'(?: *"[^"{mark}]*"[^"{mark}]*|[^"{mark}]*)'
    return bool(lines.str.contains(f"^{cell}(?:{mark}{cell})*$").all())


def _by_pattern(lines: pl.Series, shape: records.RowShape) -> list[pl.Series] | None:
    """The cells of lines with delimiters or quotes in quotes; None if one does not fit."""
    if shape.width > _MAX_PATTERN_WIDTH or lines.is_empty():
        return None
    mark = re.escape(shape.delimiter)
    cell = f'(?: *"((?:[^"]|"")*)" *|([^"{mark}]*))'
    pattern = f"^{mark.join([cell] * shape.width)}[{mark} ]*$"
    if not lines.str.contains(pattern).all():
        return None
    groups = lines.str.extract_groups(pattern).struct
    names = groups.fields
    cells = []
    for k in range(shape.width):
        quoted, bare = groups.field(names[2 * k]), groups.field(names[2 * k + 1])
        quoted = quoted.str.replace_all('""', '"', literal=True)
        cells.append(quoted.zip_with(quoted.is_not_null(), bare))
    return cells


def _without_headers(
    lines: pl.Series,
    is_ragged: pl.Series,
    cells: list[pl.Series],
    shape: records.RowShape,
) -> _Parts:
    """Leave the header out where it comes once more, and tell the footers from rows."""
    first = cells[0].str.strip_chars(CELL_PADDING)
    is_header = (first == shape.header[0]) & ~is_ragged
    if is_header.any():
        for column, name in zip(cells, shape.header, strict=True):
            is_header &= column.str.strip_chars(CELL_PADDING) == name
    if is_header.any():
        lines, is_ragged = lines.filter(~is_header), is_ragged.filter(~is_header)
        cells = [column.filter(~is_header) for column in cells]
        first = first.filter(~is_header)
    is_row = ~is_ragged
    if shape.has_footers:
        words = first.str.strip_chars_end(":").str.to_lowercase()
        is_row &= ~words.is_in(sorted(records.FOOTERS))
    return _Parts(lines, is_row, is_ragged, cells)
