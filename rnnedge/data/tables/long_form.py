"""Several things in one table: in turn, told apart by a column of names, or one by one."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import DataError, require
from rnnedge_runtime.tables.layouts.pivot import (
    LongCell,
    column_name,
    named_value,
    pivoted,
)
from rnnedge_runtime.tables.text.cell_text import (
    check_columns,
    long_time_error,
    unnamed_error,
)

from .table import Table, texts

SEPARATOR = "+"
"""Between the columns that tell the series of a row apart together, as in `--series A+B`."""

MAX_NAMES = 10_000
"""Different cells above which a column does not name things."""

HEAD_ROWS = 1_000
"""Rows that tell whether a column holds names."""

REGULAR_SHARE = 0.8
"""Share of a thing's steps near their median that makes its rows regular."""

MOST_COLUMNS = 12
"""Columns from the left in which a count that starts anew is looked for."""

MIN_ROWS = 10
"""Rows of a series, on average, in a table that holds several one after another."""

_NAME_WORDS = """
entity sensor device station node site store item unit engine machine pump meter tag channel
variable metric parameter series location room zone name id uid mac address vehicle asset plant
symbol ticker country city region host field measurement base subject patient
"""
_WORDS_OF_NAMES = frozenset(_NAME_WORDS.split())


def with_joined_column(table: Table, series: str | None) -> Table:
    """A table with the column `A+B`, the cells of A and B joined by a slash.

    Raises:
        DataError: there is no column A or B.
    """
    if series is None or series in table.names or SEPARATOR not in series:
        return table
    names = series.split(SEPARATOR)
    check_columns(names, table.names, where=table.where, role="series")
    polars = require("polars", extra="train", purpose="Reading a table")
    cells = [texts(table.columns[name]) for name in names]
    joined = ["/".join(row) if all(row) else "" for row in zip(*cells, strict=True)]
    columns = {**table.columns, series: polars.Series(series, joined)}
    return dataclasses.replace(table, columns=columns)


def check_is_wide(
    table: Table, taken: Collection[str], time_us: NDArray[np.int64]
) -> None:
    """Raise DataError when the rows of a table are those of several things in turn.

    They are when a column of repeated names explains times that repeat, go backwards or
    alternate: within each name they rise, in regular steps of more than one row.

    Args:
        table: read without a series column.
        taken: columns of times and those that were asked for, which hold readings.
        time_us: `[N]` the times.
    """
    if len(time_us) < 6:
        return
    steps = np.diff(time_us)
    if bool((steps < 0).all()):
        return
    is_mixed = bool((steps <= 0).any())
    for name in _name_columns(table, taken, is_mixed=is_mixed):
        codes = _codes(texts(table.columns[name]))
        if is_mixed:
            is_explained = _all_rise(codes, time_us)
        else:
            is_explained = _alternate(codes, time_us, steps)
        if is_explained:
            raise _long_error(table, [name])
    if not is_mixed:
        return
    pair = _pair(table, taken, time_us)
    if pair:
        raise _long_error(table, pair)
    for name in _name_columns(table, taken, is_mixed=False):
        if _is_named_like_a_name(name):
            raise _long_error(table, [name])


def _long_error(table: Table, names: Sequence[str]) -> DataError:
    cells = [texts(table.columns[name]) for name in names]
    things = list(dict.fromkeys(" ".join(row) for row in zip(*cells, strict=True)))
    shown = ", ".join(things[:3]) + (", ..." if len(things) > 3 else "")
    option = shlex.quote("+".join(names))
    more = (
        f", or --pivot {option} to make each a column of its own"
        if len(names) == 1
        else ""
    )
    named = " and ".join(f"'{name}'" for name in names)
    return DataError(
        f"{table.where}: column{'s' if len(names) > 1 else ''} {named} "
        f"tell{'' if len(names) > 1 else 's'} {len(things):,} things apart ({shown}) whose "
        f"rows are mixed, expected one. Use --series {option} to make each a series of its "
        f"own{more}."
    )


def _name_columns(
    table: Table, others: Collection[str], *, is_mixed: bool
) -> Iterator[str]:
    """Columns of few repeated names, those of text first."""
    polars = require("polars", extra="train", purpose="Reading a table")
    numbered = []
    for name, column in table.columns.items():
        if not name or name in others or column.dtype.is_float():
            continue
        head = dataclasses.replace(table, columns={name: column.head(HEAD_ROWS)})
        found = head.numbers(name)
        if found.num_texts > 0.5 * (head.num_rows - head.columns[name].null_count()):
            if _are_few(column):
                yield name
        elif column.dtype != polars.Boolean and is_mixed:
            values = found.values
            is_whole = bool((values == np.rint(values)).all())
            if is_whole and _is_named_like_a_name(name) and _are_few(column):
                numbered.append(name)
    yield from numbered


def _are_few(column: Any) -> bool:
    return 2 <= column.n_unique() <= min(MAX_NAMES, len(column) // 3)


def _is_named_like_a_name(name: str) -> bool:
    return not _WORDS_OF_NAMES.isdisjoint(re.findall(r"[a-z]+", name.lower()))


def _codes(cells: list[str]) -> NDArray[np.int64]:
    codes: dict[str, int] = {}
    return np.array([codes.setdefault(cell, len(codes)) for cell in cells])


def _own_steps(
    codes: NDArray[np.int64], time_us: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Times from row to row of each name by itself, those of all names together."""
    order = np.argsort(codes, kind="stable")
    same = codes[order][1:] == codes[order][:-1]
    return np.diff(time_us[order])[same]


def _all_rise(codes: NDArray[np.int64], time_us: NDArray[np.int64]) -> bool:
    """Whether times rise within the names, but for a tenth of where they do not over all."""
    num_back = int((np.diff(time_us) <= 0).sum())
    own = _own_steps(codes, time_us)
    return len(own) > 0 and int((own <= 0).sum()) <= 0.1 * num_back


def _alternate(
    codes: NDArray[np.int64], time_us: NDArray[np.int64], steps: NDArray[np.int64]
) -> bool:
    """Whether each name's rows are regular, and further apart than rows of the table."""
    own = _own_steps(codes, time_us)
    if not len(own) or (codes[1:] == codes[:-1]).mean() > 0.5:
        return False
    usual = float(np.median(own))
    is_near = np.abs(own - usual) <= 0.25 * usual
    if is_near.mean() < REGULAR_SHARE:
        return False
    all_usual = float(np.median(steps))
    is_regular = (np.abs(steps - all_usual) <= 0.25 * all_usual).mean() >= REGULAR_SHARE
    return usual > 1.5 * all_usual or not is_regular


def _pair(
    table: Table, others: Collection[str], time_us: NDArray[np.int64]
) -> list[str] | None:
    names = list(_name_columns(table, others, is_mixed=True))[:6]
    for k, first in enumerate(names):
        for second in names[k + 1 :]:
            cells = zip(
                texts(table.columns[first]), texts(table.columns[second]), strict=True
            )
            codes = _codes([f"{a}\0{b}" for a, b in cells])
            if codes.max() < len(codes) // 3 and _all_rise(codes, time_us):
                return [first, second]
    return None


def pivot_table(
    table: Table,
    pivot: str,
    *,
    times: Sequence[str],
    time_us: NDArray[np.int64] | None,
    series: str | None,
    leader: str | None,
    takes_every_time: bool = False,
) -> tuple[Table, NDArray[np.int64]]:
    """A column for each name in the column `pivot`, a row for each time.

    Args:
        pivot: its column of names.
        time_us: `[N]` its times.
        series: its series column; each series has its own rows.
        leader: column whose readings make the rows, the others give their last reading
            since the row before; None: that of the name with most rows.

    Returns:
        The wide table, without time columns, and its times.

    Raises:
        DataError: no such column, no time, an empty name, no readings.
    """
    where = table.where
    check_columns([pivot], table.names, where=where, role="pivot")
    wanted = [] if series is None else [series]
    check_columns(wanted, table.names, where=where, role="series")
    if time_us is None:
        raise long_time_error(where=where)
    values = _value_columns(table, {pivot, *times, series})
    identifiers = texts(table.columns[pivot])
    if "" in identifiers:
        row = identifiers.index("") + 1
        raise unnamed_error(where=where, role="pivot", column=pivot, row=row)
    names = {
        (identifier, value): column_name(identifier, value, is_alone=len(values) == 1)
        for identifier in dict.fromkeys(identifiers)
        for value in values
    }
    if leader is not None:
        known, by = list(names.values()), f"{where}, by '{pivot}'"
        check_columns([leader], known, where=by, role="target")
    else:
        (most, _), *_ = Counter(identifiers).most_common(1)
        leader = names[most, values[0]]
    leaders = None if takes_every_time else [leader]
    for name, _ in () if table.rules is None else table.rules.missing_values:
        wanted = [name] if name else []
        check_columns(wanted, list(names.values()), where=where, role="missing value")
    groups = None if series is None else texts(table.columns[series])
    cells = {value: table.columns[value].to_list() for value in values}

    def lines() -> Iterator[LongCell]:
        for k in np.argsort(time_us, kind="stable").tolist():
            yield LongCell(
                k + 1,
                None,
                int(time_us[k]),
                None if groups is None else groups[k],
                {names[identifiers[k], v]: cells[v][k] for v in values},
            )

    rows = list(pivoted(lines(), leaders=leaders, wanted=()))
    polars = require("polars", extra="train", purpose="Reading a table")
    columns: dict[str, Any] = {}
    if series is not None:
        of_rows = [row.series for row in rows]
        columns[series] = polars.Series(series, of_rows, dtype=polars.String)
    for (_, value), name in names.items():
        found, kind = [row.cells.get(name) for row in rows], table.columns[value].dtype
        columns[name] = polars.Series(name, found, dtype=kind)
    wide = dataclasses.replace(
        table,
        columns=columns,
        units={name: table.units.get(value, "") for (_, value), name in names.items()},
        formats={
            name: table.formats[value]
            for (_, value), name in names.items()
            if value in table.formats
        },
        notes=(
            *table.notes,
            _pivot_note(table, pivot, leaders, names.values(), len(rows)),
        ),
    )
    return wide, np.array([row.time_us for row in rows], dtype=np.int64)


def _pivot_note(
    table: Table,
    pivot: str,
    leaders: Sequence[str] | None,
    names: Collection[str],
    num_rows: int,
) -> str:
    made = (
        f"{table.where}: {table.num_rows:,} rows are {num_rows:,} rows of "
        f"{len(names)} columns, one for each '{pivot}'"
    )
    if leaders is None:
        return f"{made}, at every time of any of them."
    return (
        f"{made}, at the times of '{leaders[0]}'; the others give their last reading since the "
        "row before. Use --resample PERIOD for rows at other times."
    )


def _value_columns(table: Table, others: Collection[str | None]) -> list[str]:
    left = [name for name in table.names if name and name not in others]
    value = named_value(left)
    if value is not None:
        return [value]
    numeric = [name for name in left if table.numbers(name).is_mostly_numbers]
    if not numeric:
        raise DataError(
            f"{table.where}: no column of numbers is left beside the names and the times, "
            f"the table has {', '.join(table.names)}. Name another column to pivot."
        )
    return numeric


def restart_notes(table: Table) -> list[str]:
    """A note where one column counts 1, 2, 3 and starts anew whenever another changes."""
    columns = _whole_columns(table)
    for count, values in columns.items():
        steps = np.diff(values)
        restarts = np.flatnonzero(steps != 1)
        if not 0 < len(restarts) <= len(values) / MIN_ROWS - 1:
            continue
        if np.any(values[restarts + 1] != values[0]) or values[0] not in (0, 1):
            continue
        for name, other in columns.items():
            if np.array_equal(np.flatnonzero(np.diff(other)), restarts):
                return [
                    f"{table.where}: column '{count}' starts anew at {values[0]:g} whenever "
                    f"'{name}' changes, {len(restarts):,} times. If each is a series of its "
                    f"own, give --series {shlex.quote(name)}."
                ]
    return []


def _whole_columns(table: Table) -> dict[str, NDArray[np.float64]]:
    """Columns of whole numbers without a gap."""
    found = {}
    for name in [name for name in table.names if name][:MOST_COLUMNS]:
        try:
            values = table.numbers(name).values
        except DataError:
            continue
        if len(values) and np.array_equal(values, np.floor(values)):
            found[name] = values
    return found
