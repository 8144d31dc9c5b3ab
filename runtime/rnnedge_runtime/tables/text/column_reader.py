"""The numbers of one column, cell by cell, on the device and in training alike."""

from __future__ import annotations

import math

from ...errors import DataError
from ..timestamps import CELL_PADDING, NUMBER
from . import number_text
from .cell_text import text_error
from .number_rules import MAGNITUDE, PLAIN, NumberFormat, NumberRules, open_decimal


class ColumnReader:
    """Reads the cells of one column in order; what one cell decides holds for the rest.

    Args:
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

    @property
    def is_plain(self) -> bool:
        """Whether a number without a unit is read as it stands, and nothing else is one."""
        is_settled = self.affix == "" and self.is_words is False
        return is_settled and not (self.rules.na or self._missing)

    def for_column(self, column: str) -> ColumnReader:
        """A reader of the same format for a column of another name."""
        kind = NumberFormat(self.decimal, self.affix, self.is_words)
        return ColumnReader(column, self.rules, kind)

    def read(self, cell: str, row: int) -> float | None:
        """The number in a cell, NaN where it is missing, None where it is text.

        After text, `hint` says what may be done about it.

        Raises:
            DataError: the cell has two readings and nothing decides between them.
        """
        text = cell.strip(CELL_PADDING)
        is_plain = self.decimal == "." or (self.decimal is None and "." not in text)
        plain = text
        if self.decimal == "," and "." not in text:
            is_plain, plain = True, text.replace(",", ".", 1)
        if is_plain and not (self.affix or self.rules.na) and NUMBER.fullmatch(plain):
            return self._settled(float(plain), "")
        self.hint = None
        word = text.lower()
        if self.rules.is_missing(word):
            return math.nan
        if word in number_text.TRUTH_WORDS:
            return self._word(word)
        if number_text.HEX.fullmatch(text):
            return self._settled(float(int(text, 16)), "")
        shape = number_text.split_number(text)
        if shape is None:
            return None
        if self.decimal is None:
            self.decimal = self._decimal(shape, text, row)
        value = number_text.number_in(shape, self.decimal or ".")
        if value is None:
            self.hint = self._mark_hint(shape)
            return None
        if self.affix == MAGNITUDE or (
            self.affix is None
            and shape.affix in number_text.MAGNITUDES
            and shape.affix != "K"
        ):
            self.affix = MAGNITUDE
            if shape.affix not in number_text.MAGNITUDES:
                self.hint = "The cells before have magnitudes such as K and M."
                return None
            return self._settled(value * number_text.MAGNITUDES[shape.affix], MAGNITUDE)
        return self._settled(value, shape.affix)

    def _decimal(self, shape: number_text.Shape, text: str, row: int) -> str | None:
        if number_text.is_open(shape):
            mark = "." if "." in text else ","
            return open_decimal(
                mark, self.rules, column=self.column, text=text, row=row
            )
        if "." not in shape.body and "," not in shape.body:
            return None
        return number_text.certain_decimal(shape) or self.rules.decimal

    def _settled(self, value: float, affix: str) -> float | None:
        """The value, if unit and kind are those of the cells before."""
        if self.is_words:
            self.hint = "The cells before are words such as on and off."
            return None
        if affix != self.affix:
            if self.affix is None:
                self.affix = affix
            elif {affix, self.affix} - number_text.FLAGS - {""}:
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
            return number_text.TRUTH_WORDS[word]
        if self.is_words is False:
            return None
        known = self._pair or number_text.TRUTH_PAIRS
        pairs = tuple(pair for pair in known if word in pair.split("/"))
        if not pairs:
            self.hint = f"The cells before are words such as {self._pair[0]}."
            return None
        self.is_words, self._pair = True, pairs
        return number_text.TRUTH_WORDS[word]

    def _mark_hint(self, shape: number_text.Shape) -> str:
        other = number_text.OTHER_MARK[self.decimal or "."]
        if number_text.number_in(shape, other) is None:
            return "Its points and commas fit no decimal mark."
        mark = "point" if self.decimal == "." else "comma"
        return (
            f"The decimal mark of this column is the {mark}; if it is the other, say so "
            f"with --decimal '{other}'."
        )
