"""CSV and JSON lines row by row, with the standard library: what a device reads.

A row is what the model needs of a line: its time and its readings in feature order. The
training side reads whole tables (`rnnedge/data/table.py`) and means the same by each cell.
"""

from __future__ import annotations

import csv
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping
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
from .layouts import find_objects
from .options import TableOptions
from .pivot_rows import pivot_table
from .timestamps import CELL_PADDING, find_time_column, time_or_error


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
        options: how to read it.
        is_live: whether its lines come one by one.
    """

    where: str
    spec: ModelSpec
    time: str | None
    series: str | None
    options: TableOptions
    is_live: bool


def read_rows(
    lines: Iterable[str],
    spec: ModelSpec,
    *,
    where: str,
    time: str | None = None,
    series: str | None = None,
    options: TableOptions | None = None,
    is_live: bool = False,
) -> RowReader:
    """Read a table that has at least the columns a model needs.

    JSON (one object a line, one array, SenML) when the first line starts with a brace or
    bracket, InfluxDB's CSV when it is that, otherwise CSV with a header, whose delimiter is
    found. Reads up to the first row at once.

    Args:
        lines: an open text stream.
        spec: names the features.
        where: name of the table, for messages.
        time: name of the time column; found by its name or its text when None.
        series: name of the column that tells the series of a row apart.
        options: how to read it.
        is_live: whether the lines come one by one, so that a row must not wait for the
            last of them.

    Raises:
        DataError: no line at all, a column is missing, the time column is not a time.
    """
    table = _Table(where, spec, time, series, options or TableOptions(), is_live)
    wanted = spec.feature_names if is_live else ()
    objects, lines = find_objects(
        _decoded(lines, where=where), where=where, wanted=wanted
    )
    if objects is not None:
        return _read_objects(objects.rows, table)
    first = next((line for line in lines if line.strip(CELL_PADDING)), None)
    if first is None:
        raise empty_error(where=where)
    lines = itertools.chain([first], lines)
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
    check_columns([table.time] if table.time else [], names, where=where, role="time")
    check_columns([series] if series else [], names, where=where, role="series")
    if series is not None and series == table.time:
        raise DataError(
            f"{where}: column '{series}' is named for the series and for the time. "
            "Name two columns."
        )


def _time_column(names: list[str], cells: list[str], table: _Table) -> str | None:
    if table.time is not None:
        return table.time
    taken = {*table.spec.feature_names, table.series or ""}
    found = find_time_column(names, cells, where=table.where, taken=taken)
    if found is None and table.spec.derived:
        raise DataError(
            f"{table.where}: no time column is found, but the model derives inputs from "
            "the time. Name the column (--time), or add one."
        )
    return found


def _read_csv(lines: Iterator[str], table: _Table, delimiter: str) -> RowReader:
    where = table.where
    content = _csv_lines(csv_cells(lines, delimiter), where)
    names = header_names(next(content), where=where)
    cells = _csv_rows(content, len(names), where)
    if table.options.pivot is not None:
        rows_by_name = (dict(zip(names, row, strict=True)) for row in cells)
        return _read_pivoted(names, rows_by_name, table)
    _check_names(names, table)
    first = next(cells, None)
    time_column = _time_column(names, first, table) if first else table.time
    time_index = None if time_column is None else names.index(time_column)
    series_index = None if table.series is None else names.index(table.series)
    columns = [(name, names.index(name)) for name in table.spec.feature_names]

    def rows() -> Iterator[Row]:
        for number, row in enumerate(
            itertools.chain([first] if first else [], cells), 1
        ):
            stamp = None if time_index is None else row[time_index]
            series = None if series_index is None else row[series_index]
            readings = [
                _reading(row[index], where, name, number) for name, index in columns
            ]
            yield _row(number, stamp, readings, series, table, time_column)

    return RowReader(where, time_column, table.series, rows())


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


def _read_objects(objects: Iterator[dict[str, Any]], table: _Table) -> RowReader:
    where = table.where
    first = next(objects, None)
    if first is None:
        raise empty_error(where=where)
    names = list(first)
    objects = itertools.chain([first], objects)
    if table.options.pivot is not None:
        return _read_pivoted(names, objects, table)
    _check_names(names, table)
    texts = ["" if value is None else str(value) for value in first.values()]
    time_column = _time_column(names, texts, table)

    def rows() -> Iterator[Row]:
        for number, item in enumerate(objects, 1):
            stamp = None if time_column is None else item.get(time_column, "")
            series = None if table.series is None else item.get(table.series)
            readings = [
                _json_reading(item.get(name), where, name, number)
                for name in table.spec.feature_names
            ]
            yield _row(number, stamp, readings, series, table, time_column)

    return RowReader(where, time_column, table.series, rows())


def _read_pivoted(
    names: list[str], rows_by_name: Iterator[Mapping[str, Any]], table: _Table
) -> RowReader:
    long, time_column = pivot_table(
        names,
        rows_by_name,
        table.spec,
        table.options,
        where=table.where,
        time=table.time,
        series=table.series,
        is_live=table.is_live,
    )

    def rows() -> Iterator[Row]:
        for line in long:
            readings = [
                _json_reading(line.cells.get(name), table.where, name, line.row)
                for name in table.spec.feature_names
            ]
            yield _row(line.row, line.stamp, readings, line.series, table, time_column)

    return RowReader(table.where, time_column, table.series, rows())


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
    time_column: str | None,
) -> Row:
    time_us = None
    if time_column is not None:
        text = "" if stamp is None else str(stamp)
        time_us = time_or_error(text, where=table.where, column=time_column, row=number)
    name = None
    if table.series is not None:
        name = "" if series is None else str(series).strip(CELL_PADDING)
        if not name:
            raise DataError(
                f"{table.where}: series column '{table.series}' is empty in row {number}. "
                "Name the series of every row."
            )
    with np.errstate(over="ignore"):
        values = np.array(readings, dtype=np.float32)
    values[~np.isfinite(values)] = np.nan
    return Row(number, stamp, time_us, values, name)
