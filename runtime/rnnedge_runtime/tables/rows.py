"""Tables row by row, with the standard library: what a device reads.

A row is what the model needs of a line: its time and its readings in feature order. The
training side reads whole tables (`rnnedge/data/tables/`) and means the same by each cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..spec import ModelSpec
from .cell_text import check_columns, listed
from .changes import CounterChanges, change_name
from .encoding import TextLines
from .layouts import find_objects
from .look_ahead import is_at_hand, look_ahead
from .options import TableOptions
from .pivot import named_value
from .pivot_rows import LongTable, pivot_rows
from .resampling import parse_resampling, resampled_rows
from .row_cells import (
    Cells,
    cell_text,
    decoded,
    number_in,
    object_cells,
    reader_named,
    text_cells,
)
from .time_column import find_time, time_columns
from .time_reading import TimeParser, TimeReading, has_no_time, no_time_note
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
        is_live: whether a row must not wait for the lines after it.
    """

    where: str
    spec: ModelSpec
    time: str | None
    series: str | None
    options: TableOptions
    is_live: bool

    @property
    def sources(self) -> tuple[str, ...]:
        """Column that each feature is read from: itself, or the counter it is of."""
        counters = {change_name(name): name for name in self.options.difference}
        return tuple(counters.get(name, name) for name in self.spec.feature_names)


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

    JSON (one object a line, one array, SenML) when the first line starts with a brace or a
    bracket, InfluxDB's CSV when it is that, otherwise text whose dialect is found. Reads up
    to the first row at once, and further where the lines are at hand.

    Args:
        lines: an open text stream.
        spec: names the features.
        where: name of the table, for messages.
        time: name of the time column; found by its name or its text when None.
        series: name of the column that tells the series of a row apart; several joined by
            a plus sign.
        options: how the table is written, where that is not to be found out.

    Raises:
        DataError: no line at all, a column is missing, the time column is not a time.
    """
    is_live = lines.is_live if isinstance(lines, TextLines) else not is_at_hand(lines)
    table = _Table(where, spec, time, series, options or TableOptions(), is_live)
    notes = list(lines.notes) if isinstance(lines, TextLines) else []
    objects, lines = find_objects(
        decoded(lines, where=where),
        where=where,
        wanted=spec.feature_names if is_live else (),
    )
    if objects is not None:
        cells = object_cells(
            objects.rows, table.options, notes, where=where, is_live=is_live
        )
    else:
        pivot = table.options.pivot
        wanted = table.sources if pivot is None else (pivot,)
        cells = text_cells(
            lines,
            table.options,
            notes,
            where=where,
            wanted=wanted if is_live else None,
        )
    reader = _read(cells, table)
    if table.options.resample is None:
        return reader
    resampling = parse_resampling(table.options.resample)
    rows = resampled_rows(reader.rows, resampling, where=where)
    return replace(reader, rows=rows)


def _read(cells: Cells, table: _Table) -> RowReader:
    if table.options.pivot is not None:
        return _read_long(cells, table)
    _check_names(cells.names, table)
    sample, rows = look_ahead(cells.rows, is_at_hand=not table.is_live)
    reading = None
    if sample:
        reading = _find_time(cells, sample, table, {*table.sources})
    stamp_of = _stamps(cells, reading)
    series_of = _series(cells, table)
    columns = [(cells.reader(name), cells.get(name)) for name in table.sources]
    changes = CounterChanges(table.spec, table.options)
    rows = _from_first_time(rows, stamp_of, reading, cells.notes)

    def read() -> Iterator[Row]:
        times = None if reading is None else TimeParser(reading)
        for number, row in enumerate(rows, 1):
            series = series_of(row, number)
            stamp, time_us = stamp_of(row), None
            if times is not None:
                time_us = times.parse(cell_text(stamp), row=number, series=series or "")
            readings = [number_in(reader, get(row), number) for reader, get in columns]
            changes.apply(readings, time_us, series)
            yield Row(number, stamp, time_us, _float32(readings), series)

    return RowReader(
        table.where,
        reading.column if reading else None,
        table.series,
        read(),
        cells.notes,
    )


def _read_long(cells: Cells, table: _Table) -> RowReader:
    where, pivot = table.where, table.options.pivot or ""
    check_columns([pivot], cells.names, where=where, role="pivot")
    _check_roles(cells.names, table)
    sample, rows = look_ahead(cells.rows, is_at_hand=not table.is_live)
    reading = _find_time(cells, sample, table, {pivot}) if sample else None
    if sample and reading is None:
        raise DataError(
            f"{where}: no time column is found, but rows of one time belong together. "
            "Name it (--time)."
        )
    stamp_of = _stamps(cells, reading)
    series_of = _series(cells, table)
    identifier_of = cells.get(pivot)
    others = {pivot, *(reading.columns if reading else ()), *_parts(cells, table)}
    left = [name for name in cells.names if name and name not in others]
    first = (
        {name: cell_text(cells.get(name)(sample[0])) for name in left} if sample else {}
    )
    long = LongTable.of(first, table.sources)
    gets = {name: cells.get(name) for name in long.values}
    readers = {
        name: reader_named(name, cells.reader(column))
        for name, column in long.columns_of.items()
    }
    changes = CounterChanges(table.spec, table.options)
    rows = _from_first_time(rows, stamp_of, reading, cells.notes)

    def lines() -> Iterator[tuple[int, Any, int, str | None, str, dict[str, Any]]]:
        assert reading is not None
        times = TimeParser(reading)
        for number, row in enumerate(rows, 1):
            identifier = cell_text(identifier_of(row)).strip(CELL_PADDING)
            if not identifier:
                raise DataError(
                    f"{where}: pivot column '{pivot}' is empty in row {number}. "
                    "Name the reading of every row."
                )
            series, stamp = series_of(row, number), stamp_of(row)
            key = f"{series or ''}\0{identifier}"
            time_us = times.parse(cell_text(stamp), row=number, series=key)
            found = {name: get(row) for name, get in gets.items()}
            yield number, stamp, time_us, series, identifier, found

    def read() -> Iterator[Row]:
        for line in pivot_rows(
            lines() if sample else iter(()),
            long,
            spec=table.spec,
            options=table.options,
            is_live=table.is_live,
        ):
            readings = [
                number_in(readers[name], line.cells.get(name), line.row)
                for name in table.sources
            ]
            changes.apply(readings, line.time_us, line.series)
            yield Row(
                line.row, line.stamp, line.time_us, _float32(readings), line.series
            )

    column = reading.column if reading else None
    return RowReader(where, column, table.series, read(), cells.notes)


def _check_names(names: list[str], table: _Table) -> None:
    where, known = table.where, set(names)
    for feature in table.spec.feature_names:
        counter = feature.removesuffix(change_name(""))
        is_change = feature not in known and counter in known and counter != feature
        if is_change and counter not in table.options.difference:
            raise DataError(
                f"{where}: the model input '{feature}' is the change of '{counter}', "
                f"which the table has. Read it with --difference {counter}."
            )
    value = named_value(names)
    if value is not None and not known & {*table.sources}:
        raise DataError(
            f"{where}: there is no column '{table.sources[0]}' for the model input, the "
            f"table has {listed(names)}. If its rows name what "
            f"they read, name the column of these names (--pivot)."
        )
    check_columns(table.sources, names, where=where, role="model input")
    _check_roles(names, table)


def _check_roles(names: list[str], table: _Table) -> None:
    where, series = table.where, table.series
    times = time_columns(table.time, names) if table.time else ()
    check_columns(times, names, where=where, role="time")
    if series is not None:
        check_columns(time_columns(series, names), names, where=where, role="series")
    if series is not None and series == table.time:
        raise DataError(
            f"{where}: column '{series}' is named for the series and for the time. "
            "Name two columns."
        )


def _parts(cells: Cells, table: _Table) -> tuple[str, ...]:
    """The columns that tell the series apart."""
    return time_columns(table.series, cells.names) if table.series else ()


def _find_time(
    cells: Cells, sample: list[Any], table: _Table, taken: set[str]
) -> TimeReading | None:
    spec, names = table.spec, cells.names
    gets = [cells.get(name) if name else None for name in names]
    found = find_time(
        names,
        [[cell_text(get(row)) if get else "" for get in gets] for row in sample],
        where=table.where,
        taken={*taken, *_parts(cells, table)},
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


def _stamps(cells: Cells, reading: TimeReading | None) -> Callable[[Any], Any]:
    """The time of a row as it came, of several cells their joined text."""
    if reading is None:
        return lambda row: None
    gets = [cells.get(name) for name in reading.columns]
    if len(gets) == 1:
        return gets[0]
    return lambda row: reading.join([cell_text(get(row)) for get in gets])


def _from_first_time(
    rows: Iterator[Any],
    stamp_of: Callable[[Any], Any],
    reading: TimeReading | None,
    notes: list[str],
) -> Iterator[Any]:
    """The rows without those above the first one that has a time."""
    number = 0
    for row in rows:
        if reading is not None and has_no_time(cell_text(stamp_of(row))):
            number += 1
            continue
        if number and reading is not None:
            notes.append(no_time_note(reading.where, number))
        yield row
        break
    yield from rows


def _series(cells: Cells, table: _Table) -> Callable[[Any, int], str | None]:
    """The series of a row; DataError where it has none."""
    gets = [cells.get(name) for name in _parts(cells, table)]

    def series_of(row: Any, number: int) -> str | None:
        if not gets:
            return None
        names = [cell_text(get(row)).strip(CELL_PADDING) for get in gets]
        if not all(names):
            raise DataError(
                f"{table.where}: series column '{table.series}' is empty in row {number}. "
                "Name the series of every row."
            )
        return "/".join(names)

    return series_of


def _float32(readings: list[float]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):
        values = np.array(readings, dtype=np.float32)
    values[~np.isfinite(values)] = np.nan
    return values
