"""Tables as rows whose cells have names, whatever the text is."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from ...errors import DataError
from ...spec.model_spec import ModelSpec
from ..held_out import HeldOut, Line
from ..layouts.registry import Objects
from ..options import TableOptions
from ..text.cell_text import empty_error
from ..text.column_reader import ColumnReader
from ..text.dialect import HEAD_LINES, find_dialect, find_dialect_live
from ..text.encoding import undecodable_error
from ..text.held_out_text import SoundHead, TextSplitter
from ..text.number_rules import NumberFormat, table_rules
from ..text.records import RowFilter, split_rows
from ..timestamps import CELL_PADDING
from .changes import counter_name

AHEAD_ROWS = 1_000
"""Rows of a file that are read ahead; of a pipe it is one, so that no row waits."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AskedTable:
    """What was asked of a table.

    Attributes:
        spec: names the features.
        time: the time column, None when it is to be found.
        series: the series column, None when there is none.
        options: what was said of how it is written.
        is_live: whether a row must not wait for the lines after it.
        held: takes lines that cannot be read; None where they are errors.
    """

    where: str
    spec: ModelSpec
    time: str | None
    series: str | None
    options: TableOptions
    is_live: bool
    held: HeldOut | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """Column that each feature is read from: itself, or the counter it is of."""
        names = self.spec.feature_names
        return tuple(counter_name(name, self.options) for name in names)


@dataclass(frozen=True, slots=True)
class TextParts:
    """What takes the lines of a text apart.

    Attributes:
        splitter: of a line into cells.
        filter: of rows among the lines.
    """

    splitter: TextSplitter
    filter: RowFilter


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
        parts: what takes the lines of a text apart that holds lines out.
    """

    names: list[str]
    rows: Iterator[Any]
    get: Callable[[str], Callable[[Any], Any]]
    reader: Callable[[str], ColumnReader]
    notes: list[str]
    are_held: bool = False
    parts: TextParts | None = None


def decoded(lines: Iterable[str], *, where: str) -> Iterator[str]:
    """`lines`; DataError where they are of another encoding."""
    try:
        for line in lines:  # noqa: UP028  (yield from would close the caller's stream)
            yield line
    except UnicodeDecodeError as error:
        raise undecodable_error(error, where=where) from None


def is_at_hand(lines: Iterable[Any]) -> bool:
    """Whether lines can be read ahead without waiting for somebody to write them."""
    if isinstance(lines, list | tuple):
        return True
    seekable = getattr(lines, "seekable", None)
    return bool(seekable is not None and seekable())


def look_ahead(
    rows: Iterator[T],
    *,
    is_at_hand: bool,
    is_good: Callable[[T], bool] = lambda row: True,
) -> tuple[list[T], Iterator[T]]:
    """The first rows, and all rows again.

    A row that cannot be read ends the look ahead; its error is raised where it is used.

    Args:
        is_at_hand: many rows may be read; otherwise they end at the first good one.

    Raises:
        DataError: the very first row cannot be read.
    """
    seen: list[T] = []
    failure: DataError | None = None
    try:
        for row in rows:
            seen.append(row)
            is_enough = not is_at_hand and is_good(row)
            if is_enough or len(seen) == AHEAD_ROWS:
                break
    except DataError as error:
        if not seen:
            raise
        failure = error

    def again() -> Iterator[T]:
        yield from seen
        if failure is not None:
            raise failure
        yield from rows

    return seen, again()


def text_cells(lines: Iterator[str], table: AskedTable, notes: list[str]) -> Cells:
    """The rows of a table of text, its dialect found in its first lines.

    The first row of a live text must not wait for the second. What is found is added to
    `notes`, also while the rows are read.

    Raises:
        DataError: the text is empty, or is no table.
    """
    where, options, are_held = table.where, table.options, table.held is not None
    wanted = table.sources if options.pivot is None else (options.pivot,)
    blank: list[str] = []
    for line in lines:
        if line.strip(CELL_PADDING + "\ufeff"):
            break
        blank.append(line)
    else:
        raise empty_error(where=where)
    lines = itertools.chain(blank, [line], lines)
    head = SoundHead(lines, options, wanted if are_held else None)
    if table.is_live:
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
    splitter = TextSplitter(dialect.shape, where, num_above)

    def rows() -> Iterator[Any]:
        if are_held:
            yield from filter.lines(splitter.lines(rest))
        else:
            yield from filter.rows(split_rows(rest, dialect.shape))
        notes.extend(filter.notes)

    places = {name: k for k, name in reversed(list(enumerate(names)))}

    def get(name: str) -> Callable[[Any], Any]:
        index = places[name]
        return lambda row: row[index]

    parts = TextParts(splitter, filter) if are_held else None
    return Cells(names, rows(), get, dialect.reader, notes, are_held, parts)


def object_cells(objects: Objects, table: AskedTable, notes: list[str]) -> Cells:
    """Rows that name their cells, with all names in the rows that can be seen.

    Raises:
        DataError: there is no row.
    """
    sample, rows = look_ahead(
        objects.rows, is_at_hand=not table.is_live, is_good=is_row
    )
    found = [one.cells if objects.are_held else one for one in sample if is_row(one)]
    if not found:
        raise empty_error(where=table.where)
    names = list(dict.fromkeys(name for item in found for name in item))
    rules = table_rules(table.options, names, where=table.where)

    def get(name: str) -> Callable[[Any], Any]:
        return lambda item: item.get(name)

    def reader(name: str) -> ColumnReader:
        return ColumnReader(name, rules, NumberFormat(rules.decimal))

    return Cells(names, rows, get, reader, notes, objects.are_held)


def is_row(row: Any) -> bool:
    """Whether an item of `Cells.rows` is not a line with a fault."""
    return not isinstance(row, Line) or row.fault is None


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
