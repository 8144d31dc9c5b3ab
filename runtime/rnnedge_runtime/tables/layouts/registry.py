"""Texts that are no plain table: JSON, SenML and InfluxDB's CSV, recognised and read."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..timestamps import CELL_PADDING
from .influx import influx_rows, is_influx
from .json_rows import json_rows

_START_OF_JSON = re.compile(r'\{|\[\s*(?:[{\["\]0-9-]|null|true|false|$)')


@dataclass(frozen=True, slots=True)
class Objects:
    """Rows that name their cells.

    Attributes:
        rows: cells by name; a row may lack names that others have.
        units: unit by name, where the text tells; complete once the rows are read.
        are_held: each row is a `Line`, whose fault may be told.
    """

    rows: Iterator[Any]
    units: dict[str, str]
    are_held: bool = False


def starts_as_json(line: str) -> bool:
    """Whether a first line is that of JSON, and not a section such as `[data]`."""
    return _START_OF_JSON.match(line.lstrip(CELL_PADDING + "\ufeff")) is not None


def find_objects(
    lines: Iterable[str],
    *,
    where: str,
    wanted: Collection[str] = (),
    are_held: bool = False,
) -> tuple[Objects | None, Iterator[str]]:
    """The rows of a text that is JSON, SenML or InfluxDB's CSV.

    Args:
        wanted: names that make a row complete, for a stream of single readings.
        are_held: a line of JSON that is none is to come with its fault.

    Returns:
        The rows, or None for any other text; and the lines that are not read yet.
    """
    lines = iter(lines)
    blank = []
    for line in lines:
        if line.strip(CELL_PADDING):
            break
        blank.append(line)
    else:
        return None, iter(blank)
    whole = itertools.chain([line], lines)
    units: dict[str, str] = {}
    is_json = starts_as_json(line)
    if is_json:
        rows: Iterator[Any] = json_rows(
            whole,
            units,
            where=where,
            wanted=wanted,
            start=len(blank) if are_held else None,
        )
    elif is_influx(line.lstrip()):
        rows = influx_rows(whole, where=where)
    else:
        return None, itertools.chain(blank, whole)
    return Objects(rows, units, are_held and is_json), whole
