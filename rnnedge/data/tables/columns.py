"""Which columns of tables can be learned from, and their readings in float64."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import DataError
from rnnedge_runtime.tables.times.headers import is_index_like

from .suspects import value_notes
from .table import Numbers, Table

MIN_ROWS_OF_AN_INDEX = 10
"""Rows from which on numbers that rise by one step in every row are taken for an index."""

ONE_WAY_SHARE = 0.9
"""Share of the steps of a count that go the same way."""

MAX_LOST_SHARE = 0.1
"""Share of the different values of a column that float32 may run together."""

Readings = dict[str, list[NDArray[np.float64]]]


def common_names(tables: list[Table], others: Collection[str | None]) -> list[str]:
    """Columns that all tables have, in the order of the first, without `others`."""
    common = set(tables[0].names).intersection(*(table.names for table in tables))
    common = common.difference(others, [""])
    return [name for name in tables[0].names if name in common]


def read_columns(
    tables: list[Table],
    names: Sequence[str],
    asked: Collection[str],
    differences: Collection[str],
    *,
    is_learned: bool = True,
) -> tuple[Readings, list[str], set[str]]:
    """Numbers of the usable columns by name, one array per table; notes; decimal marks.

    The notes are on the columns that are left out and on odd values, the marks those of
    the numbers where text told.

    Args:
        tables: at least one.
        asked: those that must be usable.
        differences: those whose change is learned, so that float32 need not hold them.
        is_learned: whether columns that were asked for must vary.

    Raises:
        DataError: a column that was asked for cannot be used, or a cell of numbers is text.
    """
    readings: Readings = {}
    notes: list[str] = []
    decimals: set[str] = set()
    where = tables[0].where
    for name in names:
        parts = [table.numbers(name) for table in tables]
        num_numbers = sum(int(np.isfinite(part.values).sum()) for part in parts)
        are_numbers = num_numbers > sum(part.num_texts for part in parts)
        for table, part in zip(tables, parts, strict=True):
            if part.first_text and (name in asked or are_numbers):
                raise part.error(where=table.where, column=name)
        values = [part.values for part in parts]
        fault = _fault(parts)
        if name in asked and not is_learned:
            fault = None
        if fault is not None and name in asked:
            raise DataError(
                f"{where}: column '{name}' {fault}, so there is nothing to learn from it. "
                "Leave it out, or give a table in which it varies."
            )
        if fault is None and name not in asked and _is_index(name, values):
            fault = (
                "just counts from row to row; name it as a feature (--feature) if it is a "
                "reading"
            )
        if fault is None and name not in differences:
            loss = float32_loss(name, values)
            if loss is not None and name in asked:
                raise DataError(f"{where}: column '{name}' {loss}")
            fault = None if loss is None else loss.removesuffix(".")
        if fault is None:
            readings[name] = values
            decimals |= {part.decimal for part in parts if part.decimal}
            notes += _suspects(tables, name, values)
        else:
            notes.append(f"{where}: column '{name}' is left out, it {fault}.")
    notes += _notes_on_others(tables)
    return readings, notes, decimals


def _suspects(
    tables: list[Table], name: str, values: list[NDArray[np.float64]]
) -> list[str]:
    """Notes on values that may be no readings, each value once."""
    notes: dict[str, str] = {}
    for table, part in zip(tables, values, strict=True):
        for note in value_notes(part, name):
            notes.setdefault(note.split(" is ")[0], f"{table.where}: {note}")
    return list(notes.values())


def _notes_on_others(tables: list[Table]) -> list[str]:
    notes = [
        f"{table.where}: a column without a name is left out."
        for table in tables
        if "" in table.names and table.columns[""].n_unique() > 1
    ]
    common = common_names(tables, ())
    for table in tables:
        extra = [name for name in table.names if name and name not in common]
        if extra:
            notes.append(
                f"{table.where}: column{'s' if len(extra) > 1 else ''} "
                f"{', '.join(extra)} left out, another table has no such column."
            )
    return notes


def _fault(parts: list[Numbers]) -> str | None:
    for part in parts:
        if part.first_text:
            row, text = part.first_text
            return f"holds text ('{text}' in row {row})"
    values = np.concatenate([part.values for part in parts])
    present = values[np.isfinite(values)]
    if not len(present):
        return f"is empty in all {len(values):,} rows"
    if len(values) == 1:
        return f"is {present[0]:g} in the only row of the table"
    if present.min() == present.max():
        if len(present) == len(values):
            return f"is {present[0]:g} in all {len(values):,} rows"
        return f"is {present[0]:g} in all {len(present):,} rows that have it"
    return None


def _is_index(name: str, parts: Sequence[NDArray[np.float64]]) -> bool:
    """Whether a column counts rows or time: its name says so, or its steps are all 1."""
    moves = np.concatenate([np.diff(part[np.isfinite(part)]) for part in parts])
    share_up = (moves[moves != 0] > 0).mean() if moves.any() else 0.5
    if 1 - ONE_WAY_SHARE < share_up < ONE_WAY_SHARE:
        return False
    if all(is_index_like(name, part) for part in parts):
        return True
    steps = np.concatenate([np.diff(part) for part in parts])
    return len(steps) >= MIN_ROWS_OF_AN_INDEX - 1 and bool(
        (np.abs(steps) == 1).all() and (steps == steps[0]).all()
    )


def float32_loss(name: str, parts: Sequence[NDArray[np.float64]]) -> str | None:
    """What float32 loses of a column, as the end of a sentence and advice; None if little.

    It matters where values that differ run together and the steps from row to row are not
    above what float32 resolves, as in a counter that has counted for long.
    """
    values = np.concatenate([part[np.isfinite(part)] for part in parts])
    steps = np.abs(np.concatenate([np.diff(part[np.isfinite(part)]) for part in parts]))
    steps = steps[steps > 0]
    if not len(steps):
        return None
    resolution = float(np.spacing(np.float32(np.abs(values).max())))
    if np.median(steps) > 8 * resolution:
        return None
    num_values = len(np.unique(values))
    num_kept = len(np.unique(values.astype(np.float32)))
    if num_kept >= (1 - MAX_LOST_SHARE) * num_values:
        return None
    return (
        f"goes from {values.min():.12g} to {values.max():.12g} in steps of about "
        f"{np.median(steps):g}, but float32 resolves {resolution:g} there: its "
        f"{num_values:,} different values become {num_kept:,}. Learn its change from row "
        f"to row with --difference {shlex.quote(name)}, or subtract an offset first."
    )
