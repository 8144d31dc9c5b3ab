"""Rows of a table in which a line that cannot be read is held out, and its step kept.

If the time of such a line is known, or its place where the table has no times, it is a row
without readings, as one whose cells are empty. Otherwise it is no row at all, and the time
grid finds the hole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ...errors import DataError
from ..held_out import NO_SERIES, NO_TIME, TOO_LARGE, Fault, HeldOut, Line
from ..text.column_reader import ColumnReader
from ..times.reading import TimeParser
from ..timestamps import CELL_PADDING
from .changes import CounterChanges
from .row import Row, row_readings
from .row_cells import cell_text, number_in

LARGEST = 3.4028235677973366e38
"""The first number that float32 rounds to infinity."""

_INFINITE = frozenset(
    ("inf", "+inf", "-inf", "infinity", "+infinity", "-infinity", "1.#inf", "-1.#inf")
)
_UNREADABLE = (DataError, IndexError, AttributeError, TypeError, OverflowError)


@dataclass(frozen=True, slots=True)
class Columns:
    """How the cells of a line are found and read.

    Attributes:
        where: start of messages.
        stamp_of: the time cell; None of a table without times.
        series_of: series of a row of that number.
        has_series: there are several series.
        readings: reader and getter of each feature's cell.
    """

    where: str
    stamp_of: Callable[[Any], Any]
    series_of: Callable[[Any, int], str | None]
    has_series: bool
    readings: list[tuple[ColumnReader, Callable[[Any], Any]]]


def careful_rows(
    lines: Iterable[Line],
    columns: Columns,
    times: TimeParser | None,
    changes: CounterChanges,
    held: HeldOut,
) -> Iterator[Row]:
    """The rows, those that are held out among them where they are a step.

    Raises:
        DataError: a line is held out, and `held` is strict.
    """
    for number, line in enumerate(lines, 1):
        fault, stamp, time_us, series = line.fault, None, None, None
        try:
            series = columns.series_of(line.cells, number)
        except _UNREADABLE as error:
            fault = fault or Fault(NO_SERIES, str(error))
        if times is not None:
            try:
                stamp = columns.stamp_of(line.cells)
                time_us = times.parse(cell_text(stamp), row=number, series=series or "")
            except _UNREADABLE as error:
                fault = fault or Fault(NO_TIME, str(error))
        values: list[float] = []
        if fault is None:
            values, fault = _values(columns, line.cells, number)
        if fault is None:
            changes.apply(values, time_us, series)
            readings = row_readings(values)
            yield Row(number, stamp, time_us, readings, series, line.number)
            continue
        held.add(fault, line.number)
        is_placed = times is None or time_us is not None
        if is_placed and (series is not None or not columns.has_series):
            values = [math.nan] * len(columns.readings)
            changes.apply(values, time_us, series)
            readings = row_readings(values)
            yield Row(number, stamp, time_us, readings, series, line.number, True)


def _values(
    columns: Columns, cells: Any, number: int
) -> tuple[list[float], Fault | None]:
    values = []
    for reader, get in columns.readings:
        cell = get(cells)
        try:
            value = number_in(reader, cell, number)
        except DataError as error:
            if not error.reason:  # the table has two readings: no fault of this row
                raise
            return [], Fault(error.reason, str(error))
        if not abs(value) < LARGEST and _is_too_large(reader, cell, value):
            return [], Fault(
                TOO_LARGE,
                f"{columns.where}: column '{reader.column}' holds {_shown(cell)} in row "
                f"{number}, which is no finite number. If it means a missing reading, "
                f"name it with --na {_shown(cell)}.",
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


def _shown(cell: object) -> str:
    text = str(cell).strip(CELL_PADDING)
    return f"'{text[:40]}'"
