"""The header of CSV in the first line of a text, where it is one."""

from __future__ import annotations

import csv

from ...payloads import PayloadRules
from ...payloads.decoding import text_of
from ...payloads.times import TIME_NAMES

_DELIMITERS = (",", ";", "\t", "|")


def header_of(line: bytes, rules: PayloadRules) -> tuple[tuple[str, ...], str] | None:
    """Names of columns and what is between them; None where the line is no header.

    It is one if a feature of the model or a time is among its cells; with a time alone,
    every row is then found to have nothing of the model. Where the columns were named, a
    header must have as many cells, and the names that were given stay.

    Raises:
        PayloadError: the line is no text.
    """
    if rules.format not in ("", "csv"):
        return None
    text = text_of(line).strip("\r\n")
    times = {rules.times.name} if rules.times.name else set(TIME_NAMES)
    wanted = times | {name for name, _ in rules.wanted}
    others = [mark for mark in _DELIMITERS if mark != rules.delimiter]
    for delimiter in (rules.delimiter, *others):
        try:
            cells = next(csv.reader([text], delimiter=delimiter), [])
        except csv.Error:
            continue
        names = tuple(cell.strip() for cell in cells)
        if len(names) < 2 and names[:1] and names[0] in times:
            continue
        if wanted.isdisjoint(names) or any(name[:1] in "{[" for name in names if name):
            continue
        if not rules.names:
            return names, delimiter
        if len(rules.names) == len(names):
            return rules.names, delimiter
    return None
