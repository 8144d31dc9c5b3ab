"""Rows of forecasts as text: CSV or JSON lines."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from math import isfinite
from typing import IO, TYPE_CHECKING

from ...errors import DataError
from ...tables.csv_rows import CsvRows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ...tables.rows.reading import RowReader
    from ...tables.rows.row import Row

    Write = Callable[[Row, NDArray[np.float32] | None], None]

FORMATS = ("csv", "jsonl")


def row_writer(
    file: IO[str],
    output_format: str,
    reader: RowReader,
    names: list[str],
    *,
    first_line: str | None = None,
    sink: str = "-",
    is_for_spreadsheet: bool = False,
) -> Write:
    """A function that writes one row of output; for CSV the header is written here.

    Args:
        file: text stream.
        output_format: one of `FORMATS`.
        reader: names the first columns: the series, if there are several, then the time,
            or `row` for the row number where there is none.
        names: of the outputs.
        first_line: of a file that has rows already, so that no header is written.
        sink: name of the file, for messages.
        is_for_spreadsheet: as in `CsvRows`.

    Raises:
        DataError: the file has other columns.
    """
    time_column, series = reader.time_column, reader.series_column
    first = "row" if time_column is None else time_column or "time"
    columns = [first] if series is None else [series, first]

    def stamps(row: Row) -> list[str | int | float | None]:
        stamp = row.number if time_column is None else row.time
        return [stamp] if series is None else [row.series, stamp]

    def texts(forecast: NDArray[np.float32] | None) -> list[str]:
        """The shortest decimals that read back as the same float32; "" for no number."""
        if forecast is None:
            return [""] * len(names)
        return [str(value) if isfinite(value) else "" for value in forecast]

    def write_csv(row: Row, forecast: NDArray[np.float32] | None) -> None:
        table.write(stamps(row), texts(forecast))

    def write_json(row: Row, forecast: NDArray[np.float32] | None) -> None:
        pairs = zip(columns, stamps(row), strict=True)
        fields = {name: json.dumps(value) for name, value in pairs}
        fields |= {
            name: text or "null"
            for name, text in zip(names, texts(forecast), strict=True)
        }
        content = ", ".join(
            f"{json.dumps(key)}: {text}" for key, text in fields.items()
        )
        file.write(f"{{{content}}}\n")

    if output_format == "jsonl":
        return write_json
    table = CsvRows(file, is_for_spreadsheet=is_for_spreadsheet)
    if first_line is None:
        table.write([*columns, *names])
    elif not _is_header(first_line, [*columns, *names], is_for_spreadsheet):
        raise DataError(
            f"{sink}: the file starts with '{first_line.strip()[:60]}', but the rows to "
            f"append have the columns {', '.join([*columns, *names])[:60]}. Name another "
            "--output file, or move this one away."
        )
    return write_csv


def _is_header(line: str, names: list[str], is_for_spreadsheet: bool) -> bool:
    """Whether the first line of a file is the header of these columns."""
    header = io.StringIO()
    CsvRows(header, is_for_spreadsheet=is_for_spreadsheet).write(names)
    first = header.getvalue().splitlines()[0]
    return next(csv.reader([line]), []) == next(csv.reader([first]), [])
