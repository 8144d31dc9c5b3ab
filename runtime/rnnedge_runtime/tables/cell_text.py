"""The cells of a table: which text is a number, which is missing, how a header reads.

The one meaning of a cell for training and for the device.
"""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Iterable, Iterator, Sequence

from ..errors import DataError
from .timestamps import CELL_PADDING, NUMBER

MISSING_WORDS = frozenset({"", "na", "n/a", "nan", "null", "none", "-", "?"})
_OTHER_WORDS = {"true": 1.0, "false": 0.0} | dict.fromkeys(
    ("-nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"), math.nan
)

DELIMITERS = ",;\t|"


def parse_reading(text: str) -> float | None:
    """The number in a cell; NaN where it is missing or infinite, None where it is text.

    Numbers are decimal as in Python's `float`, without underscores; `true` is 1 and
    `false` 0. What float32 cannot hold is infinite once rounded, hence missing as well.
    """
    text = text.strip(CELL_PADDING)
    if NUMBER.fullmatch(text):
        return float(text)
    word = text.lower()
    return math.nan if word in MISSING_WORDS else _OTHER_WORDS.get(word)


def text_error(*, where: str, column: str, text: str, row: int) -> DataError:
    """The error of a numeric column with text in it."""
    hint = "Mend or empty this cell"
    if NUMBER.fullmatch(text.strip(CELL_PADDING).replace(",", ".", 1)):
        hint = "Write decimals with a point"
    return DataError(
        f"{where}: column '{column}' holds '{text}' in row {row}, expected a number. "
        f"{hint}, or leave the column out."
    )


def sniff_delimiter(header: str) -> str:
    """The delimiter that occurs most often outside quotes in a table's first line."""
    outside = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=outside.count)


def csv_cells(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """Cells of each line; a quote after spaces opens a quoted cell all the same."""
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True)


def header_names(cells: Sequence[str], *, where: str) -> list[str]:
    """Column names of a header line, without padding; "" for a column without a name.

    Raises:
        DataError: a name occurs twice, or the line holds numbers instead of names.
    """
    names = [cell.strip(CELL_PADDING) for cell in cells]
    if all(NUMBER.fullmatch(name) for name in names):
        raise DataError(
            f"{where}: the first line holds numbers ({', '.join(names[:3])}), expected "
            "the names of the columns. Put a header line in front."
        )
    for k, name in enumerate(names):
        if name and name in names[:k]:
            raise DataError(
                f"{where}: columns {names.index(name) + 1} and {k + 1} are both named "
                f"'{name}'. Rename one of them."
            )
    return names


def is_blank_row(cells: Sequence[str], width: int) -> bool:
    """Whether a line holds nothing, so that it is no row of a table `width` columns wide."""
    if len(cells) == 1 and width > 1:
        return not cells[0].strip(CELL_PADDING)
    return not cells


def ragged_error(*, where: str, row: int, found: int, expected: int) -> DataError:
    """The error of a row with too few or too many cells."""
    return DataError(
        f"{where}: row {row} has {found} cells, but the header names {expected} columns. "
        "The row is cut short or holds a stray delimiter; mend it."
    )


def not_csv_error(*, where: str, row: int, reason: str) -> DataError:
    """The error of a line that the CSV reader gives up on; row 0 is the header."""
    return DataError(
        f"{where}: row {row} is not CSV: {reason}. Look for a quote that is not closed."
    )


def empty_error(*, where: str) -> DataError:
    """The error of a table without even a header."""
    return DataError(
        f"{where}: the table is empty, expected a header line and rows of readings. "
        "Check that it was written completely."
    )


def check_columns(
    wanted: Iterable[str], names: Sequence[str], *, where: str, role: str
) -> None:
    """Raise DataError unless every wanted column is there.

    Args:
        wanted: names that must be among `names`.
        names: columns of the table.
        where: start of the message.
        role: what the column is for, for example "target".
    """
    for name in wanted:
        if name in names:
            continue
        close = difflib.get_close_matches(name, names, n=1)
        advice = f"Did you mean '{close[0]}'?" if close else "Choose one of these."
        raise DataError(
            f"{where}: there is no column '{name}' for the {role}, the table has "
            f"{', '.join(name for name in names if name)}. {advice}"
        )
