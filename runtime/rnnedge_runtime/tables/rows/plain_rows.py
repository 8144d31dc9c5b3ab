"""Rows of a table of text many at a time, as long as their lines are plain.

A line is plain that can mean one thing only: no quote, as many cells as columns, a time in
the form that the reader of rows found, numbers in theirs. The rows before it must have been
read, and nothing of them kept back. All other lines are left to the reader of rows, which
goes on where the last block ended, so that both give the same rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..text.column_reader import ColumnReader
from ..text.encoding import TextLines
from ..text.records import BLANKS
from ..times.formats import ISO_FORM
from ..times.reading import TimeParser, TimeReading
from ..times.units import UNIT_US, NumberForm
from ..timestamps import CELL_PADDING, NUMBER
from .row import Row
from .row_cells import AskedTable, Cells, TextParts

ReadLines = Callable[..., int]
"""`_native.read_lines`."""

_LEFT_OUT, _TIME = -1, -2
_NO_TIME, _DATE, _NUMBER = range(3)
_FEW_ROWS = 16
_LONGEST_WAIT = 64
_MICROSECOND = timedelta(microseconds=1)
_TimeLayout = tuple[int, float, float, int, bool]


@dataclass(slots=True)
class Place:
    """Where in a table the reader of rows is: the number of the last row."""

    number: int = 0


@dataclass(frozen=True, slots=True)
class RowBlock:
    """N rows of one series, as `Row` has them.

    Attributes:
        number: of the first row.
        line: that the first row is on.
        data: the text that the rows are in.
        spans: `[N, 3]` where in it the time cell starts and ends, and where the line ends.
        times_us: `[N]` microseconds since 1970 UTC; None where the table has no times.
        readings: `[N, F]` NaN where missing.
    """

    number: int
    line: int
    data: bytes
    spans: NDArray[np.int32]
    times_us: NDArray[np.int64] | None
    readings: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.spans)

    def row(self, k: int) -> Row:
        """One of the rows."""
        time = time_us = None
        if self.times_us is not None:
            start, end, _ = self.spans[k].tolist()
            time, time_us = self.data[start:end].decode(), int(self.times_us[k])
        readings = self.readings[k].copy()
        return Row(self.number + k, time, time_us, readings, None, self.line + k)

    def first(self, count: int) -> RowBlock:
        """The first rows of it."""
        times_us = None if self.times_us is None else self.times_us[:count]
        spans, readings = self.spans[:count], self.readings[:count]
        return RowBlock(self.number, self.line, self.data, spans, times_us, readings)


@dataclass(slots=True)
class PlainRows:
    """Reads blocks of rows between those that are read one by one.

    Attributes:
        text: whose source the blocks are read from.
    """

    _columns: NDArray[np.int32]
    _delimiter: str
    _time: _TimeLayout
    _readers: list[ColumnReader]
    _parts: TextParts
    _times: TimeParser | None
    _place: Place
    text: TextLines = field(init=False)
    _wait: int = field(default=0, init=False)
    _num_waited: int = field(default=0, init=False)

    def block(self, line: int, most: int, read_lines: ReadLines) -> RowBlock | None:
        """The next rows, where they are plain; `take` says how many are used.

        Args:
            line: that the last row was on.
            most: rows that may come at once.
        """
        source = self.text.source
        if source is None or not self.text.is_after(line):
            return None
        if self._num_waited < self._wait:
            self._num_waited += 1
            return None
        marks = self._marks()
        block = (
            None
            if marks is None
            else self._read(source.ahead(), most, marks, read_lines)
        )
        number = 0 if block is None else len(block)
        if number < _FEW_ROWS:
            self._wait, self._num_waited = min(2 * self._wait + 1, _LONGEST_WAIT), 0
        else:
            self._wait = 0
        return block if number else None

    def _read(
        self, ahead: tuple[bytes, int], most: int, marks: bytes, read_lines: ReadLines
    ) -> RowBlock | None:
        data, start = ahead
        times_us = np.empty(most, np.int64)
        readings = np.empty((most, len(marks)), np.float32)
        spans = np.empty((most, 3), np.int32)
        layout = (
            self._columns,
            len(self._columns),
            marks,
            ord(self._delimiter),
            *self._time,
        )
        number = read_lines(data, start, most, layout, times_us, readings, spans)
        if not number:
            return None
        return RowBlock(
            self._place.number + 1,
            self.text.number + 1,
            data,
            spans[:number],
            None if self._times is None else times_us[:number],
            readings[:number],
        )

    def take(self, block: RowBlock) -> None:
        """Go on behind the rows of a block, or behind the first rows of it."""
        number = len(block)
        assert self.text.source is not None
        self.text.source.skip_to(int(block.spans[-1, 2]))
        self.text.number += number
        self._parts.splitter.number += number
        self._parts.filter.passed(number)
        self._place.number += number
        if self._times is not None and block.times_us is not None:
            self._times.passed(block.times_us)

    def _marks(self) -> bytes | None:
        """The decimal mark of each column; None while a column is not a plain one."""
        marks = bytearray()
        for reader in self._readers:
            if not reader.is_plain:
                return None
            mark = reader.decimal or "\0"
            marks += b"\0" if mark == self._delimiter else mark.encode()
        return bytes(marks)


def plain_rows(
    cells: Cells,
    table: AskedTable,
    times: TimeParser | None,
    readers: list[ColumnReader],
    place: Place,
) -> PlainRows | None:
    """What reads the rows of a table of one series by blocks; None where none are plain."""
    parts = cells.parts
    time = (
        (_NO_TIME, 0.0, 0.0, 0, False) if times is None else _time_layout(times.reading)
    )
    if parts is None or time is None or table.options.difference:
        return None
    shape = parts.filter.shape
    if shape.delimiter == BLANKS or not shape.delimiter.isascii():
        return None
    columns = np.full(shape.width, _LEFT_OUT, np.int32)
    for k, name in enumerate(table.sources):
        columns[cells.names.index(name)] = k
    if times is not None:
        columns[cells.names.index(times.reading.column)] = _TIME
    if any(_is_like_a_row(line, columns, times) for line in parts.filter.again()):
        return None
    return PlainRows(columns, shape.delimiter, time, readers, parts, times, place)


def _time_layout(reading: TimeReading) -> _TimeLayout | None:
    """How a plain time is read: kind, unit, zero, offset of a time without one, if known."""
    form = reading.form
    if len(reading.columns) != 1 or reading.joint or reading.has_decimal_comma:
        return None
    offset = reading.zone.rule.utcoffset(None) if reading.zone.is_fixed else None
    offset_us = 0 if offset is None else offset // _MICROSECOND
    if form is ISO_FORM:
        return _DATE, 0.0, 0.0, offset_us, reading.zone.is_fixed
    if not isinstance(form, NumberForm) or form.is_year:
        return None
    if form.unit == "d" and not form.is_elapsed:
        return None
    known_us = reading.number_offset_us
    is_known = known_us is not None or reading.zone.is_fixed
    shift_us = offset_us if known_us is None else known_us
    return _NUMBER, UNIT_US[form.unit], float(form.origin_us), shift_us, is_known


def _is_like_a_row(
    line: Any, columns: NDArray[np.int32], times: TimeParser | None
) -> bool:
    """Whether a line above the rows could be taken for a plain row."""
    for cell, column in zip(line, columns.tolist(), strict=False):
        text = cell.strip(CELL_PADDING)
        if times is not None and column == _TIME:
            return times.reading.local(text) is not None
        if times is None and column >= 0 and NUMBER.fullmatch(text.replace(",", ".")):
            return True
    return False
