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

from .cells import (
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
from .errors import DataError
from .spec import ModelSpec
from .timestamps import CELL_PADDING, find_time_column, time_or_error


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table.

    Attributes:
        number: counted from 1 after the header; blank lines do not count.
        time: the time cell as it came, None when the table has no time.
        time_us: the same in microseconds since 1970 UTC.
        readings: `[F]` in the order of the features, NaN where missing.
    """

    number: int
    time: str | int | float | None
    time_us: int | None
    readings: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RowReader:
    """Rows of an open table, read as they are asked for.

    Attributes:
        where: name of the table, for messages.
        time_column: its time column, None when it has none.
        rows: the rows; raises DataError at a row that cannot be read.
    """

    where: str
    time_column: str | None
    rows: Iterator[Row]


def read_rows(
    lines: Iterable[str], spec: ModelSpec, *, where: str, time: str | None = None
) -> RowReader:
    """Read a table that has at least the columns a model needs.

    JSON lines (one object a line) when the first line starts with a brace, otherwise CSV
    with a header, whose delimiter is found. Reads up to the first row at once.

    Args:
        lines: an open text stream.
        spec: names the features.
        where: name of the table, for messages.
        time: name of the time column; found by its name or its text when None.

    Raises:
        DataError: no line at all, a column is missing, the time column is not a time.
    """
    lines = _decoded(lines, where=where)
    first = next((line for line in lines if line.strip(CELL_PADDING)), None)
    if first is None:
        raise empty_error(where=where)
    lines = itertools.chain([first], lines)
    if first.lstrip().startswith("{"):
        return _read_json(lines, spec, where, time)
    return _read_csv(lines, spec, where, time, sniff_delimiter(first))


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


def _check_names(
    names: list[str], spec: ModelSpec, where: str, time: str | None
) -> None:
    check_columns(spec.feature_names, names, where=where, role="model input")
    check_columns([time] if time else [], names, where=where, role="time")


def _time_column(
    names: list[str], cells: list[str], spec: ModelSpec, where: str, time: str | None
) -> str | None:
    if time is not None:
        return time
    found = find_time_column(names, cells, where=where, taken=spec.feature_names)
    if found is None and spec.derived:
        raise DataError(
            f"{where}: no time column is found, but the model derives inputs from the "
            "time. Name the column (--time), or add one."
        )
    return found


def _read_csv(
    lines: Iterator[str], spec: ModelSpec, where: str, time: str | None, delimiter: str
) -> RowReader:
    table = _csv_lines(csv_cells(lines, delimiter), where)
    names = header_names(next(table), where=where)
    _check_names(names, spec, where, time)
    cells = _csv_rows(table, len(names), where)
    first = next(cells, None)
    time_column = _time_column(names, first, spec, where, time) if first else time
    time_index = None if time_column is None else names.index(time_column)
    columns = [(name, names.index(name)) for name in spec.feature_names]

    def rows() -> Iterator[Row]:
        for number, row in enumerate(
            itertools.chain([first] if first else [], cells), 1
        ):
            stamp = None if time_index is None else row[time_index]
            readings = [
                _reading(row[index], where, name, number) for name, index in columns
            ]
            yield _row(number, stamp, readings, where, time_column)

    return RowReader(where, time_column, rows())


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


def _read_json(
    lines: Iterator[str], spec: ModelSpec, where: str, time: str | None
) -> RowReader:
    objects = _json_objects(lines, where)
    first = next(objects)
    names = list(first)
    _check_names(names, spec, where, time)
    texts = ["" if value is None else str(value) for value in first.values()]
    time_column = _time_column(names, texts, spec, where, time)

    def rows() -> Iterator[Row]:
        for number, item in enumerate(itertools.chain([first], objects), 1):
            stamp = None if time_column is None else item.get(time_column, "")
            readings = [
                _json_reading(item.get(name), where, name, number)
                for name in spec.feature_names
            ]
            yield _row(number, stamp, readings, where, time_column)

    return RowReader(where, time_column, rows())


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
    number: int, stamp: Any, readings: list[float], where: str, time_column: str | None
) -> Row:
    time_us = None
    if time_column is not None:
        text = "" if stamp is None else str(stamp)
        time_us = time_or_error(text, where=where, column=time_column, row=number)
    with np.errstate(over="ignore"):
        values = np.array(readings, dtype=np.float32)
    values[~np.isfinite(values)] = np.nan
    return Row(number, stamp, time_us, values)
