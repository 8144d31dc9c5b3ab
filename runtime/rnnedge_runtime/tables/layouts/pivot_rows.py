"""`--pivot` on the device: the lines of a long table as rows of the model's features."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...spec.model_spec import ModelSpec
from ..options import TableOptions
from ..text.cell_text import parse_reading
from .pivot import LongCell, column_name, named_value, pivoted


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
    numeric = [name for name in left if math.isfinite(_number(first[name]))]
    named = [n for n in left if any(f.endswith(f"_{n}") for f in features)]
    if named and len(numeric) != 1:
        return named, True
    return (numeric or left)[:1], False


def _number(text: str) -> float:
    number = parse_reading(text)
    return math.nan if number is None else number


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
        table: where the readings are.
        spec: names the features.
        options: how the table is read.
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
