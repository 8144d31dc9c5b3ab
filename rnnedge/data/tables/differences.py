"""`--difference`: a counter as its change from row to row, taken in float64."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import DataError
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.rows.changes import change_name, counter_change
from rnnedge_runtime.tables.text.cell_text import check_columns

from .table import Table


def change_names(names: Iterable[str], options: TableOptions) -> tuple[str, ...]:
    """`names`, those of counters as the names of their changes."""
    return tuple(
        change_name(name) if name in options.difference else name for name in names
    )


def renamed(table: Table, options: TableOptions) -> Table:
    """A table whose counters have the names of their changes; the cells are as they were.

    Raises:
        DataError: a counter is missing, or the name of its change is taken.
    """
    if not options.difference:
        return table
    if options.resample is not None:
        raise DataError(
            f"--difference stands beside --resample {options.resample}, expected one of "
            "them. Resample the counter with `last` in a tool of your own first."
        )
    check_columns(options.difference, table.names, where=table.where, role="difference")
    for name in options.difference:
        if change_name(name) in table.names:
            raise DataError(
                f"{table.where}: the change of '{name}' would be named "
                f"'{change_name(name)}', but the table has such a column. Rename it."
            )

    def name_of(name: str) -> str:
        return change_name(name) if name in options.difference else name

    return dataclasses.replace(
        table,
        columns={name_of(name): column for name, column in table.columns.items()},
        units={name_of(name): unit for name, unit in table.units.items()},
        formats={name_of(name): kind for name, kind in table.formats.items()},
    )


def changes(
    values: NDArray[np.float64],
    time_us: NDArray[np.int64] | None,
    *,
    where: str,
    column: str,
) -> tuple[NDArray[np.float64], list[str]]:
    """Changes of a counter from the row before, of one series.

    Missing in the first row, after a hole, and where the counter fell: it was reset.

    Args:
        values: `[N]` of the counter.
        time_us: `[N]` times of the rows; None when they are one step apart.
        column: name of the change.

    Returns:
        `[N]` changes, and notes.
    """
    order = np.arange(len(values))
    if time_us is not None:
        order = np.argsort(time_us, kind="stable")
    found = np.full(len(values), np.nan)
    steps = None if time_us is None else np.diff(time_us[order])
    usual = None
    if steps is not None and (steps > 0).any():
        usual = float(np.median(steps[steps > 0])) / 1e6
    resets = 0
    last: tuple[float, int | None] | None = None
    for k in order.tolist():
        now = (float(values[k]), None if time_us is None else int(time_us[k]))
        if last is not None:
            found[k] = counter_change(last, now, usual)
            resets += bool(now[0] < last[0])
        last = now if last is None or now[1] is None or now[1] != last[1] else last
    name = column.removesuffix("_change")
    note = f"{where}: '{column}' is the change of '{name}' from the row before"
    if resets:
        note += (
            f"; it fell {resets:,} time{'' if resets == 1 else 's'}, taken as missing"
        )
    return found, [f"{note}."]
