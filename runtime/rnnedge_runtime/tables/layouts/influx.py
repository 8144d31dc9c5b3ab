"""InfluxDB's CSV, with or without annotations, as rows: a column for each field."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ...errors import DataError
from ..timestamps import parse_time

_ANNOTATIONS = ("#group", "#datatype", "#default")
_NOT_TAGS = frozenset(
    {"", "result", "table", "_start", "_stop", "_time", "_value", "_field"}
)


def is_influx(first: str) -> bool:
    """Whether the first line of a text is InfluxDB's: an annotation, or its header."""
    if first.startswith(_ANNOTATIONS):
        return True
    names = {name.strip().strip('"') for name in first.split(",")}
    return {"_time", "_value"} <= names and bool({"_field", "table"} & names)


@dataclass(slots=True)
class _Reading:
    """One line: a field's value at a time, and what tells its series apart."""

    time: str
    field: str
    value: str
    tags: dict[str, str]


def influx_rows(lines: Iterable[str], *, where: str) -> Iterator[dict[str, str]]:
    """The rows of an InfluxDB table, read to its end: `_time`, tags that vary, fields.

    Fields of one time and one set of tags are one row, in the order of time. Where fields
    of two measurements have the same name, the measurement stands in front of it.

    Raises:
        DataError: a line is cut short, or the text is an error of the data base.
    """
    readings, wide = _read(lines, where)
    if wide:
        yield from wide
        return
    _name_fields(readings)
    kept = _tags_that_matter(readings)
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    stamps: dict[tuple[str, ...], int] = {}
    for reading in readings:
        tags = {name: reading.tags.get(name, "") for name in kept}
        key = (reading.time, *tags.values())
        row = rows.setdefault(key, {"_time": reading.time, **tags})
        row[reading.field] = reading.value
        if key not in stamps:
            stamps[key] = parse_time(reading.time) or 0
    for key in sorted(rows, key=lambda key: stamps[key]):
        yield rows[key]


def _read(
    lines: Iterable[str], where: str
) -> tuple[list[_Reading], list[dict[str, str]]]:
    readings: list[_Reading] = []
    wide: list[dict[str, str]] = []
    names: list[str] | None = None
    defaults: list[str] = []
    is_header_next = True
    number = 0
    for cells in csv.reader(lines):
        if not any(cell.strip() for cell in cells):
            names = None if names and number else names
            is_header_next = is_header_next or names is None
            continue
        if cells[0].startswith("#"):
            is_header_next = True
            if cells[0] == "#default":
                defaults = cells[1:]
            continue
        if is_header_next:
            names, is_header_next = [cell.strip() for cell in cells], False
            if "error" in names:
                raise DataError(
                    f"{where}: the file holds an error of InfluxDB, not readings. "
                    "Mend the query."
                )
            continue
        assert names is not None
        number += 1
        if len(cells) != len(names):
            raise DataError(
                f"{where}: row {number} has {len(cells)} cells, but the header names "
                f"{len(names)} columns. The row is cut short; export the table again."
            )
        filled = [
            cell or (defaults[k - 1] if 0 < k <= len(defaults) else "")
            for k, cell in enumerate(cells)
        ]
        row = dict(zip(names, filled, strict=True))
        if "_value" in row and "_time" in row:
            tags = {name: cell for name, cell in row.items() if name not in _NOT_TAGS}
            name = row.get("_field") or "_value"
            readings.append(_Reading(row["_time"], name, row["_value"], tags))
        else:
            hidden = _NOT_TAGS - {"_time"}
            wide.append({k: v for k, v in row.items() if k not in hidden})
    return readings, wide


def _name_fields(readings: list[_Reading]) -> None:
    """Put the measurement before fields of one name, and take it out of the tags."""
    homes: dict[str, set[str]] = {}
    for reading in readings:
        homes.setdefault(reading.field, set()).add(reading.tags.get("_measurement", ""))
    for reading in readings:
        measurement = reading.tags.pop("_measurement", "")
        if len(homes[reading.field]) > 1:
            reading.field = f"{measurement}.{reading.field}"


def _tags_that_matter(readings: list[_Reading]) -> list[str]:
    """Tags without which a field would have two values: those that vary within a field."""
    seen: dict[tuple[str, str], set[str]] = {}
    for reading in readings:
        for name, cell in reading.tags.items():
            seen.setdefault((name, reading.field), set()).add(cell)
    varying = [name for (name, _), cells in seen.items() if len(cells) > 1]
    return list(dict.fromkeys(varying))
