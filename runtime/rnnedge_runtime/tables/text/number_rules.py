"""How the numbers of a table and of each column are written, as their first cells tell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ...errors import DataError
from ..options import TableOptions
from ..timestamps import CELL_PADDING, NUMBER
from . import number_text
from .cell_text import MISSING_WORDS

_GERMAN_DATE = re.compile(r"[0-3]?[0-9]\.[01]?[0-9]\.(?:[0-9]{4}|[0-9]{2})(?:[ T].*)?")


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How the numbers of one column are written; None is not known yet.

    Attributes:
        decimal: "." or ",".
        affix: unit in every cell, "" for none; `MAGNITUDE` where each has a magnitude.
        is_words: the column holds two words, 1 and 0.
    """

    decimal: str | None = None
    affix: str | None = None
    is_words: bool | None = None


MAGNITUDE = "magnitude"
PLAIN = NumberFormat(".", "", False)


@dataclass(frozen=True, slots=True)
class NumberRules:
    """What the columns of a table share when their numbers are read.

    Attributes:
        decimal: the decimal mark, where it was given.
        german: the sign that a point may group thousands, for messages; "" without one.
        has_three_digits: some number is certain to have three decimals after a point.
        comma_elsewhere: some number is certain to have a decimal comma.
        point_elsewhere: some number is certain to have a decimal point.
        comma_delimits: cells are told apart by commas.
        na: more words for a missing cell, `*` at an end for any text.
        missing_values: numbers that mean a missing reading, by column; "" for all.
    """

    where: str = "table"
    decimal: str | None = None
    german: str = ""
    has_three_digits: bool = False
    comma_elsewhere: bool = False
    point_elsewhere: bool = False
    comma_delimits: bool = True
    na: tuple[str, ...] = ()
    missing_values: tuple[tuple[str, float], ...] = ()

    def is_missing(self, word: str) -> bool:
        """Whether a text in lower case and without padding means a missing reading."""
        return word in MISSING_WORDS or self.is_named(word)

    def is_named(self, word: str) -> bool:
        """Whether such a text was named as one for a missing reading."""
        return any(_matches(pattern, word) for pattern in self.na)

    def missing_of(self, column: str) -> tuple[float, ...]:
        """The numbers that mean a missing reading in a column."""
        return tuple(
            value for name, value in self.missing_values if name in ("", column)
        )


def _matches(pattern: str, word: str) -> bool:
    bare = pattern.strip("*")
    if bare and pattern.startswith("*"):
        return word.endswith(bare) if not pattern.endswith("*") else bare in word
    if bare and pattern.endswith("*"):
        return word.startswith(bare)
    return word == pattern


def open_decimal(
    mark: str, rules: NumberRules, *, column: str, text: str, row: int
) -> str:
    """The decimal mark of a column whose numbers leave it open, from the table around it.

    Raises:
        DataError: the table leaves it open as well; the message shows both readings.
    """
    if rules.decimal is not None:
        return rules.decimal
    if mark == "." and (not rules.german or rules.has_three_digits):
        return "."
    if mark == ",":
        if rules.comma_elsewhere and not rules.point_elsewhere:
            return ","
        if not rules.comma_elsewhere and (
            rules.point_elsewhere or rules.comma_delimits
        ):
            return "."
    shape = number_text.split_number(text)
    assert shape is not None
    readings = {m: number_text.number_in(shape, m) for m in ".,"}
    raise DataError(
        f"{rules.where}: column '{column}' holds '{text}' in row {row}, which is "
        f"{readings['.']:.10g} with a decimal point and {readings[',']:.10g} with a decimal "
        "comma"
        f"{f'; {rules.german}' if rules.german and mark == '.' else ''}. "
        "Say which with --decimal '.' or --decimal ','."
    )


def decide_format(
    cells: Iterable[tuple[int, str]], rules: NumberRules, *, column: str
) -> NumberFormat:
    """The format of a column as its first cells tell.

    Args:
        cells: row and text of the first cells.

    Returns:
        What they tell; None in it for what they leave open. A column whose numbers have
        two readings stays undecided, and is refused when it is read.
    """
    decimal: str | None = None
    open_mark: tuple[str, str, int] | None = None
    affixes: dict[str, None] = {}
    num_numbers = num_words = 0
    for row, cell in cells:
        text = cell.strip(CELL_PADDING)
        word = text.lower()
        if rules.is_missing(word):
            continue
        if word in number_text.TRUTH_WORDS:
            num_words += word not in ("true", "false")
            continue
        shape = number_text.split_number(text)
        if shape is None:
            num_numbers += number_text.HEX.fullmatch(text) is not None
            continue
        num_numbers += 1
        affixes[shape.affix] = None
        if number_text.is_open(shape):
            open_mark = open_mark or ("." if "." in text else ",", text, row)
        elif rules.decimal != ".":
            decimal = decimal or number_text.certain_decimal(shape)
    if rules.decimal == "." or (decimal is None and rules.decimal and open_mark):
        decimal = rules.decimal
    if decimal is None and open_mark is not None:
        try:
            decimal = open_decimal(
                open_mark[0], rules, column=column, text=open_mark[1], row=open_mark[2]
            )
        except DataError:
            decimal = None
    affix = _common_affix(affixes) if num_numbers else None
    is_words = None if not num_words + num_numbers else num_words > num_numbers
    return NumberFormat(decimal, affix, is_words)


def _common_affix(affixes: Iterable[str]) -> str:
    found = [affix for affix in affixes if affix not in number_text.FLAGS]
    if len(found) == len(set(found) & set(number_text.MAGNITUDES)) and found:
        if set(found) == {"K"}:
            return "K"
        return MAGNITUDE
    if not found:
        return next(iter(affixes), "")
    return found[0]


def table_rules(
    options: TableOptions, names: Sequence[str], *, where: str
) -> NumberRules:
    """What the options alone say of the numbers in a table.

    Raises:
        DataError: an option does not fit.
    """
    if options.decimal not in (None, ".", ","):
        raise DataError(
            f"{where}: the decimal mark '{options.decimal}' is neither a point nor a comma. "
            "Give --decimal '.' or --decimal ','."
        )
    known = None if options.pivot is not None else names
    return NumberRules(
        where=where,
        decimal=options.decimal,
        na=tuple(word.strip(CELL_PADDING).lower() for word in options.na),
        missing_values=tuple(
            _missing_value(text, known, where=where) for text in options.missing_values
        ),
    )


def rules_of_rows(
    rows: Sequence[tuple[int, list[str]]], delimiter: str, asked: NumberRules
) -> NumberRules:
    """The rules with what the first rows tell of the decimal mark."""
    marks = set()
    three = has_date = False
    for text in {cell.strip(CELL_PADDING) for _, cells in rows for cell in cells}:
        if not text or text.isdigit():
            continue
        shape = number_text.split_number(text)
        if shape is not None and (mark := number_text.certain_decimal(shape)):
            marks.add(mark)
            three = three or (mark == "." and number_text.has_three_digits(shape))
        elif not has_date and _GERMAN_DATE.fullmatch(text):
            has_date = True
    signs = {
        "its cells are told apart by semicolons": delimiter == ";",
        "other numbers have a decimal comma": "," in marks,
        "its dates are written dd.mm.yyyy": has_date,
    }
    found = [sign for sign, is_there in signs.items() if is_there]
    return replace(
        asked,
        german=found[0] if found else "",
        has_three_digits=three,
        comma_elsewhere="," in marks,
        point_elsewhere="." in marks,
        comma_delimits=delimiter == ",",
    )


def _missing_value(
    text: str, names: Sequence[str] | None, *, where: str
) -> tuple[str, float]:
    column, equals, number = text.rpartition("=")
    if not NUMBER.fullmatch(number.strip()):
        raise DataError(
            f"{where}: '{text}' does not name a number that means a missing reading. Give "
            "--missing-value -999, or --missing-value COLUMN=-999."
        )
    if equals and names is not None and column not in names:
        raise DataError(
            f"{where}: --missing-value '{text}' names no column of the table, which has "
            f"{', '.join(name for name in names if name)}. Name one of these."
        )
    return column, float(number)
