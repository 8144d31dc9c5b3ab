"""Rows of a table in which a line that cannot be read is held out, and its step kept.

If the time of such a line is known, or its place where the table has no times, it is a row
without readings, as one whose cells are empty. Otherwise it is no row at all, and the time
grid finds the hole.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

from ...errors import DataError
from ..held_out import NO_SERIES, NO_TIME, TOO_LARGE, Fault, HeldOut, Line
from ..text.column_reader import ColumnReader
from ..times.reading import TimeParser, TimeReading
from ..timestamps import CELL_PADDING
from .changes import CounterChanges
from .plain_rows import Place, PlainRows, plain_rows
from .row import Row, row_readings
from .row_cells import AskedTable, Cells, cell_text, look_ahead, number_in
from .table_columns import find_reading, series_names, stamps_of

LARGEST = 3.4028235677973366e38
"""The first number that float32 rounds to infinity."""

MOST_BROKEN = 20
"""Rows of a pipe whose times may be broken before the first that can be read."""

_Find = Callable[[list[Line]], TimeReading | None]
_Columns = list[tuple[ColumnReader, Callable[[Any], Any]]]

_INFINITE = frozenset(
    ("inf", "+inf", "-inf", "infinity", "+infinity", "-infinity", "1.#inf", "-1.#inf")
)
_UNREADABLE = (DataError, IndexError, AttributeError, TypeError, OverflowError)


def read_carefully(
    cells: Cells, table: AskedTable, held: HeldOut
) -> tuple[TimeReading | None, Iterator[Row], PlainRows | None]:
    """How the times are read, and the rows, those held out among them where they are a step.

    Also what reads many rows at once, where the table may have such.

    Raises:
        DataError: the times cannot be told; or, as rows are read, a line is held out and
            `held` is strict.
    """

    def find(sample: list[Line]) -> TimeReading | None:
        found = [line.cells for line in sample]
        return find_reading(cells, found, table, {*table.sources}) if found else None

    reading, lines = find_carefully(cells.rows, find, is_at_hand=not table.is_live)
    times = None if reading is None else TimeParser(reading)
    columns = [(cells.reader(name), cells.get(name)) for name in table.sources]
    place = Place()
    plain = None
    if cells.parts is not None and table.series is None:
        readers = [reader for reader, _ in columns]
        plain = plain_rows(cells, table, times, readers, place)
    rows = _rows(lines, cells, table, times, held, columns, place)
    return reading, rows, plain


def _rows(
    lines: Iterator[Line],
    cells: Cells,
    table: AskedTable,
    times: TimeParser | None,
    held: HeldOut,
    columns: _Columns,
    place: Place,
) -> Iterator[Row]:
    reading = None if times is None else times.reading
    stamp_of, series_of = stamps_of(cells, reading), series_names(cells, table)
    changes = CounterChanges(table.spec, table.options)
    for line in lines:
        place.number += 1
        number = place.number
        fault, stamp, time_us, series = line.fault, None, None, None
        try:
            series = series_of(line.cells, number)
        except _UNREADABLE as error:
            fault = fault or Fault(NO_SERIES, str(error))
        if times is not None:
            try:
                stamp = stamp_of(line.cells)
                time_us = times.parse(cell_text(stamp), row=number, series=series or "")
            except _UNREADABLE as error:
                fault = fault or Fault(NO_TIME, str(error))
        values: list[float] = []
        if fault is None:
            values, fault = _values(columns, line.cells, number)
        if fault is not None:
            held.add(fault, line.number)
            is_placed = times is None or time_us is not None
            if not is_placed or (series is None and table.series is not None):
                continue
            values = [math.nan] * len(columns)
        changes.apply(values, time_us, series)
        readings, is_held = row_readings(values), fault is not None
        yield Row(number, stamp, time_us, readings, series, line.number, is_held)


def _values(
    columns: _Columns, cells: Any, number: int
) -> tuple[list[float], Fault | None]:
    values = []
    for reader, get in columns:
        cell = get(cells)
        try:
            value = number_in(reader, cell, number)
        except DataError as error:
            if not error.reason:  # the table has two readings: no fault of this row
                raise
            return [], Fault(error.reason, str(error))
        if not abs(value) < LARGEST and _is_too_large(reader, cell, value):
            shown = f"'{str(cell).strip(CELL_PADDING)[:40]}'"
            return [], Fault(
                TOO_LARGE,
                f"{reader.rules.where}: column '{reader.column}' holds {shown} in row "
                f"{number}, which is no finite number. If it means a missing reading, "
                f"name it with --na {shown}.",
            )
        values.append(value)
    return values, None


def _is_too_large(reader: ColumnReader, cell: object, value: float) -> bool:
    if not math.isnan(value):
        return True
    if isinstance(cell, str):
        word = cell.strip(CELL_PADDING).lower()
        return word in _INFINITE and not reader.rules.is_named(word)
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return cell == cell and not abs(cell) < LARGEST
    return False


def find_carefully(
    lines: Iterator[Line], find: _Find, *, is_at_hand: bool
) -> tuple[TimeReading | None, Iterator[Line]]:
    """The reading of the times, from the first rows whose times can be read.

    Args:
        find: tells it from rows without a fault; DataError where it cannot.
        is_at_hand: many lines may be read; otherwise as few as will do.

    Returns:
        It, None where the table has no times; and all lines again.

    Raises:
        DataError: the times cannot be told from any of them.
    """
    if is_at_hand:
        sample, lines = look_ahead(lines, is_at_hand=True)
        return _of_most([line for line in sample if line.fault is None], find), lines
    seen: list[Line] = []
    failures: list[DataError] = []
    for line in lines:
        seen.append(line)
        if line.fault is not None:
            continue
        try:
            return find([line]), itertools.chain(seen, lines)
        except DataError as error:
            failures.append(error)
        if len(failures) == MOST_BROKEN:
            break
    if failures:
        raise failures[0]
    return None, iter(seen)


def _of_most(sound: list[Line], find: _Find) -> TimeReading | None:
    """From all rows, or from those parts of them that can be read."""
    try:
        return find(sound)
    except DataError as error:
        failure = error
    size = len(sound)
    while size > 1:
        size = (size + 1) // 2
        parts = [sound[k : k + size] for k in range(0, len(sound), size)]
        good = [part for part in parts if _is_readable(part, find)]
        if good:
            try:
                return find([line for part in good for line in part])
            except DataError:
                continue
    raise failure


def _is_readable(part: list[Line], find: _Find) -> bool:
    try:
        find(part)
    except DataError:
        return False
    return True
