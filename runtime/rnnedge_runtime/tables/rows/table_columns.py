"""Where the columns, times and series of a table are that were asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ...errors import DataError
from ..layouts.pivot import named_value
from ..text.cell_text import check_columns, listed, unnamed_error
from ..times.column import find_time, time_columns
from ..times.reading import TimeReading, has_no_time, join_cells, no_time_note
from ..timestamps import CELL_PADDING
from .changes import change_name
from .row_cells import AskedTable, Cells, cell_text


def check_names(names: list[str], table: AskedTable) -> None:
    """Raise DataError unless the columns are there that were asked for."""
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
    check_roles(names, table)


def check_roles(names: list[str], table: AskedTable) -> None:
    """Raise DataError unless the columns of time and series are there, and are two."""
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


def series_parts(cells: Cells, table: AskedTable) -> tuple[str, ...]:
    """The columns that tell the series apart."""
    return time_columns(table.series, cells.names) if table.series else ()


def find_reading(
    cells: Cells, sample: list[Any], table: AskedTable, taken: set[str]
) -> TimeReading | None:
    """How the times are read; None of a table that has none.

    Raises:
        DataError: they cannot be told, or there are none and the model needs them.
    """
    spec, names = table.spec, cells.names
    gets = [cells.get(name) if name else None for name in names]
    found = find_time(
        names,
        [[cell_text(get(row)) if get else "" for get in gets] for row in sample],
        where=table.where,
        taken={*taken, *series_parts(cells, table)},
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


def stamps_of(cells: Cells, reading: TimeReading | None) -> Callable[[Any], Any]:
    """The time of a row as it came, of several cells their joined text."""
    if reading is None:
        return lambda row: None
    gets = [cells.get(name) for name in reading.columns]
    if len(gets) == 1:
        return gets[0]
    return lambda row: join_cells([cell_text(get(row)) for get in gets], reading.joint)


def from_first_time(
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


def series_names(cells: Cells, table: AskedTable) -> Callable[[Any, int], str | None]:
    """The series of a row; DataError where it has none."""
    gets = [cells.get(name) for name in series_parts(cells, table)]

    def series_of(row: Any, number: int) -> str | None:
        if not gets:
            return None
        names = [cell_text(get(row)).strip(CELL_PADDING) for get in gets]
        if not all(names):
            raise unnamed_error(
                where=table.where, role="series", column=table.series or "", row=number
            )
        return "/".join(names)

    return series_of
