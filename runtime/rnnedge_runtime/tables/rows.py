"""CSV and JSON lines row by row, with the standard library: what a device reads.

A row is what the model needs of a line: its time and its readings in feature order. The
training side reads whole tables (`rnnedge/data/table.py`) and means the same by each cell.
"""

from __future__ import annotations

import csv
import itertools
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..spec import ModelSpec
from .cell_text import (
    check_columns,
    csv_cells,
    empty_error,
    header_names,
    is_blank_row,
    not_csv_error,
    parse_reading,
    ragged_error,
    sniff_delimiter,
    text_error,
)
from .look_ahead import is_at_hand, look_ahead
from .options import TableOptions
from .time_column import find_time, time_columns
from .time_reading import TimeParser, TimeReading
from .timestamps import CELL_PADDING


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table.

    Attributes:
        number: counted from 1 after the header; blank lines do not count.
        time: the time cell as it came, None when the table has no time.
        time_us: the same in microseconds since 1970 UTC.
        readings: `[F]` in the order of the features, NaN where missing.
        series: which series it belongs to; None when the table is one series.
    """

    number: int
    time: str | int | float | None
    time_us: int | None
    readings: NDArray[np.float32]
    series: str | None = None


@dataclass(frozen=True, slots=True)
class RowReader:
    """Rows of an open table, read as they are asked for.

    Attributes:
        where: name of the table, for messages.
        time_column: its time column, None when it has none.
        series_column: the column that tells its series apart, None when it is one series.
        rows: the rows; raises DataError at a row that cannot be read.
    """

    where: str
    time_column: str | None
    series_column: str | None
    rows: Iterator[Row]


@dataclass(frozen=True, slots=True)
class _Table:
    """What was asked of a table.

    Attributes:
        where: its name, for messages.
        spec: names the features.
        time: the time column, None when it is to be found.
        series: the series column, None when there is none.
        is_file: whether rows can be read ahead without waiting for them.
        options: what else was said of it.
    """

    where: str
    spec: ModelSpec
    time: str | None
    series: str | None
    is_file: bool = False
    options: TableOptions | None = None


def read_rows(
    lines: Iterable[str],
    spec: ModelSpec,
    *,
    where: str,
    time: str | None = None,
    series: str | None = None,
    options: TableOptions | None = None,
) -> RowReader:
    """Read a table that has at least the columns a model needs.

    JSON lines (one object a line) when the first line starts with a brace, otherwise CSV
    with a header, whose delimiter is found. Reads up to the first row at once.

    Args:
        lines: an open text stream.
        spec: names the features.
        where: name of the table, for messages.
        time: name of the time column; found by its name or its text when None.
        series: name of the column that tells the series of a row apart.
        options: what else is to be said of the table.

    Raises:
        DataError: no line at all, a column is missing, the time column is not a time.
    """
    table = _Table(where, spec, time, series, is_at_hand(lines), options)
    lines = _decoded(lines, where=where)
    first = next((line for line in lines if line.strip(CELL_PADDING)), None)
    if first is None:
        raise empty_error(where=where)
    lines = itertools.chain([first], lines)
    if first.lstrip().startswith("{"):
        return _read_json(lines, table)
    return _read_csv(lines, table, sniff_delimiter(first))


def _decoded(lines: Iterable[str], *, where: str) -> Iterator[str]:
    try:
        for line in lines:  # noqa: UP028  (yield from would close the caller's stream)
            yield line
    except UnicodeDecodeError as error:
        raise not_utf8_error(where=where, byte=error.object[error.start]) from None


def not_utf8_error(*, where: str, byte: int) -> DataError:
    """The error of a text file in another encoding."""
    return DataError(
        f"{where}: byte 0x{byte:02x} is not UTF-8 text. Save the table as UTF-8."
    )


def _check_names(names: list[str], table: _Table) -> None:
    where, series = table.where, table.series
    check_columns(table.spec.feature_names, names, where=where, role="model input")
    times = time_columns(table.time, names) if table.time else ()
    check_columns(times, names, where=where, role="time")
    check_columns([series] if series else [], names, where=where, role="series")
    if series is not None and series == table.time:
        raise DataError(
            f"{where}: column '{series}' is named for the series and for the time. "
            "Name two columns."
        )


def _find_time(
    names: list[str], rows: list[list[str]], table: _Table
) -> TimeReading | None:
    spec = table.spec
    found = find_time(
        names,
        rows,
        where=table.where,
        taken={*spec.feature_names, table.series or ""} - {""},
        options=table.options,
        time=table.time,
        clock=spec.clock,
        is_expected=spec.sample_period_s is not None,
    )
    if found is None and spec.derived:
        raise DataError(
            f"{table.where}: no time column is found, but the model derives inputs from "
            "the time. Name the column (--time), or add one."
        )
    if found is not None and spec.derived and not found.has_calendar:
        raise DataError(
            f"{table.where}: time column '{found.column}' holds no dates, but the model "
            "derives inputs from them. Name a column of dates (--time)."
        )
    return found


def _read_csv(lines: Iterator[str], table: _Table, delimiter: str) -> RowReader:
    where = table.where
    content = _csv_lines(csv_cells(lines, delimiter), where)
    names = header_names(next(content), where=where)
    _check_names(names, table)
    cells = _csv_rows(content, len(names), where)
    sample, cells = look_ahead(cells, is_at_hand=table.is_file)
    reading = _find_time(names, sample, table) if sample else None
    time_index = [names.index(name) for name in reading.columns] if reading else []
    series_index = None if table.series is None else names.index(table.series)
    columns = [(name, names.index(name)) for name in table.spec.feature_names]

    def rows() -> Iterator[Row]:
        times = None if reading is None else TimeParser(reading)
        for number, row in enumerate(cells, 1):
            stamp = _stamp([row[index] for index in time_index], reading)
            series = None if series_index is None else row[series_index]
            readings = [
                _reading(row[index], where, name, number) for name, index in columns
            ]
            yield _row(number, stamp, readings, series, table, times)

    return RowReader(where, reading.column if reading else None, table.series, rows())


def _stamp(cells: list[Any], reading: TimeReading | None) -> Any:
    """The time of a row as it came, of several cells their joined text."""
    if len(cells) > 1 and reading is not None:
        return reading.join([_text(cell) for cell in cells])
    return cells[0] if cells else None


def _text(cell: object) -> str:
    return "" if cell is None else str(cell)


def _csv_lines(table: Iterator[list[str]], where: str) -> Iterator[list[str]]:
    for row in itertools.count():
        try:
            yield next(table)
        except StopIteration:
            return
        except csv.Error as error:
            raise not_csv_error(where=where, row=row, reason=str(error)) from None


def _csv_rows(
    table: Iterator[list[str]], width: int, where: str
) -> Iterator[list[str]]:
    """Rows of `width` cells; lines without text are no rows."""
    number = 0
    for row in table:
        if is_blank_row(row, width):
            continue
        number += 1
        if len(row) != width:
            raise ragged_error(where=where, row=number, found=len(row), expected=width)
        yield row


def _read_json(lines: Iterator[str], table: _Table) -> RowReader:
    where = table.where
    objects = _json_objects(lines, where)
    sample, objects = look_ahead(objects, is_at_hand=table.is_file)
    names = list(sample[0])
    _check_names(names, table)
    texts = [[_text(item.get(name)) for name in names] for item in sample]
    reading = _find_time(names, texts, table)

    def rows() -> Iterator[Row]:
        times = None if reading is None else TimeParser(reading)
        for number, item in enumerate(objects, 1):
            stamp = _stamp(
                [item.get(name, "") for name in reading.columns] if reading else [],
                reading,
            )
            series = None if table.series is None else item.get(table.series)
            readings = [
                _json_reading(item.get(name), where, name, number)
                for name in table.spec.feature_names
            ]
            yield _row(number, stamp, readings, series, table, times)

    return RowReader(where, reading.column if reading else None, table.series, rows())


def _json_objects(lines: Iterator[str], where: str) -> Iterator[dict[str, Any]]:
    number = 0
    for line in lines:
        if not line.strip():
            continue
        number += 1
        try:
            item = json.loads(line)
        except (ValueError, RecursionError):
            item = None
        if not isinstance(item, dict):
            raise DataError(
                f"{where}: row {number} is not a JSON object: {line.strip()[:60]!r}. "
                'Write one object a line, such as {"time": ..., "temp": 3.9}.'
            )
        yield item


def _json_reading(value: object, where: str, column: str, number: int) -> float:
    if value is None:
        return math.nan
    if isinstance(value, int | float):
        return float(value) if abs(value) < 1e300 else math.nan
    return _reading(
        value if isinstance(value, str) else json.dumps(value), where, column, number
    )


def _reading(text: str, where: str, column: str, number: int) -> float:
    value = parse_reading(text)
    if value is None:
        raise text_error(where=where, column=column, text=text, row=number)
    return value


def _row(
    number: int,
    stamp: Any,
    readings: list[float],
    series: Any,
    table: _Table,
    times: TimeParser | None,
) -> Row:
    name = None
    if table.series is not None:
        name = "" if series is None else str(series).strip(CELL_PADDING)
        if not name:
            raise DataError(
                f"{table.where}: series column '{table.series}' is empty in row {number}. "
                "Name the series of every row."
            )
    time_us = None
    if times is not None:
        time_us = times.parse(_text(stamp), row=number, series=name or "")
    with np.errstate(over="ignore"):
        values = np.array(readings, dtype=np.float32)
    values[~np.isfinite(values)] = np.nan
    return Row(number, stamp, time_us, values, name)
