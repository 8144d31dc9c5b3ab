"""Excel workbooks: the first sheet that holds a table."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from rnnedge_runtime.errors import DataError, require
from rnnedge_runtime.tables.text.cell_text import empty_error

from .text import unreadable


def excel_text(path: Path) -> tuple[str, tuple[str, ...]]:
    """The first sheet with rows as CSV, with commas and decimal points; and notes.

    Raises:
        DataError: the file cannot be read, or holds no rows.
        MissingDependencyError: openpyxl is not installed.
    """
    if path.suffix.lower() == ".xls":
        raise DataError(
            f"{path}: the old Excel format .xls is not read, expected .xlsx. "
            "Save the workbook as .xlsx or as CSV."
        )
    openpyxl = require("openpyxl", extra="excel", purpose="Reading an Excel file")
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise unreadable(path, error) from None
    try:
        sheets = {sheet.title: _rows(sheet) for sheet in book.worksheets}
    finally:
        book.close()
    full = [title for title, rows in sheets.items() if len(rows) > 1]
    if not full:
        raise empty_error(where=str(path))
    notes: tuple[str, ...] = ()
    if len(full) > 1:
        others = ", ".join(f"'{title}'" for title in full[1:])
        notes = (
            f"{path}: sheet '{full[0]}' is read, {others} left out. Save another sheet "
            "as a file of its own.",
        )
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(sheets[full[0]])
    return text.getvalue(), notes


def _rows(sheet: Any) -> list[list[str]]:
    """Cells of a sheet as text, without empty rows and empty columns at the edges."""
    rows = [[_cell(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
    rows = [row for row in rows if any(row)]
    width = max(
        (k + 1 for row in rows for k, cell in enumerate(row) if cell), default=0
    )
    start = min(
        (next(k for k, cell in enumerate(row) if cell) for row in rows), default=0
    )
    return [(row + [""] * width)[start:width] for row in rows]


def _cell(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, datetime):
        return _to_the_second(cell).isoformat(sep=" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return str(cell.total_seconds())
    if isinstance(cell, float):
        return repr(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    return str(cell).strip()


def _to_the_second(moment: datetime) -> datetime:
    """Without the rounding of Excel's days in floating point, below a millisecond."""
    rounded = moment + timedelta(microseconds=500)
    return rounded.replace(microsecond=rounded.microsecond // 1000 * 1000)
