"""From lines to rows of cells: quotes, runs of blanks, and what is no row at all.

What a line is to the device it is to training as well: `RowFilter` is the one meaning.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from ...errors import DataError
from ..held_out import OPEN_QUOTE, TOO_FEW, TOO_MANY, Fault, Line
from ..timestamps import CELL_PADDING
from .cell_text import MISSING_WORDS, csv_cells, not_csv_error, ragged_error

BLANKS = " "
"""The delimiter of tables with runs of blanks or tabs between the cells."""

MAX_LEFT_OUT = 10
"""Lines at the end of a table that may be something else than rows."""

FOOTERS = frozenset(
    """
    average avg mean median max maximum min minimum sum total totals std stddev count
    mittel mittelwert summe durchschnitt anzahl moyenne total: eof end
    """.split()  # noqa: SIM905
) | {"end of file", "end of data", "end of report"}
"""Words, in lower case, in the first cell of a line under the rows."""

JOINT = "\x1f"
CLOCK_APART = (
    r"([0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4})[ \t]+([0-9]{1,2}:[0-9]{2}[0-9:.,]*)"
)
"""A date and a clock time with blanks between them."""

STARTS_A_ROW = re.compile(r'[ \t]*"?[-+]?[0-9]')
"""What a line starts with that is a row rather than text: a number or a time."""

_BLANK_CELL = re.compile(r'"((?:[^"]|"")*)"|([^ \t\r\n]+)')


@dataclass(frozen=True, slots=True)
class RowShape:
    """What the rows of a table look like.

    Attributes:
        delimiter: one character, `BLANKS` for runs of blanks.
        header: cells of the header without padding, as many as columns.
        has_comments: lines that start with `#` are no rows.
        has_footers: a word of `FOOTERS` in the first cell is no reading.
        joins_clock: a date and the clock time after it are one cell, though blanks stand
            between all cells.
        above: lines above the rows, without padding, which are no rows when they come again.
        fills_rows: a row that starts with a number or a time may end early.
    """

    delimiter: str
    header: tuple[str, ...]
    has_comments: bool = True
    has_footers: bool = True
    joins_clock: bool = False
    above: tuple[str, ...] = ()
    fills_rows: bool = False

    @property
    def width(self) -> int:
        return len(self.header)


def split_lines(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """Cells of each line, with quotes; csv.Error where the CSV reader gives up."""
    if delimiter != BLANKS:
        return csv_cells(lines, delimiter)
    return (split_at_blanks(line) for line in lines)


def split_rows(lines: Iterable[str], shape: RowShape) -> Iterator[list[str]]:
    """Cells of each line of a table of this shape (`split_lines`)."""
    if not shape.joins_clock:
        return split_lines(lines, shape.delimiter)
    joined = split_lines((join_clock(line) for line in lines), shape.delimiter)
    return ([cell.replace(JOINT, " ") for cell in cells] for cells in joined)


def join_clock(line: str) -> str:
    """A line with `JOINT` instead of the blanks between a date and the clock time."""
    return re.sub(CLOCK_APART, rf"\1{JOINT}\2", line)


def split_at_blanks(line: str) -> list[str]:
    """Cells of a line with runs of blanks between them.

    Raises:
        csv.Error: the line is too long for the CSV reader as well.
    """
    if len(line) > csv.field_size_limit():
        raise csv.Error(f"field larger than field limit ({csv.field_size_limit()})")
    return [
        bare or quoted.replace('""', '"')
        for quoted, bare in _BLANK_CELL.findall(line.replace("\u00a0", " "))
    ]


def is_comment(cell: str) -> bool:
    """Whether the first cell of a line says that the line is a comment."""
    text = cell.strip(CELL_PADDING)
    return text.startswith("#") and text.lower() not in MISSING_WORDS


def is_empty(cells: Sequence[str], width: int) -> bool:
    """Whether a line holds no text; a quoted empty cell is one row of a single column."""
    if width == 1 and len(cells) == 1:
        return False
    return not any(cell.strip(CELL_PADDING) for cell in cells)


def check_quotes(cells: Sequence[str], delimiter: str, *, where: str, row: int) -> None:
    """Raise DataError where a cell holds rows, as its quote is not closed."""
    for cell in cells:
        for line in cell.splitlines()[1:]:
            if delimiter in line and STARTS_A_ROW.match(line):
                raise not_csv_error(
                    where=where,
                    row=row,
                    reason=f"a cell runs over several lines, '{line[:40]}' among them",
                )


def _bare(cell: str) -> str:
    return cell.strip(CELL_PADDING)


class RowFilter:
    """The rows of a table among its lines.

    Empty lines, comments and lines from above the rows once more are no rows. Empty cells
    beyond the last column do not count. Up to `MAX_LEFT_OUT` lines at the end that are cut
    short, or start with a word such as `Average`, are left out with a note.

    Args:
        num_rows: rows that came before.
    """

    def __init__(self, shape: RowShape, *, where: str, num_rows: int = 0) -> None:
        self.shape = shape
        self.notes: list[str] = []
        self._where = where
        self._num_rows = num_rows
        self._odd: list[list[str]] = []
        again = [tuple(cells) for cells in split_rows(shape.above, shape)]
        self._again = {shape.header, *(tuple(map(_bare, cells)) for cells in again)}
        self._starts = {cells[0] for cells in self._again if cells}

    def again(self) -> Iterator[Sequence[str]]:
        """Cells of the lines above the rows, which are no rows when they come again."""
        yield from self._again

    def passed(self, num_rows: int) -> None:
        """Say that so many rows came that were found elsewhere."""
        self._num_rows += num_rows

    def rows(self, records: Iterable[list[str]]) -> Iterator[list[str]]:
        """The rows among the records of a table.

        Raises:
            DataError: a row has too few or too many cells, or is not CSV.
        """
        try:
            for cells in records:
                row = self.row(cells)
                if row is None:
                    continue
                if self._is_footer(row):
                    self._hold(row)
                    continue
                for held in self._odd:
                    if len(held) != self.shape.width:
                        raise self._ragged(held)
                    self._num_rows += 1
                    yield held
                self._odd.clear()
                self._num_rows += 1
                yield row
        except csv.Error as error:
            raise self._not_csv(str(error)) from None
        self.end()

    def lines(self, records: Iterable[Line]) -> Iterator[Line]:
        """As `rows`, but a line that cannot be read comes with its fault.

        Raises:
            DataError: nothing but lines that are no rows.
        """
        odd: list[Line] = []
        for record in records:
            line = self._line(record)
            if line is None:
                continue
            if self._may_be_last(line):
                odd.append(line)
                if len(odd) <= MAX_LEFT_OUT:
                    continue
                line = odd.pop()
            for held in (*odd, line):
                self._num_rows += 1
                yield self._judged(held)
            odd.clear()
        self._odd = [list(line.cells) for line in odd]
        self.end()

    def _line(self, record: Line) -> Line | None:
        if record.fault is not None:
            return record
        try:
            cells = self.row(record.cells)
        except DataError as error:
            return replace(record, fault=Fault(OPEN_QUOTE, str(error)))
        if cells is None:
            return None
        return record if cells is record.cells else replace(record, cells=cells)

    def _may_be_last(self, line: Line) -> bool:
        if line.fault is not None:
            return line.fault.reason == OPEN_QUOTE
        return self._is_footer(line.cells)

    def _judged(self, line: Line) -> Line:
        found, expected = len(line.cells), self.shape.width
        if line.fault is not None or found == expected:
            return line
        error = ragged_error(
            where=self._where, row=self._num_rows, found=found, expected=expected
        )
        reason = TOO_FEW if found < expected else TOO_MANY
        return replace(line, fault=Fault(reason, str(error)))

    def row(self, cells: list[str]) -> list[str] | None:
        """The cells of a row, with empty ones cut; None for lines that are no rows."""
        shape = self.shape
        width = shape.width
        if is_empty(cells, width):
            return None
        if shape.has_comments and is_comment(cells[0]):
            return None
        if any("\n" in cell for cell in cells):
            check_quotes(
                cells, shape.delimiter, where=self._where, row=self._num_rows + 1
            )
        if len(cells) > width and not any(c.strip(CELL_PADDING) for c in cells[width:]):
            cells = cells[:width]
        if _bare(cells[0]) in self._starts and tuple(map(_bare, cells)) in self._again:
            return None
        if shape.fills_rows and len(cells) < width and STARTS_A_ROW.match(cells[0]):
            return [*cells, *[""] * (width - len(cells))]
        return cells

    def _is_footer(self, cells: list[str]) -> bool:
        if len(cells) != self.shape.width:
            return True
        return self.shape.has_footers and is_footer_word(cells[0])

    def _hold(self, cells: list[str]) -> None:
        if any("\n" in cell for cell in cells) and len(cells) != self.shape.width:
            raise self._not_csv(
                f"a cell runs over several lines and the row has {len(cells)} cells"
            )
        self._odd.append(cells)
        if len(self._odd) > MAX_LEFT_OUT:
            raise self._first_odd()

    def end(self) -> None:
        """Say what was left out at the end.

        Raises:
            DataError: there was nothing else.
        """
        if not self._odd:
            return
        if not self._num_rows:
            raise self._first_odd()
        self.notes.append(left_out_note(self._odd, self.shape.width))
        self._odd = []

    def _first_odd(self) -> DataError:
        for held in self._odd:
            if len(held) != self.shape.width:
                return self._ragged(held)
        return DataError(
            f"{self._where}: row {self._num_rows + 1} starts with '{self._odd[0][0]}' like "
            "a line under a table, but there are no readings above. Check the file."
        )

    def _ragged(self, held: list[str]) -> DataError:
        number = self._num_rows + 1
        return ragged_error(
            where=self._where, row=number, found=len(held), expected=self.shape.width
        )

    def _not_csv(self, reason: str) -> DataError:
        return not_csv_error(where=self._where, row=self._num_rows + 1, reason=reason)


def is_footer_word(cell: str) -> bool:
    """Whether the first cell of a line belongs under a table: `Average`, `Total:`."""
    return cell.strip(CELL_PADDING).rstrip(":").lower() in FOOTERS


def left_out_note(lines: Sequence[Sequence[str]], width: int) -> str:
    """What is said of the lines at the end of a table that are no rows."""
    if len(lines) == 1 and 1 < len(lines[0]) < width:
        return (
            f"The last row has {len(lines[0])} cells of {width} and is left out; the table "
            "was cut short there."
        )
    what = "line" if len(lines) == 1 else f"{len(lines)} lines"
    first = lines[0][0].strip(CELL_PADDING)[:40] if lines[0] else ""
    verb = "is" if len(lines) == 1 else "are"
    return f"The last {what} ('{first}') {verb} left out, as no readings."
