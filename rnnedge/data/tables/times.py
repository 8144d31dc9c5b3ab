"""The times of whole tables, read as a device reads them row by row."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import DataError
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.time_calendar import HOUR_US
from rnnedge_runtime.tables.time_column import find_time
from rnnedge_runtime.tables.time_reading import TimeReading, join_cells

from .table import Table, texts

if TYPE_CHECKING:
    import polars as pl

HEAD_ROWS = 1_000
"""Rows at the head of a table from which the meaning of its times is decided."""

MORE_ROWS = 3_000
"""Rows spread over the rest of it that are looked at as well."""


def find_table_time(
    table: Table,
    *,
    time: str | None,
    taken: Collection[str],
    options: TableOptions | None = None,
) -> TimeReading | None:
    """The time column of a table and how it is read (`find_time`).

    Raises:
        DataError: as `find_time`.
    """
    rest = table.num_rows - HEAD_ROWS
    places = HEAD_ROWS + np.arange(0, max(rest, 0), max(1, rest // MORE_ROWS))
    columns = [
        (time_cells(column.head(HEAD_ROWS)), time_cells(column.gather(places)))
        for column in table.columns.values()
    ]
    return find_time(
        table.names,
        list(zip(*(head for head, _ in columns), strict=True)),
        where=table.where,
        taken=taken,
        options=options,
        time=time,
        more_rows=list(
            zip(
                (int(place) + 1 for place in places),
                zip(*(more for _, more in columns), strict=True),
                strict=False,
            )
        ),
    )


def table_times(
    table: Table,
    reading: TimeReading,
    groups: Sequence[NDArray[np.int64]] | None = None,
) -> NDArray[np.int64]:
    """`[N]` microseconds since 1970 UTC of all rows.

    Args:
        table: the table that `reading` was found in.
        reading: how its times are read.
        groups: positions of the rows of each series; one series when None.

    Raises:
        DataError: a cell is no time, or times go back by the hour that ends daylight
            saving; the message names the row.
    """
    columns = [time_cells(table.columns[name]) for name in reading.columns]
    cells = columns[0]
    if len(columns) > 1:
        cells = [join_cells(row, reading.joint) for row in zip(*columns, strict=True)]
    times = reading.parse_column(cells, groups)
    if reading.clock == "UTC":
        for rows in [np.arange(len(times))] if groups is None else groups:
            _check_clock_change(times[rows], rows, cells, reading)
    return times


def _check_clock_change(
    times: NDArray[np.int64],
    rows: NDArray[np.int64],
    cells: Sequence[str],
    reading: TimeReading,
) -> None:
    """Raise DataError where times go back by just the hour that daylight saving repeats."""
    steps = np.diff(times)
    back = np.flatnonzero(steps < 0)
    if not len(back) or len(back) > 0.01 * len(steps):
        return
    usual = float(np.median(steps))
    lost = steps[back] - usual + HOUR_US
    if np.all(np.abs(lost) <= 0.25 * usual):
        row = int(rows[back[0] + 1])
        raise DataError(
            f"{reading.where}: time goes back by an hour in row {row + 1}, at "
            f"'{cells[row]}', as local clocks do at the end of daylight saving. Name the "
            "zone of these times with --tz, for example --tz Europe/Berlin."
        )


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
