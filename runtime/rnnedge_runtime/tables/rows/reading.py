"""Tables row by row, with the standard library: what a device reads.

A row is what the model needs of a line: its time and its readings in feature order. The
training side reads whole tables (`rnnedge/data/tables/`) and means the same by each cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ...errors import DataError
from ...spec.model_spec import ModelSpec
from ..held_out import NO_TIME, Fault, HeldOut, Line
from ..layouts.pivot import LongTable, column_name, pivot_rows
from ..layouts.registry import find_objects
from ..options import TableOptions
from ..text.cell_text import check_columns, long_time_error, unnamed_error
from ..text.encoding import TextLines
from ..times.reading import TimeParser, TimeReading
from ..timestamps import CELL_PADDING
from .careful_rows import read_carefully
from .changes import CounterChanges
from .plain_rows import PlainRows
from .resampling import parse_resampling, resampled_rows
from .row import Row, row_readings
from .row_cells import (
    AskedTable,
    Cells,
    cell_text,
    decoded,
    is_at_hand,
    look_ahead,
    number_in,
    object_cells,
    text_cells,
)
from .table_columns import (
    check_names,
    check_roles,
    find_reading,
    from_first_time,
    series_names,
    series_parts,
    stamps_of,
)

_Named = tuple[int, Any, int, str | None, str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class RowReader:
    """Rows of an open table, read as they are asked for.

    Attributes:
        where: name of the table, for messages.
        time_column: its time column, None when it has none.
        series_column: the column that tells its series apart, None when it is one series.
        rows: the rows; raises DataError at a row that cannot be read.
        notes: how the table is read; grows while the rows are read.
        plain: reads many rows at once; None where no table of text is at hand.
    """

    where: str
    time_column: str | None
    series_column: str | None
    rows: Iterator[Row]
    notes: list[str] = field(default_factory=list)
    plain: PlainRows | None = None


def read_rows(
    lines: Iterable[str],
    spec: ModelSpec,
    *,
    where: str,
    time: str | None = None,
    series: str | None = None,
    options: TableOptions | None = None,
    held: HeldOut | None = None,
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
        held: takes the lines that cannot be read; None where each is an error.

    Raises:
        DataError: no line at all, a column is missing, the time column is not a time.
    """
    spec = spec.by_row
    is_live = lines.is_live if isinstance(lines, TextLines) else not is_at_hand(lines)
    options = options or TableOptions()
    table = AskedTable(where, spec, time, series, options, is_live, held)
    notes = list(lines.notes) if isinstance(lines, TextLines) else []
    text = lines
    objects, lines = find_objects(
        decoded(lines, where=where),
        where=where,
        wanted=spec.feature_names if is_live else (),
        are_held=held is not None,
    )
    if objects is not None:
        cells = object_cells(objects, table, notes)
    else:
        cells = text_cells(lines, table, notes)
    reading, rows, plain = _read(cells, table)
    if options.resample is not None:
        resampling = parse_resampling(options.resample)
        rows = resampled_rows(rows, resampling, where=where)
        plain = None
    if plain is not None and isinstance(text, TextLines) and text.source is not None:
        plain.text = text
    else:
        plain = None
    column = reading.column if reading else None
    return RowReader(where, column, series, rows, notes, plain)


_Read = tuple[TimeReading | None, Iterator[Row], PlainRows | None]


def _read(cells: Cells, table: AskedTable) -> _Read:
    if table.options.pivot is not None:
        return _read_long(cells, table)
    check_names(cells.names, table)
    if table.held is not None and cells.are_held:
        return read_carefully(cells, table, table.held)
    sample, rows = look_ahead(cells.rows, is_at_hand=not table.is_live)
    reading = None
    if sample:
        reading = find_reading(cells, sample, table, {*table.sources})
    stamp_of = stamps_of(cells, reading)
    series_of = series_names(cells, table)
    columns = [(cells.reader(name), cells.get(name)) for name in table.sources]
    changes = CounterChanges(table.spec, table.options)
    rows = from_first_time(rows, stamp_of, reading, cells.notes)

    def read() -> Iterator[Row]:
        times = None if reading is None else TimeParser(reading)
        for number, row in enumerate(rows, 1):
            series = series_of(row, number)
            stamp, time_us = stamp_of(row), None
            if times is not None:
                time_us = times.parse(cell_text(stamp), row=number, series=series or "")
            readings = [number_in(reader, get(row), number) for reader, get in columns]
            changes.apply(readings, time_us, series)
            yield Row(number, stamp, time_us, row_readings(readings), series)

    return reading, read(), None


def _stamp_in(stamp_of: Callable[[Any], Any]) -> Callable[[Line], Any]:
    """The time of a line; one that cannot be told counts as one that is there."""

    def stamp(line: Line) -> Any:
        try:
            return stamp_of(line.cells)
        except (IndexError, AttributeError):
            return "0"

    return stamp


def _read_long(cells: Cells, table: AskedTable) -> _Read:
    where, pivot = table.where, table.options.pivot or ""
    check_columns([pivot], cells.names, where=where, role="pivot")
    check_roles(cells.names, table)
    lines, is_at_hand = _sound(cells, table.held), not table.is_live
    seen, lines = look_ahead(lines, is_at_hand=is_at_hand)
    sample = [line.cells for line in seen]
    reading = find_reading(cells, sample, table, {pivot}) if sample else None
    if sample and reading is None:
        raise long_time_error(where=where)
    stamp_of = stamps_of(cells, reading)
    series_of = series_names(cells, table)
    identifier_of = cells.get(pivot)
    others = {pivot, *(reading.columns if reading else ()), *series_parts(cells, table)}
    left = [name for name in cells.names if name and name not in others]
    first = (
        {name: cell_text(cells.get(name)(sample[0])) for name in left} if sample else {}
    )
    long = LongTable.of(first, table.sources)
    gets = {name: cells.get(name) for name in long.values}
    readers = {
        name: cells.reader(column).for_column(name)
        for name, column in long.columns_of.items()
    }
    changes = CounterChanges(table.spec, table.options)
    lines = from_first_time(lines, _stamp_in(stamp_of), reading, cells.notes)

    def cells_of(times: TimeParser, number: int, row: Any) -> _Named:
        identifier = cell_text(identifier_of(row)).strip(CELL_PADDING)
        if not identifier:
            raise unnamed_error(where=where, role="pivot", column=pivot, row=number)
        series, stamp = series_of(row, number), stamp_of(row)
        key = f"{series or ''}\0{identifier}"
        time_us = times.parse(cell_text(stamp), row=number, series=key)
        found = {name: get(row) for name, get in gets.items()}
        for name, cell in found.items() if table.held is not None else ():
            column = column_name(identifier, name, is_alone=not long.are_named)
            if column in readers:
                number_in(readers[column], cell, number)
        return number, stamp, time_us, series, identifier, found

    def named() -> Iterator[_Named]:
        assert reading is not None
        times = TimeParser(reading)
        for number, line in enumerate(lines, 1):
            try:
                found = cells_of(times, number, line.cells)
            except DataError as error:
                if table.held is None:
                    raise
                fault = Fault(error.reason or NO_TIME, str(error))
                table.held.add(fault, line.number)
                continue
            yield found

    def read() -> Iterator[Row]:
        for line in pivot_rows(
            named() if sample else iter(()),
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
                line.row, line.stamp, line.time_us, row_readings(readings), line.series
            )

    return reading, read(), None


def _sound(cells: Cells, held: HeldOut | None) -> Iterator[Line]:
    """The lines of a table that have no fault."""
    for row in cells.rows:
        line = row if isinstance(row, Line) else Line(0, row)
        if line.fault is None:
            yield line
        elif held is not None:
            held.add(line.fault, line.number)
