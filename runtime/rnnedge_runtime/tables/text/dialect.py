"""How a table of text is written, found in its first lines.

One detector for training, which sees whole files, and for the device, which may see a pipe:
both go by what the first `HEAD_LINES` lines, or those at hand, tell.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ...errors import DataError
from ..options import TableOptions
from ..timestamps import CELL_PADDING
from .column_reader import ColumnReader
from .delimiter import find_delimiter, read_records, rows_alone
from .dialect_notes import format_notes, layout_notes, preamble_notes
from .header import (
    Header,
    Record,
    common_width,
    find_header,
    has_clock_apart,
    value_kind,
)
from .number_rules import (
    MAGNITUDE,
    NumberFormat,
    NumberRules,
    decide_format,
    rules_of_rows,
    table_rules,
)
from .records import (
    BLANKS,
    RowFilter,
    RowShape,
    check_quotes,
    is_comment,
    is_footer_word,
    join_clock,
    split_rows,
)

HEAD_LINES = 1000
"""Lines at the front of a table from which it is told how it is written."""

_LAYOUT_LINES = 200
_LAYOUT_SIZE = 1 << 16
_FORMAT_SIZE = 1 << 18
_FEW_LINES = 12
_TITLE_LINES = 30
_LINES_EACH = 64  # beyond this many lines, only powers of two are tried
_SAID = re.compile(r'"?sep=(.)"?', re.IGNORECASE)


@dataclass(frozen=True)
class Dialect:
    """How a table of text is written.

    Attributes:
        shape: of its rows.
        num_lines: lines above the first row.
        names: of the columns, each once; "" for a column without a name.
        units: of the columns, "" where none is written in the table.
        rules: how the numbers of its columns are read.
        formats: of the numbers, by column.
        notes: what was found out and is worth a word.
        has_header: a line names the columns.
        num_above: lines above the one that names the columns.
    """

    shape: RowShape
    num_lines: int
    names: tuple[str, ...]
    units: tuple[str, ...]
    rules: NumberRules
    formats: tuple[NumberFormat, ...]
    notes: tuple[str, ...] = ()
    has_header: bool = True
    num_above: int = 0

    def reader(self, name: str) -> ColumnReader:
        """A reader of the numbers in a column."""
        return ColumnReader(name, self.rules, self._formats_by_name[name])

    @cached_property
    def _formats_by_name(self) -> dict[str, NumberFormat]:
        return dict(zip(self.names[::-1], self.formats[::-1], strict=True))


def find_dialect(
    lines: Sequence[str], *, where: str, options: TableOptions | None = None
) -> Dialect:
    """How a table is written whose first lines these are.

    Args:
        lines: with or without line ends; one at least that is not empty.

    Raises:
        DataError: an option does not fit.
    """
    options = options or TableOptions()
    skip = options.skip_rows or 0
    head = list(lines[skip:])
    head[:1] = [line.removeprefix("\ufeff") for line in head[:1]]
    said = _SAID.fullmatch(head[0].strip(CELL_PADDING)) if head else None
    if said is not None and len(head) > 1:
        skip, head = skip + 1, head[1:]
        options = replace(options, delimiter=options.delimiter or said.group(1))
    top = head[: _num_lines_of(head, _LAYOUT_LINES, _LAYOUT_SIZE)]
    delimiter = find_delimiter(top, options, where=where)
    records = read_records(top, delimiter)
    if not records:
        raise DataError(
            f"{where}: no line with text is left after --skip-rows {skip}. Skip fewer."
        )
    for row, record in enumerate(records):
        check_quotes(record.cells, delimiter, where=where, row=row)
    joins_clock = delimiter == BLANKS and has_clock_apart(records)
    if joins_clock:
        records = read_records([join_clock(line) for line in top], delimiter)
    header = find_header(records, common_width(rows_alone(records)))
    names, notes = _names(header)
    notes = preamble_notes(header, top) + notes
    first = next(
        iter(read_records(head[header.end : header.end + 20], delimiter)), None
    )
    shape = RowShape(
        delimiter,
        header.cells or names,
        has_comments=first is None or not is_comment(first.cells[0]),
        has_footers=first is None or any(c.isdigit() for c in first.cells[0]),
        joins_clock=joins_clock,
        above=(
            *_above(
                read_records(lines[:skip], delimiter), lines, header, is_whole=True
            ),
            *_above(records, top, header),
        ),
        fills_rows=options.fill_rows,
    )
    end = header.end + _num_lines_of(head[header.end :], HEAD_LINES, _FORMAT_SIZE)
    rows = _rows(head[header.end : end], shape)
    rules = rules_of_rows(rows, delimiter, table_rules(options, names, where=where))
    formats = []
    units = list(header.units)
    for k, name in enumerate(names):
        cells = [(row, cells[k]) for row, cells in rows]
        format = decide_format(cells, rules, column=name)
        formats.append(format)
        if format.affix and format.affix != MAGNITUDE:
            units[k] = units[k] or format.affix
        notes += format_notes(name, format, [text for _, text in cells], rules)
    notes = layout_notes(delimiter, formats) + notes
    return Dialect(
        shape,
        header.end + skip,
        names,
        tuple(units),
        rules,
        tuple(formats),
        tuple(notes),
        has_header=bool(header.cells),
        num_above=skip + header.num_above,
    )


def find_dialect_live(
    lines: Iterator[str],
    *,
    where: str,
    options: TableOptions | None = None,
    wanted: Collection[str] = (),
) -> tuple[Dialect, list[str]]:
    """As `find_dialect`, from as few lines as will do; and the lines that were read.

    Stops at the first line that looks like a row, so that a live source gets its answer.

    Args:
        wanted: columns that must be there; a line of words that lacks them may be a title.
    """
    seen: list[str] = []
    for line in itertools.islice(lines, HEAD_LINES):
        seen.append(line)
        if not line.strip(CELL_PADDING) or len(seen) <= (
            (options and options.skip_rows) or 0
        ):
            continue
        if len(seen) > _LINES_EACH and len(seen) & (len(seen) - 1):
            continue
        dialect = find_dialect(seen, where=where, options=options)
        rows = _rows(seen[dialect.num_lines :], dialect.shape)
        if not rows:
            continue
        kinds = [value_kind(cell.strip(CELL_PADDING)) for cell in rows[0][1]]
        may_be_title = "word" in kinds and not set(wanted) <= set(dialect.names)
        if may_be_title and len(seen) < _TITLE_LINES:
            continue
        if _is_settled(kinds, len(rows), dialect):
            return dialect, seen
    return find_dialect(seen, where=where, options=options), seen


def _is_settled(kinds: Sequence[str], num_rows: int, dialect: Dialect) -> bool:
    """Whether a first row of these cells is one, however the lines below it look."""
    if not dialect.has_header and "word" in kinds and num_rows < 2:
        return False
    has_values = "value" in kinds or "missing" in kinds
    if dialect.shape.delimiter == BLANKS or len(kinds) == 1:
        return has_values and kinds.count("word") < max(1, len(kinds) / 2)
    return has_values or len(kinds) > 1


def _above(
    records: Sequence[Record],
    lines: Sequence[str],
    header: Header,
    *,
    is_whole: bool = False,
) -> tuple[str, ...]:
    """Lines above the rows that cannot be rows, should they come again.

    Args:
        records: of lines above the rows, and of more unless `is_whole`.
        is_whole: no record is a row of the table.
    """
    found = []
    before = 0
    for record in records:
        is_row = len(record.cells) == header.width and any(
            value_kind(text) == "value" for text in record.texts
        )
        if record.end > header.end and not is_whole:
            break
        if record.end == before + 1 and not is_row and header.width > 1:
            found.append(lines[record.end - 1].strip(CELL_PADDING))
        before = record.end
    return tuple(found)


def _num_lines_of(lines: Sequence[str], most: int, size: int) -> int:
    """How many of the lines to look at: a few, and more while they are not too long."""
    total = 0
    for k, line in enumerate(lines[:most]):
        total += len(line)
        if total > size and k >= _FEW_LINES:
            return k
    return min(most, len(lines))


def _names(header: Header) -> tuple[tuple[str, ...], list[str]]:
    """Names that are there once each, and what was changed."""
    if not header.cells:
        names = tuple(f"c{k + 1}" for k in range(header.width))
        last = f" to {names[-1]}" if len(names) > 1 else ""
        return names, [
            f"No line names the columns, so they are called {names[0]}{last}."
        ]
    places: dict[str, int] = {}  # of the names so far
    numbers: dict[str, int] = {}  # tried last, of the names that came again
    given = set(header.cells)
    names_so_far = []
    notes = []
    for k, name in enumerate(header.cells):
        new = name
        number = numbers.get(name, 1)
        while new and (new in places or (new != name and new in given)):
            number += 1
            new = f"{name}_{number}"
        if new != name:
            numbers[name] = number
            notes.append(
                f"Columns {places[name] + 1} and {k + 1} are both named "
                f"'{name}'; the second is called '{new}'."
            )
        places[new] = k
        names_so_far.append(new)
    return tuple(names_so_far), notes


def _rows(lines: Sequence[str], shape: RowShape) -> list[tuple[int, list[str]]]:
    """Rows among the lines that fit, counted from 1."""
    filter = RowFilter(shape, where="")
    found: list[tuple[int, list[str]]] = []
    try:
        for cells in split_rows(lines, shape):
            row = filter.row(cells) if cells else None
            if row is None or (shape.has_footers and is_footer_word(row[0])):
                continue
            if len(row) == shape.width:
                found.append((len(found) + 1, row))
    except csv.Error:
        pass
    return found
