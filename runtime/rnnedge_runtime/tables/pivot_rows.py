"""`--pivot` on the device: the lines of a long table as rows of the model's features."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import DataError
from ..spec import ModelSpec
from .cell_text import check_columns, parse_reading
from .options import TableOptions
from .pivot import LongCell, column_name, named_value, pivoted
from .timestamps import CELL_PADDING, find_time_column, time_or_error


@dataclass(frozen=True, slots=True)
class _Names:
    """Columns of a long table by what they hold."""

    pivot: str
    time: str
    series: str | None
    values: tuple[str, ...]
    are_named: bool


def pivot_table(
    names: Sequence[str],
    rows: Iterator[Mapping[str, Any]],
    spec: ModelSpec,
    options: TableOptions,
    *,
    where: str,
    time: str | None,
    series: str | None,
    is_live: bool,
) -> tuple[Iterator[LongCell], str]:
    """Rows with a cell for each feature, and the name of the time column.

    Args:
        names: columns of the long table.
        rows: its cells by column.
        spec: names the features.
        options: `pivot` names the column of identifiers.
        where: start of messages.
        time: the time column; None: found.
        series: the series column; None: one series.
        is_live: rows come in the order of time and must be answered soon; otherwise all
            are read first and sorted.

    Raises:
        DataError: a column is missing, or the table lacks a feature's readings.
    """
    pivot = options.pivot or ""
    check_columns([pivot], names, where=where, role="pivot")
    check_columns([time] if time else [], names, where=where, role="time")
    check_columns([series] if series else [], names, where=where, role="series")
    first = next(rows, None)
    if first is None:
        return iter(()), time or ""
    texts = [_text(first.get(name)) for name in names]
    taken = {pivot, series or ""}
    column = time or find_time_column(names, texts, where=where, taken=taken)
    if column is None:
        raise DataError(
            f"{where}: no time column is found, but rows of one time belong together. "
            "Name it (--time)."
        )
    values, are_named = _value_columns(first, {pivot, series, column}, spec)
    names_of = _Names(pivot, column, series, tuple(values), are_named)
    cells = _cells(itertools.chain([first], rows), names_of, spec, where=where)
    lines = cells if is_live else iter(sorted(cells, key=lambda line: line.time_us))
    target = spec.targets[0].name
    leader = target if target in spec.feature_names else spec.feature_names[0]
    found = pivoted(
        lines,
        leaders=None if options.resample else [leader],
        wanted=spec.feature_names if is_live else (),
    )
    return found, column


def _value_columns(
    first: Mapping[str, Any], others: set[str | None], spec: ModelSpec
) -> tuple[list[str], bool]:
    """The columns that features are read from, and whether features name them."""
    left = [name for name in first if name and name not in others]
    value = named_value(left)
    if value is not None:
        return [value], False
    numeric = [name for name in left if math.isfinite(_number(first[name]))]
    named = [n for n in left if any(f.endswith(f"_{n}") for f in spec.feature_names)]
    if named and len(numeric) != 1:
        return named, True
    return (numeric or left)[:1], False


def _cells(
    rows: Iterator[Mapping[str, Any]], names: _Names, spec: ModelSpec, *, where: str
) -> Iterator[LongCell]:
    features = set(spec.feature_names)
    for number, row in enumerate(rows, 1):
        identifier = _text(row.get(names.pivot))
        if not identifier:
            raise DataError(
                f"{where}: pivot column '{names.pivot}' is empty in row {number}. "
                "Name the reading of every row."
            )
        found = {
            column_name(identifier, value, is_alone=not names.are_named): row.get(value)
            for value in names.values
        }
        cells = {name: cell for name, cell in found.items() if name in features}
        stamp = row.get(names.time)
        time_us = time_or_error(
            _text(stamp), where=where, column=names.time, row=number
        )
        series = None if names.series is None else _text(row.get(names.series))
        yield LongCell(number, stamp, time_us, series, cells)


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip(CELL_PADDING)


def _number(value: Any) -> float:
    number = parse_reading(_text(value))
    return math.nan if number is None else number
