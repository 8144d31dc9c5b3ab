"""Rows of CSV that a spreadsheet and a terminal may open, whatever the names in them are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

from rnnedge_runtime.printable import printable

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters by which a spreadsheet knows a formula."""


class CsvRows:
    """Writes rows of names and numbers.

    A name that starts as a formula is quoted, and characters that a terminal obeys are
    escaped; line breaks within a name stay.

    Args:
        file: where to.
        is_for_spreadsheet: put an apostrophe before a name that starts as a formula, so that
            a spreadsheet shows it and does not compute it.
    """

    def __init__(self, file: IO[str], *, is_for_spreadsheet: bool = False) -> None:
        self._file = file
        self._mark = "'" if is_for_spreadsheet else ""

    def write(self, names: Sequence[object], numbers: Sequence[str] = ()) -> None:
        """Write one row.

        Args:
            names: cells that may hold any text; None is an empty cell.
            numbers: cells that are numbers or empty.
        """
        cells = [self._cell(name) for name in names]
        self._file.write(",".join([*cells, *numbers]) + "\n")

    def _cell(self, name: object) -> str:
        if not isinstance(name, str):
            return "" if name is None else str(name)
        is_formula = name.startswith(_FORMULA) and not _is_number(name)
        text = "\n".join(map(printable, name.split("\n")))
        if is_formula:
            text = self._mark + text
        if is_formula or any(mark in text for mark in ',"\n') or text != text.strip():
            text = text.replace('"', '""')
            return f'"{text}"'
        return text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
