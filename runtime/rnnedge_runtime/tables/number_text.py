"""Numbers as people write them: decimal comma, groups of thousands, units in the cell.

What such a cell means depends on its column. `ColumnReader` carries that from cell to cell,
on the device and in training alike; `decide_format` starts it from the cells at hand.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..errors import DataError
from .cell_text import MISSING_WORDS, text_error
from .timestamps import CELL_PADDING, NUMBER
from .unit_text import is_unit

_GAPS = " \u00a0\u202f\u2009'’"
_SHAPE = re.compile(
    rf"([+\-\u2212]?)([$€£¥]?) ?([+\-\u2212]?)"
    rf"([0-9]{{1,3}}(?:[{_GAPS}][0-9]{{3}})+(?![0-9])(?:[.,][0-9]*)?|[0-9.,]*[0-9][0-9.,]*)"
    r"((?:[eE][+-]?[0-9]+)?)[ \u00a0]*([^\s0-9.,+\-\u2212](?:.*\S)?)?"
)
HEX = re.compile(r"[+-]?0[xX][0-9a-fA-F]{1,15}")
_GROUPS = {
    ".": re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]*)?"),
    ",": re.compile(r"[1-9][0-9]{0,2}(?:\.[0-9]{3})+(?:,[0-9]*)?"),
}
_ONE_GROUP = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")
_THREE_DIGITS = re.compile(r"[0-9]+[.,][0-9]{3}")
_MAGNITUDES = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "G": 1e9}
FLAGS = frozenset({"s", "*"})
_PAIRS = (
    ("true", "false"),
    ("yes", "no"),
    ("y", "n"),
    ("on", "off"),
    ("open", "closed"),
    ("opened", "closed"),
    ("high", "low"),
    ("active", "inactive"),
    ("enabled", "disabled"),
    ("running", "stopped"),
    ("occupied", "vacant"),
    ("occupied", "unoccupied"),
    ("home", "not_home"),
    ("detected", "clear"),
    ("wet", "dry"),
    ("up", "down"),
)
_WORDS = {word: 1.0 for word, _ in _PAIRS} | {word: 0.0 for _, word in _PAIRS}
_OTHER = {".": ",", ",": "."}


@dataclass(frozen=True, slots=True)
class Shape:
    """A cell that starts with a number, taken apart.

    Attributes:
        sign: "-" or "".
        body: digits with their marks, gaps taken out.
        exponent: `e5` or "".
        affix: the unit around it, "" for none.
    """

    sign: str
    body: str
    exponent: str
    affix: str


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
        where: start of messages.
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
        if word in MISSING_WORDS:
            return True
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


def split_number(text: str) -> Shape | None:
    """The parts of a cell without padding that starts with a number; None for others."""
    match = _SHAPE.fullmatch(text)
    if match is None:
        return None
    sign, currency, second_sign, body, exponent, suffix = match.groups(default="")
    if sign and second_sign and (sign != "+" or currency):
        return None
    if suffix and not (is_unit(suffix) or suffix in _MAGNITUDES or suffix in FLAGS):
        return None
    for gap in _GAPS:
        if gap in body:
            if len({mark for mark in body if mark in _GAPS}) > 1:
                return None
            body = body.replace(gap, "")
    negative = "-" if (sign or second_sign) in ("-", "\u2212") else ""
    return Shape(negative, body, exponent, currency + suffix)


def number_in(shape: Shape, decimal: str) -> float | None:
    """The value of a number with this decimal mark; None where its marks do not fit."""
    body, other = shape.body, _OTHER[decimal]
    if other in body:
        if not _GROUPS[decimal].fullmatch(body):
            return None
        body = body.replace(other, "")
    text = f"{shape.sign}{body.replace(',', '.')}{shape.exponent}"
    return float(text) if NUMBER.fullmatch(text) else None


def certain_decimal(shape: Shape) -> str | None:
    """The decimal mark that a number alone gives away; None where it leaves both open."""
    body = shape.body
    fits = [mark for mark in ".," if number_in(shape, mark) is not None]
    if len(fits) == 1 and ("." in body or "," in body):
        return fits[0]
    if fits and not _ONE_GROUP.fullmatch(body):
        return "." if "." in body else "," if "," in body else None
    if fits and shape.exponent:
        return "." if "." in body else ","
    return None


def is_open(shape: Shape) -> bool:
    """Whether `1.924` or `1,924` is all there is, with three digits after the mark."""
    return not shape.exponent and _ONE_GROUP.fullmatch(shape.body) is not None


def has_three_decimals(shape: Shape) -> bool:
    """Whether three digits follow a mark that is certain to be a decimal point."""
    return (
        certain_decimal(shape) == "."
        and _THREE_DIGITS.fullmatch(shape.body) is not None
    )


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
    shape = split_number(text)
    assert shape is not None
    readings = {m: number_in(shape, m) for m in ".,"}
    raise DataError(
        f"{rules.where}: column '{column}' holds '{text}' in row {row}, which is "
        f"{readings['.']:g} with a decimal point and {readings[',']:g} with a decimal comma"
        f"{f'; {rules.german}' if rules.german and mark == '.' else ''}. "
        "Say which with --decimal . or --decimal ,."
    )


def decide_format(
    cells: Iterable[tuple[int, str]], rules: NumberRules, *, column: str
) -> NumberFormat:
    """The format of a column as its first cells tell.

    Args:
        cells: row and text of the first cells.
        rules: of the table.
        column: its name, for messages.

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
        if word in _WORDS:
            num_words += word not in ("true", "false")
            continue
        shape = split_number(text)
        if shape is None:
            num_numbers += HEX.fullmatch(text) is not None
            continue
        num_numbers += 1
        affixes[shape.affix] = None
        if is_open(shape):
            open_mark = open_mark or ("." if "." in text else ",", text, row)
        elif rules.decimal != ".":
            decimal = decimal or certain_decimal(shape)
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
    found = [affix for affix in affixes if affix not in FLAGS]
    if len(found) == len(set(found) & set(_MAGNITUDES)) and found:
        if set(found) == {"K"}:
            return "K"
        return MAGNITUDE
    if not found:
        return next(iter(affixes), "")
    return found[0]


class ColumnReader:
    """Reads the cells of one column in order; what one cell decides holds for the rest.

    Args:
        column: its name.
        rules: of the table.
        format: what is known of it already.
    """

    def __init__(
        self, column: str, rules: NumberRules, format: NumberFormat = PLAIN
    ) -> None:
        self.column = column
        self.rules = rules
        self.decimal = format.decimal
        self.affix = format.affix
        self.is_words = format.is_words
        self.hint: str | None = None
        self._missing = frozenset(rules.missing_of(column))
        self._pair: tuple[str, ...] = ()

    def read(self, cell: str, row: int) -> float | None:
        """The number in a cell, NaN where it is missing, None where it is text.

        After text, `hint` says what may be done about it.

        Raises:
            DataError: the cell has two readings and nothing decides between them.
        """
        text = cell.strip(CELL_PADDING)
        is_plain = self.decimal == "." or (self.decimal is None and "." not in text)
        if is_plain and not self.affix and NUMBER.fullmatch(text):
            if not (self.rules.na and self.rules.is_missing(text.lower())):
                return self._settled(float(text), "")
        self.hint = None
        word = text.lower()
        if self.rules.is_missing(word):
            return math.nan
        if word in _WORDS:
            return self._word(word)
        if HEX.fullmatch(text):
            return self._settled(float(int(text, 16)), "")
        shape = split_number(text)
        if shape is None:
            return None
        if self.decimal is None:
            self.decimal = self._decimal(shape, text, row)
        value = number_in(shape, self.decimal or ".")
        if value is None:
            self.hint = self._mark_hint(shape)
            return None
        if self.affix == MAGNITUDE or (
            self.affix is None and shape.affix in _MAGNITUDES and shape.affix != "K"
        ):
            self.affix = MAGNITUDE
            if shape.affix not in _MAGNITUDES:
                self.hint = "The cells before have magnitudes such as K and M."
                return None
            return self._settled(value * _MAGNITUDES[shape.affix], MAGNITUDE)
        return self._settled(value, shape.affix)

    def _decimal(self, shape: Shape, text: str, row: int) -> str | None:
        if is_open(shape):
            mark = "." if "." in text else ","
            return open_decimal(
                mark, self.rules, column=self.column, text=text, row=row
            )
        if "." not in shape.body and "," not in shape.body:
            return None
        return certain_decimal(shape) or self.rules.decimal

    def _settled(self, value: float, affix: str) -> float | None:
        """The value, if unit and kind are those of the cells before."""
        if self.is_words:
            self.hint = "The cells before are words such as on and off."
            return None
        if affix != self.affix:
            if self.affix is None:
                self.affix = affix
            elif {affix, self.affix} - FLAGS - {""}:
                self.hint = (
                    f"The cells before have the unit '{self.affix}'."
                    if self.affix
                    else "The cells before have no unit."
                )
                return None
        self.is_words = False
        return math.nan if value in self._missing else value

    def is_missing(self, value: float) -> bool:
        """Whether a number means a missing reading."""
        return value in self._missing

    def error(self, cell: str, row: int) -> DataError:
        """The error of a cell that `read` just found to be text."""
        return text_error(
            where=self.rules.where,
            column=self.column,
            text=cell,
            row=row,
            hint=self.hint,
        )

    def _word(self, word: str) -> float | None:
        if word in ("true", "false") and not self.is_words:
            return _WORDS[word]
        if self.is_words is False:
            return None
        pairs = self._pair or tuple("/".join(p) for p in _PAIRS if word in p)
        pairs = tuple(pair for pair in pairs if word in pair.split("/"))
        if not pairs:
            self.hint = f"The cells before are words such as {self._pair[0]}."
            return None
        self.is_words, self._pair = True, pairs
        return _WORDS[word]

    def _mark_hint(self, shape: Shape) -> str:
        other = _OTHER[self.decimal or "."]
        if number_in(shape, other) is None:
            return "Its points and commas fit no decimal mark."
        mark = "point" if self.decimal == "." else "comma"
        return (
            f"The decimal mark of this column is the {mark}; if it is the other, say so "
            f"with --decimal {other}."
        )


def words_note(cells: Sequence[str], column: str) -> str:
    """What is said of a column of two words; "" where they are 1 and 0 themselves."""
    seen = {}
    for cell in cells:
        text = cell.strip(CELL_PADDING)
        if text.lower() in _WORDS:
            seen.setdefault(_WORDS[text.lower()], text)
    said = " and ".join(f"'{seen[value]}' is {value:g}" for value in sorted(seen)[::-1])
    return f"Column '{column}' holds words: {said}."
