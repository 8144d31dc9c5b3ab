"""CSV and JSON lines row by row, with the standard library: what a device reads.

A row is what the model needs of a line: its time and its readings in feature order. The
training side reads whole tables (`rnnedge/data/tables/`) and means the same by each cell.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..spec import ModelSpec
from .cell_text import check_columns, empty_error
from .column_reader import ColumnReader
from .dialect import HEAD_LINES, Dialect, find_dialect, find_dialect_live
from .encoding import TextLines, undecodable_error
from .number_rules import NumberFormat, table_rules
from .options import TableOptions
from .records import RowFilter, split_rows
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
        notes: how the table is read; grows while the rows are read.
    """

    where: str
    time_column: str | None
    series_column: str | None
    rows: Iterator[Row]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Table:
    """What was asked of a table.

    Attributes:
        where: its name, for messages.
        spec: names the features.
        time: the time column, None when it is to be found.
        series: the series column, None when there is none.
        options: what was said of how it is written.
    """

    where: str
    spec: ModelSpec
    time: str | None
    series: str | None
    options: TableOptions


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

    JSON lines (one object a line) when the first line starts with a brace, otherwise text
    whose dialect is found. Reads up to the first row at once, and up to `HEAD_LINES` lines
    where `lines` says that they are there.

    Args:
        lines: an open text stream; taken to be live unless it is a `TextLines` that is not.
        spec: names the features.
        where: name of the table, for messages.
        time: name of the time column; found by its name or its text when None.
        series: name of the column that tells the series of a row apart.
        options: how the table is written, where that is not to be found out.

    Raises:
        DataError: no line at all, a column is missing, the time column is not a time.
    """
    table = _Table(where, spec, time, series, options or TableOptions())
    notes = list(lines.notes) if isinstance(lines, TextLines) else []
    is_live = lines.is_live if isinstance(lines, TextLines) else True
    lines = _decoded(lines, where=where)
    blank: list[str] = []
    first = None
    for line in lines:
        if line.strip(CELL_PADDING + "\ufeff"):
            first = line
            break
        blank.append(line)
    if first is None:
        raise empty_error(where=where)
    if first.lstrip(CELL_PADDING + "\ufeff").startswith("{"):
        return _read_json(itertools.chain([first.lstrip("\ufeff")], lines), table)
    lines = itertools.chain(blank, [first], lines)
    if is_live:
        dialect, seen = find_dialect_live(
            lines, where=where, options=table.options, wanted=spec.feature_names
        )
    else:
        seen = list(itertools.islice(lines, HEAD_LINES))
        dialect = find_dialect(seen, where=where, options=table.options)
    rows = itertools.chain(seen[dialect.num_lines :], lines)
    return _read_text(rows, table, dialect, notes)


def _decoded(lines: Iterable[str], *, where: str) -> Iterator[str]:
    try:
        for line in lines:  # noqa: UP028  (yield from would close the caller's stream)
            yield line
    except UnicodeDecodeError as error:
        raise undecodable_error(error, where=where) from None


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


def _read_text(
    lines: Iterator[str], table: _Table, dialect: Dialect, notes: list[str]
) -> RowReader:
    where = table.where
    names = list(dialect.names)
    _check_names(names, table)
    filter = RowFilter(dialect.shape, where=where)
    cells = filter.rows(split_rows(lines, dialect.shape))
    first = next(cells, None)
    time_column = _time_column(names, first, table) if first else table.time
    time_index = None if time_column is None else names.index(time_column)
    series_index = None if table.series is None else names.index(table.series)
    columns = [
        (dialect.reader(name), names.index(name)) for name in table.spec.feature_names
    ]
    notes += dialect.notes

    def rows() -> Iterator[Row]:
        for number, row in enumerate(
            itertools.chain([first] if first else [], cells), 1
        ):
            stamp = None if time_index is None else row[time_index]
            series = None if series_index is None else row[series_index]
            readings = [_reading(reader, row[k], number) for reader, k in columns]
            yield _row(number, stamp, readings, series, table, time_column)
        notes.extend(filter.notes)

    return RowReader(where, time_column, table.series, rows(), notes)


def _read_json(lines: Iterator[str], table: _Table) -> RowReader:
    where = table.where
    objects = _json_objects(lines, where)
    first = next(objects)
    names = list(first)
    _check_names(names, table)
    texts = ["" if value is None else str(value) for value in first.values()]
    time_column = _time_column(names, texts, table)
    rules = table_rules(table.options, names, where=where)
    columns = [
        (ColumnReader(name, rules, NumberFormat(rules.decimal)), name)
        for name in table.spec.feature_names
    ]

    def rows() -> Iterator[Row]:
        for number, item in enumerate(itertools.chain([first], objects), 1):
            stamp = None if time_column is None else item.get(time_column, "")
            series = None if table.series is None else item.get(table.series)
            readings = [
                _json_reading(reader, item.get(name), number)
                for reader, name in columns
            ]
            yield _row(number, stamp, readings, series, table, time_column)

    return RowReader(where, time_column, table.series, rows())


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


def _json_reading(reader: ColumnReader, value: object, number: int) -> float:
    if value is None:
        return math.nan
    if isinstance(value, int | float):
        value = float(value) if abs(value) < 1e300 else math.nan
        return math.nan if reader.is_missing(value) else value
    text = value if isinstance(value, str) else json.dumps(value)
    return _reading(reader, text, number)


def _reading(reader: ColumnReader, text: str, number: int) -> float:
    value = reader.read(text, number)
    if value is None:
        raise reader.error(text, number)
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
