"""The times of whole tables, read as a device reads them row by row."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import DataError
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.times.calendar import DAY_US, HOUR_US
from rnnedge_runtime.tables.times.cells import Form
from rnnedge_runtime.tables.times.column import find_time
from rnnedge_runtime.tables.times.reading import (
    TimeReading,
    has_no_time,
    join_cells,
    no_time_note,
)

from .table import Table, texts

if TYPE_CHECKING:
    import polars as pl

HEAD_ROWS = 1_000
"""Rows at the head of a table from which the meaning of its times is decided."""

MORE_ROWS = 3_000
"""Rows spread over the rest of it that are looked at as well."""


def find_table_times(
    tables: Sequence[Table],
    *,
    time: str | None,
    taken: Collection[str],
    options: TableOptions | None = None,
    clock: str = "",
) -> list[TimeReading | None]:
    """How the times of each table are read (`find_time`).

    A table too short to tell, such as one with 03/04/2024 alone, is read as those of the
    tables that tell are, if they agree.

    Raises:
        DataError: as `find_time`; or some tables have times and some have none.
    """

    def found_in(table: Table, like: Form | None = None) -> TimeReading | None:
        rest = table.num_rows - HEAD_ROWS
        places = HEAD_ROWS + np.arange(0, max(rest, 0), max(1, rest // MORE_ROWS))
        columns = list(table.columns.values())
        heads = [time_cells(column.head(HEAD_ROWS)) for column in columns]
        more = [time_cells(column.gather(places)) for column in columns]
        return find_time(
            table.names,
            list(zip(*heads, strict=True)),
            where=table.where,
            taken=taken,
            options=options,
            time=time,
            more_rows=list(
                zip((places + 1).tolist(), zip(*more, strict=True), strict=False)
            ),
            like=like,
            clock=clock,
        )

    found: list[TimeReading | None] = []
    doubtful: dict[int, DataError] = {}
    for k, table in enumerate(tables):
        try:
            one = found_in(table)
        except DataError as error:
            one, doubtful[k] = None, error
        found.append(one)
    forms = {one.form for one in found if one is not None}
    for k, doubt in doubtful.items():
        if len(forms) != 1:
            raise doubt
        found[k] = found_in(tables[k], next(iter(forms)))
    if None in found and any(found):
        without = tables[found.index(None)].where
        raise DataError(
            f"{without}: no time column is found, but the other tables have one. "
            "Name it (--time), or leave this table out."
        )
    return found


def notes_of(readings: Sequence[TimeReading | None]) -> list[str]:
    """The notes on the times of all tables; what is said of several is said once."""
    notes: dict[str, list[str]] = {}
    for reading in readings:
        for note in reading.notes if reading is not None else ():
            assert reading is not None
            said = note.removeprefix(f"{reading.where}: ")
            key = said.split("; '")[0]
            notes.setdefault(key, []).append(note)
    return [
        first
        if not others
        else f"{first.rstrip('.')} (so in {len(others):,} more table"
        f"{'s' if len(others) > 1 else ''})."
        for first, *others in notes.values()
    ]


def from_first_time(table: Table, reading: TimeReading) -> Table:
    """The table without the rows above the first one that has a time."""
    cells = joined_cells(table, reading)
    number = next((k for k, cell in enumerate(cells) if not has_no_time(cell)), 0)
    if not number:
        return table
    return dataclasses.replace(
        table,
        columns={name: column[number:] for name, column in table.columns.items()},
        notes=(*table.notes, no_time_note(table.where, number)),
    )


def joined_cells(table: Table, reading: TimeReading) -> list[str]:
    """The time cells of all rows, those of several columns joined."""
    columns = [time_cells(table.columns[name]) for name in reading.columns]
    if len(columns) == 1:
        return columns[0]
    return [join_cells(row, reading.joint) for row in zip(*columns, strict=True)]


def table_times(
    cells: Sequence[str],
    reading: TimeReading,
    groups: Sequence[NDArray[np.int64]] | None = None,
) -> tuple[NDArray[np.int64], list[str]]:
    """`[N]` microseconds since 1970 UTC of all rows, and notes on them.

    Args:
        cells: of the times (`joined_cells`).
        groups: positions of the rows of each series; one series when None.

    Raises:
        DataError: a cell is no time, or times go back by the hour that ends daylight
            saving; the message names the row.
    """
    times = reading.parse_column(cells, groups)
    notes: list[str] = []
    if reading.clock == "UTC":
        for rows in [np.arange(len(times))] if groups is None else groups:
            notes += _clock_change(times[rows], rows, cells, reading)
    return times, notes[:1]


def _clock_change(
    times: NDArray[np.int64],
    rows: NDArray[np.int64],
    cells: Sequence[str],
    reading: TimeReading,
) -> list[str]:
    """A note where one hour occurs twice or is skipped; DataError where it goes back.

    All are what local clocks do when daylight saving ends or begins.
    """
    steps = np.diff(times)
    if not len(steps):
        return []
    usual = float(np.median(steps))
    back = np.flatnonzero((steps < 0) | ((steps == 0) & (usual == HOUR_US)))
    if len(back) and len(back) <= max(1, 0.01 * len(steps)):
        if np.any(np.abs(steps[back] - usual + HOUR_US) > 0.25 * usual):
            return []
        said = _where(reading, cells, rows[back[0] + 1])
        if steps[back].min() < 0:
            raise DataError(f"{said} goes back by an hour, {_LOCAL_CLOCK}")
        if _month(times[back[0]]) in (4, 9, 10, 11):
            return [f"{said} repeats an hour, {_LOCAL_CLOCK}"]
        return []
    ahead = np.flatnonzero(np.abs(steps - usual - HOUR_US) <= 0.01 * usual)
    for k in ahead[:_FEW]:
        day, after_us = divmod(int(times[k + 1]), DAY_US)
        is_sunday = day % 7 == 3
        if is_sunday and after_us // HOUR_US == 3 and _month(times[k]) in (3, 4, 9, 10):
            return [
                f"{_where(reading, cells, rows[k + 1])} skips an hour, {_LOCAL_CLOCK}"
            ]
    return []


_FEW = 20
_LOCAL_CLOCK = (
    "as local clocks do for daylight saving. Name the zone of these times with --tz, for "
    "example --tz Europe/Berlin."
)


def _where(reading: TimeReading, cells: Sequence[str], row: int) -> str:
    return f"{reading.where}: the time of row {row + 1}, '{cells[row]}',"


def _month(time_us: int) -> int:
    return int(str(np.datetime64(int(time_us), "us"))[5:7])


def time_cells(column: pl.Series) -> list[str]:
    """The cells as text: times with a zone in UTC with `Z`, whole numbers without point."""
    import polars as pl

    if isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone is not None:
        return [f"{text}Z" if text else "" for text in texts(column)]
    if column.dtype.is_float():
        values = column.cast(pl.Float64).fill_null(0.0).to_numpy()
        if np.all(np.isfinite(values) & (np.abs(values) < 2**62)) and np.array_equal(
            values, np.floor(values)
        ):
            column = column.cast(pl.Int64)
    return texts(column)
