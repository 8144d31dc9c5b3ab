"""JSON as rows: lines of objects, one array of objects, an object of columns, SenML."""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from ...errors import DataError
from ..held_out import NOT_JSON, TOO_LONG, Fault, Line
from ..text.held_out_text import line_fault
from .senml import is_senml, senml_rows

_ENDS_OF_AN_OPEN_LINE = (",", "[", "{", ":")
_NAMES_OF_ROWS = ("data", "rows", "records", "results")


def json_rows(
    lines: Iterable[str],
    units: dict[str, str],
    *,
    where: str,
    wanted: Collection[str] = (),
    start: int | None = None,
) -> Iterator[Any]:
    """The rows of a JSON text, nested objects as names with dots; reads ahead one line.

    Args:
        lines: of the text; blank ones do not count.
        units: filled with the units that the text tells, by name.
        wanted: names that make a row complete, for a stream of single readings.
        start: lines above; each row is then a `Line`, also one that is no object.

    Raises:
        DataError: a line is not JSON, or holds no rows.
    """
    values = _values(lines, where, start)
    before: list[tuple[int, Any]] = []
    for line, value in values:
        before.append((line, value))
        if not isinstance(value, Fault):
            break
    else:
        yield from (Line(line, {}, fault) for line, fault in before)
        return
    first = before[-1][1]
    values = itertools.chain(before, values)
    if is_senml(first):
        yield from _senml(values, units, where=where, wanted=wanted, start=start)
        return
    number = 0
    are_lines = isinstance(first, dict) and _objects(first) == [first]
    for line, value in values:
        is_line = are_lines and isinstance(value, dict | Fault)
        items = (value,) if is_line else _objects(value)
        if start is not None and not any(isinstance(item, dict) for item in items):
            items = (value,)
        for item in items:
            number += 1
            if isinstance(item, dict):
                yield _flat(item) if start is None else Line(line, _flat(item))
                continue
            fault = item
            if not isinstance(item, Fault):
                error = _not_a_row(where, number, json.dumps(item))
                if start is None:
                    raise error
                fault = Fault(NOT_JSON, str(error))
            yield Line(line, {}, fault)


def _senml(
    values: Iterable[tuple[int, Any]],
    units: dict[str, str],
    *,
    where: str,
    wanted: Collection[str],
    start: int | None,
) -> Iterator[Any]:
    faults: list[Line] = []
    number = 0

    def packs() -> Iterator[Any]:
        nonlocal number
        for line, value in values:
            number = line
            if isinstance(value, Fault):
                faults.append(Line(line, {}, value))
            else:
                yield value

    for row in senml_rows(packs(), units, where=where, wanted=wanted):
        yield row if start is None else Line(number, row)
        yield from faults
        faults.clear()
    yield from faults


def _values(
    lines: Iterable[str], where: str, start: int | None
) -> Iterator[tuple[int, Any]]:
    """Line and JSON value of every line, or the one value that all lines together are."""
    number = 0
    lines = iter(lines)
    for place, line in enumerate(lines, 1 + (start or 0)):
        text = line.strip()
        if not text:
            continue
        number += 1
        fault = None
        if start is not None:
            fault = line_fault(line, where=where, number=place)
        if number == 1 and fault is not None and fault.reason == TOO_LONG:
            fault = None
        try:
            yield place, fault or json.loads(text)
            continue
        except (ValueError, RecursionError):
            is_open = text.endswith(_ENDS_OF_AN_OPEN_LINE) or text.startswith("[")
            if start is not None and text[0] == "{" and text[-1] in ",:":
                is_open = False
            if number > 1 or not is_open:
                error = _not_a_row(where, number, text)
                if start is None:
                    raise error from None
                yield place, Fault(NOT_JSON, str(error))
                continue
        text += "".join(lines)
        try:
            yield place, json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"{where}: the file is not JSON: {error}. Check that it is complete."
            ) from None


def _objects(value: Any) -> Iterable[Any]:
    """The rows of one JSON value: an object, a list of them, or columns in an object."""
    if isinstance(value, list):
        return _with_header(value)
    if not isinstance(value, dict):
        return [value]
    parts = value.values()
    if {"columns", "data"} <= value.keys() and isinstance(value["data"], list):
        return [dict(zip(value["columns"], row, strict=False)) for row in value["data"]]
    lists = {name: part for name, part in value.items() if isinstance(part, list)}
    if len(lists) == 1:
        ((name, rows),) = lists.items()
        is_wrapped = len(value) == 1 or name in _NAMES_OF_ROWS
        if is_wrapped and rows and all(isinstance(row, dict) for row in rows):
            return rows
    if _are_columns(value):
        return _transposed(lists)
    inner = [part for part in parts if isinstance(part, dict) and _are_columns(part)]
    if len(inner) == 1:
        return _transposed(inner[0])
    if len(value) > 1 and all(isinstance(part, dict) for part in parts):
        keys = [set(part) for part in parts]
        if all(key == keys[0] for key in keys) and len(keys[0]) > 0:
            return _of_nested(value)
    return [value]


def _with_header(rows: list[Any]) -> list[Any]:
    """Objects of lists of cells whose first list names the columns; others as they are."""
    if len(rows) < 2 or not all(isinstance(row, list) for row in rows):
        return rows
    names, cells = rows[0], rows[1:]
    if not all(isinstance(name, str) for name in names) or all(
        isinstance(cell, str) for cell in cells[0]
    ):
        return rows
    return [dict(zip(names, row, strict=False)) for row in cells]


def _are_columns(value: dict[str, Any]) -> bool:
    parts = value.values()
    return all(isinstance(part, list) for part in parts) and any(
        len(part) > 1 for part in parts
    )


def _transposed(columns: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    rows = itertools.zip_longest(*columns.values())
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _of_nested(value: Mapping[str, Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Rows by label, or columns of cells by label: whichever has the labels `0, 1, 2`."""
    if list(value) == [str(k) for k in range(len(value))]:
        return list(value.values())
    labels = list(next(iter(value.values())))
    if labels != [str(k) for k in range(len(labels))]:
        return [value]
    return [{name: part[k] for name, part in value.items()} for k in labels]


def _flat(item: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    if not any(isinstance(value, dict) for value in item.values()) and not prefix:
        return item
    flat: dict[str, Any] = {}
    for name, value in item.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def _not_a_row(where: str, number: int, text: str) -> DataError:
    return DataError(
        f"{where}: row {number} is not a JSON object: {text[:60]!r}. "
        'Write one object a line, such as {"time": ..., "temp": 3.9}.'
    )
