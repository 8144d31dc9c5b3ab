"""Long tables, one reading a line beside its name, as rows of a column for each name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...spec.model_spec import ModelSpec
from ..options import TableOptions
from ..text.cell_text import parse_reading


@dataclass(frozen=True, slots=True)
class LongCell:
    """What one line of a long table says.

    Attributes:
        row: its number, from 1.
        stamp: its time cell as it came.
        time_us: the same in microseconds since 1970 UTC.
        series: name of its series, None when there is one.
        cells: text by the name of the column that it belongs to.
    """

    row: int
    stamp: Any
    time_us: int
    series: str | None
    cells: dict[str, Any]


@dataclass(slots=True)
class _Open:
    """What is known of the next row of one series."""

    time_us: int
    stamp: Any
    row: int
    cells: dict[str, Any] = field(default_factory=dict)
    fresh: set[str] = field(default_factory=set)
    has_leader: bool = False


_VALUE_NAMES = ("state", "value", "_value", "val", "reading", "v")


def named_value(names: Iterable[str]) -> str | None:
    """The column that holds the readings, by its name; None when no name tells."""
    by_word = {name.lower(): name for name in names}
    return next((by_word[word] for word in _VALUE_NAMES if word in by_word), None)


def column_name(identifier: str, column: str, *, is_alone: bool) -> str:
    """Name of the column of one identifier; with several value columns both stand in it."""
    return identifier if is_alone else f"{identifier}_{column}"


def pivoted(
    lines: Iterable[LongCell], *, leaders: Sequence[str] | None, wanted: Sequence[str]
) -> Iterator[LongCell]:
    """One row for each time, of every series, from lines in the order of time.

    Args:
        leaders: columns whose readings make rows; the others give each row their last
            reading since the row before. None: every time makes a row.
        wanted: columns whose readings of one time make a row complete at once; () waits for
            a later time.
    """
    opened: dict[str | None, _Open] = {}
    for line in lines:
        now = opened.get(line.series)
        if now is not None and now.time_us != line.time_us:
            if leaders is None or now.has_leader:
                yield _closed(now, line.series)
                now = None
            else:
                now.time_us, now.stamp, now.row = line.time_us, line.stamp, line.row
                now.fresh.clear()
        if now is None:
            now = opened[line.series] = _Open(line.time_us, line.stamp, line.row)
        now.cells |= line.cells
        now.fresh |= line.cells.keys()
        now.has_leader |= leaders is None or any(n in leaders for n in line.cells)
        if wanted and now.fresh.issuperset(wanted):
            yield _closed(now, line.series)
            del opened[line.series]
    for series, now in opened.items():
        if leaders is None or now.has_leader:
            yield _closed(now, series)


def _closed(now: _Open, series: str | None) -> LongCell:
    return LongCell(now.row, now.stamp, now.time_us, series, now.cells)


@dataclass(frozen=True, slots=True)
class LongTable:
    """Where a long table holds what features are read from.

    Attributes:
        values: columns of readings.
        are_named: whether their names stand in those of the features.
        columns_of: column of readings by feature.
    """

    values: tuple[str, ...]
    are_named: bool
    columns_of: dict[str, str]

    @classmethod
    def of(cls, first: Mapping[str, str], features: Sequence[str]) -> LongTable:
        """Tell from the first row, without its names and times, and the features."""
        values, are_named = _value_columns(first, features)
        columns_of = {
            feature: next(
                (v for v in values if are_named and feature.endswith(f"_{v}")),
                values[0] if values else "",
            )
            for feature in features
        }
        return cls(tuple(values), are_named, columns_of if values else {})


def _value_columns(
    first: Mapping[str, str], features: Sequence[str]
) -> tuple[list[str], bool]:
    """The columns that features are read from, and whether features name them."""
    left = list(first)
    value = named_value(left)
    if value is not None:
        return [value], False
    numbers = {name: parse_reading(first[name]) for name in left}
    numeric = [n for n, x in numbers.items() if x is not None and math.isfinite(x)]
    named = [n for n in left if any(f.endswith(f"_{n}") for f in features)]
    if named and len(numeric) != 1:
        return named, True
    return (numeric or left)[:1], False


def pivot_rows(
    lines: Iterable[tuple[int, Any, int, str | None, str, dict[str, Any]]],
    table: LongTable,
    *,
    spec: ModelSpec,
    options: TableOptions,
    is_live: bool,
) -> Iterator[LongCell]:
    """Rows with a cell for each feature.

    Args:
        lines: row number, time cell, time, series, name and cells of each line.
        is_live: lines come in the order of time and must be answered soon; otherwise all
            are read first and sorted.
    """
    wanted = tuple(table.columns_of)

    def cells() -> Iterator[LongCell]:
        for number, stamp, time_us, series, identifier, found in lines:
            named = {
                column_name(identifier, name, is_alone=not table.are_named): cell
                for name, cell in found.items()
            }
            kept = {name: cell for name, cell in named.items() if name in wanted}
            yield LongCell(number, stamp, time_us, series, kept)

    target = spec.targets[0].name
    leader = spec.feature_names.index(target) if target in spec.feature_names else 0
    ordered: Iterable[LongCell] = cells()
    if not is_live:
        ordered = sorted(ordered, key=lambda line: line.time_us)
    return pivoted(
        ordered,
        leaders=None if options.resample else wanted[leader : leader + 1],
        wanted=wanted if is_live else (),
    )
