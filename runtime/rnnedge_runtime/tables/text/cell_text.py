"""The cells of a table: which text is a number, which is missing, how a header reads.

The one meaning of a cell for training and for the device.
"""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Iterable, Iterator, Sequence

from ...errors import DataError
from ..held_out import NOT_A_NUMBER, NOT_A_ROW
from ..timestamps import CELL_PADDING, NUMBER

MISSING_WORDS = frozenset(
    """
    na n/a n.a. nd n/d n.d. #n/a #na <na> \\n nan -nan nat null none nil
    - -- --- ---- ? ?? . .. ... * ** ***
    missing miss empty nodata no_data no-data unavailable unavail unknown undef undefined
    bad err error invalid void overflow overrange underrange open_circuit
    #div/0! #value! #ref! #num! #name? #null!
    inf +inf -inf infinity +infinity -infinity
    """.split()  # noqa: SIM905
) | {
    "",
    "no data",
    "not available",
    "no value",
    "missing value",
    "1.#qnan",
    "-1.#ind",
    "1.#inf",
}
"""Words, in lower case, for a reading that is not there."""

DELIMITERS = ",;\t|"
_MOST_LISTED = 30
_MOST_COMPARED = 2_000


_TRUTH = {"true": 1.0, "false": 0.0}


def parse_reading(text: str) -> float | None:
    """The number in a plain cell; NaN where it is missing, None where it is text.

    What else a cell may hold depends on its column (`number_text.ColumnReader`). Plain
    numbers are decimal as in Python's `float`, without underscores; `true` is 1 and
    `false` 0. What float32 cannot hold is infinite once rounded, hence missing as well.
    """
    text = text.strip(CELL_PADDING)
    if NUMBER.fullmatch(text):
        return float(text)
    word = text.lower()
    return math.nan if word in MISSING_WORDS else _TRUTH.get(word)


def text_error(
    *,
    where: str,
    column: str,
    text: str,
    row: int,
    hint: str | None = None,
    others: Sequence[str] = (),
) -> DataError:
    """The error of a numeric column with text in it.

    Args:
        hint: what to do, as a sentence.
        others: more words in the column, a few.
    """
    if hint is None:
        if NUMBER.fullmatch(text.strip(CELL_PADDING).replace(",", ".", 1)):
            hint = "If the comma is the decimal mark, say so with --decimal ','."
        else:
            word = text.strip(CELL_PADDING)
            words = " ".join(f"--na '{one}'" for one in (word, *others))
            hint = (
                f"If they mean missing readings, name them with {words}."
                if others
                else f"If it means a missing reading, name it with {words}."
            )
    return DataError(
        f"{where}: column '{column}' holds '{text}' in row {row}, expected a number. "
        f"{hint} Otherwise mend the cell, or leave the column out.",
        reason=NOT_A_NUMBER,
    )


def csv_cells(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """Cells of each line; a quote after spaces opens a quoted cell all the same."""
    return csv.reader(lines, delimiter=delimiter, skipinitialspace=True)


_FILL = (
    " If rows may end early, read what they lack as missing readings with --fill-rows."
)


def ragged_error(*, where: str, row: int, found: int, expected: int) -> DataError:
    """The error of a row with too few or too many cells."""
    reason = "is cut short"
    if found > expected:
        reason = "holds a stray delimiter, or a decimal comma outside quotes"
    return DataError(
        f"{where}: row {row} has {found} cells, but the table has {expected} columns. "
        f"The row {reason}; mend it, or name what is between the cells with --delimiter."
        f"{_FILL if found < expected else ''}"
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


def unnamed_error(*, where: str, role: str, column: str, row: int) -> DataError:
    """The error of a row without its series, or in a long table without its reading.

    Args:
        role: of the column, `series` or `pivot`.
    """
    what, reason = ("reading", NOT_A_ROW) if role == "pivot" else (role, "")
    return DataError(
        f"{where}: {role} column '{column}' is empty in row {row}. Name the {what} of "
        "every row.",
        reason=reason,
    )


def long_time_error(*, where: str) -> DataError:
    """The error of a long table without times."""
    return DataError(
        f"{where}: no time column is found, but rows of one time belong together. "
        "Name it (--time)."
    )


def check_columns(
    wanted: Iterable[str], names: Sequence[str], *, where: str, role: str
) -> None:
    """Raise DataError unless every wanted column is there.

    Args:
        wanted: names that must be among `names`.
        role: what the column is for, for example "target".
    """
    known = set(names)
    for name in wanted:
        if name in known:
            continue
        close = difflib.get_close_matches(name, names[:_MOST_COMPARED], n=1)
        advice = f"Did you mean '{close[0]}'?" if close else "Choose one of these."
        counter = name.removesuffix("_change")
        if counter != name and counter in names:
            advice = f"If it is the change of '{counter}', use --difference {counter}."
        raise DataError(
            f"{where}: there is no column '{name}' for the {role}, the table has "
            f"{listed(names)}. {advice}"
        )


def listed(names: Iterable[str]) -> str:
    """Names of columns for a message, those without one left out, not more than fit."""
    shown = [name for name in names if name]
    more = len(shown) - _MOST_LISTED
    return ", ".join(shown[:_MOST_LISTED]) + (f" and {more:,} more" if more > 0 else "")
