"""Tables as rows whose cells have names, whatever the text is."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..held_out import Line
from ..look_ahead import look_ahead
from ..options import TableOptions
from ..text.cell_text import empty_error
from ..text.column_reader import ColumnReader
from ..text.dialect import HEAD_LINES, find_dialect, find_dialect_live
from ..text.encoding import undecodable_error
from ..text.held_out_text import TextSplitter
from ..text.number_rules import NumberFormat, table_rules
from ..text.records import RowFilter, split_rows
from ..text.sound_head import SoundHead
from ..timestamps import CELL_PADDING


@dataclass(frozen=True, slots=True)
class Cells:
    """The rows of a table with names for their cells.

    Attributes:
        names: of the columns.
        rows: the cells of each row.
        get: a function that gives the getter of a column.
        reader: a function that gives the number reader of a column.
        notes: how it is read.
        are_held: each row is a `Line`, whose fault may be told.
    """

    names: list[str]
    rows: Iterator[Any]
    get: Callable[[str], Callable[[Any], Any]]
    reader: Callable[[str], ColumnReader]
    notes: list[str]
    are_held: bool = False


def decoded(lines: Iterable[str], *, where: str) -> Iterator[str]:
    """`lines`; DataError where they are of another encoding."""
    try:
        for line in lines:  # noqa: UP028  (yield from would close the caller's stream)
            yield line
    except UnicodeDecodeError as error:
        raise undecodable_error(error, where=where) from None


def text_cells(
    lines: Iterator[str],
    options: TableOptions,
    notes: list[str],
    *,
    where: str,
    wanted: Sequence[str] | None,
    held_names: Sequence[str] | None = None,
) -> Cells:
    """The rows of a table of text, its dialect found in its first lines.

    Args:
        lines: of the text.
        options: how it is written, where that is not to be found out.
        notes: what was found is added to them, also while the rows are read.
        where: start of messages.
        wanted: columns that a live text must have, whose first row must not wait for the
            second; None where the lines are at hand.
        held_names: columns that the text must have, where a line that cannot be read is
            to come with its fault; None where it is an error.

    Raises:
        DataError: the text is empty, or is no table.
    """
    blank: list[str] = []
    for line in lines:
        if line.strip(CELL_PADDING + "\ufeff"):
            break
        blank.append(line)
    else:
        raise empty_error(where=where)
    lines = itertools.chain(blank, [line], lines)
    head = SoundHead(lines, options, held_names)
    if wanted is not None:
        dialect, seen = find_dialect_live(
            head, where=where, options=options, wanted=wanted
        )
    else:
        seen = list(itertools.islice(head, HEAD_LINES))
        dialect = find_dialect(seen, where=where, options=options)
    num_above, rest = head.rest(dialect.num_lines)
    names = list(dialect.names)
    notes += dialect.notes
    filter = RowFilter(dialect.shape, where=where)

    def rows() -> Iterator[Any]:
        if held_names is not None:
            splitter = TextSplitter(dialect.shape, where, num_above)
            yield from filter.lines(splitter.lines(rest))
        else:
            yield from filter.rows(split_rows(rest, dialect.shape))
        notes.extend(filter.notes)

    places = {name: k for k, name in reversed(list(enumerate(names)))}

    def get(name: str) -> Callable[[Any], Any]:
        index = places[name]
        return lambda row: row[index]

    return Cells(names, rows(), get, dialect.reader, notes, held_names is not None)


def object_cells(
    objects: Iterator[Any],
    options: TableOptions,
    notes: list[str],
    *,
    where: str,
    is_live: bool,
    are_held: bool = False,
) -> Cells:
    """Rows that name their cells, with all names in the rows that can be seen.

    Args:
        objects: the rows, or a `Line` for each if `are_held`.
        options: how it is written, where that is not to be found out.
        notes: how it is read.
        where: start of messages.
        is_live: further rows may have to be waited for.
        are_held: a line that is no object comes with its fault.

    Raises:
        DataError: there is no row.
    """
    sample, objects = look_ahead(objects, is_at_hand=not is_live, is_good=is_row)
    found = [one.cells if are_held else one for one in sample if is_row(one)]
    if not found:
        raise empty_error(where=where)
    names = list(dict.fromkeys(name for item in found for name in item))
    rules = table_rules(options, names, where=where)

    def get(name: str) -> Callable[[Any], Any]:
        return lambda item: item.get(name)

    def reader(name: str) -> ColumnReader:
        return ColumnReader(name, rules, NumberFormat(rules.decimal))

    return Cells(names, objects, get, reader, notes, are_held)


def is_row(row: Any) -> bool:
    """Whether an item of `Cells.rows` is not a line with a fault."""
    return not isinstance(row, Line) or row.fault is None


def reader_named(name: str, reader: ColumnReader) -> ColumnReader:
    """A reader of the same format for a column of another name."""
    kind = NumberFormat(reader.decimal, reader.affix, reader.is_words)
    return ColumnReader(name, reader.rules, kind)


def cell_text(cell: object) -> str:
    """A cell as text, empty where it is missing."""
    return "" if cell is None else str(cell)


def number_in(reader: ColumnReader, cell: object, number: int) -> float:
    """The number in a cell of row `number`; NaN where it is missing.

    Raises:
        DataError: it is text.
    """
    if isinstance(cell, str):
        text = cell
    elif cell is None:
        return math.nan
    elif isinstance(cell, int | float):
        cell = float(cell) if abs(cell) < 1e300 else math.nan
        return math.nan if reader.is_missing(cell) else cell
    else:
        text = json.dumps(cell)
    value = reader.read(text, number)
    if value is None:
        raise reader.error(text, number)
    return value
