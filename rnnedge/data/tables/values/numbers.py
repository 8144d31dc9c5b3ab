"""The numbers in a column, many at a time; of text as `ColumnReader` means each cell."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import DataError, require
from rnnedge_runtime.tables.text.cell_text import MISSING_WORDS, text_error
from rnnedge_runtime.tables.text.column_reader import ColumnReader
from rnnedge_runtime.tables.text.number_rules import NumberFormat, NumberRules
from rnnedge_runtime.tables.timestamps import CELL_PADDING

if TYPE_CHECKING:
    import polars as pl

_PLAIN = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)$"
_GROUPED = r"^[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]*)?$"
_COMMA = r"^[+-]?(?:[0-9]+(?:,[0-9]*)?|,[0-9]+)$"
_COMMA_GROUPED = r"^[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+(?:,[0-9]*)?$"
_MAX_UNDECIDED = 1000
_MAX_WORDS = 4


@dataclass(frozen=True, eq=False)
class Numbers:
    """A column as numbers, and the first cell that is none.

    Attributes:
        values: `[N]` float64, NaN where missing, text or infinite once rounded to float32.
        num_texts: cells that are text.
        first_text: row (from 1) and text of the first of them.
        hint: what may be done about it, "" where there is nothing special.
        other_texts: more words in it than the first, at most `_MAX_WORDS`; () if there
            are more.
        decimal: mark of the numbers in a column of text, where they told.
    """

    values: NDArray[np.float64]
    num_texts: int = 0
    first_text: tuple[int, str] | None = None
    hint: str = ""
    decimal: str | None = None
    other_texts: tuple[str, ...] = ()

    @property
    def is_mostly_numbers(self) -> bool:
        return int(np.isfinite(self.values).sum()) > self.num_texts

    def error(self, *, where: str, column: str) -> DataError:
        """The error of the first cell that is text."""
        row, text = self.first_text or (0, "")
        return text_error(
            where=where,
            column=column,
            text=text,
            row=row,
            hint=self.hint or None,
            others=self.other_texts,
        )


def numbers(
    column: pl.Series,
    *,
    rules: NumberRules | None = None,
    format: NumberFormat | None = None,
) -> Numbers:
    """The numbers of a column: numeric types as they are, text as its format says.

    Args:
        column: named as in messages.
        format: of the numbers in it, as far as it is known.

    Raises:
        DataError: a number has two readings and nothing decides between them.
    """
    pl: Any = require("polars", extra="train", purpose="Reading a table")
    rules = rules or NumberRules()
    if column.dtype in (pl.Categorical, pl.Enum):
        column = column.cast(pl.String)
    if column.dtype == pl.String:
        reader = ColumnReader(column.name, rules, format or NumberFormat())
        return _numbers_of_text(column, reader)
    if (
        column.dtype == pl.Null
        or column.dtype.is_numeric()
        or column.dtype == pl.Boolean
    ):
        values = column.cast(pl.Float64).to_numpy().astype(np.float64)
        return Numbers(_without_missing(values, rules.missing_of(column.name)))
    present = column.is_not_null()
    row = present.arg_max() or 0
    values = np.full(len(column), np.nan)
    if not present.any():
        return Numbers(values)
    return Numbers(values, int(present.sum()), (row + 1, str(column[row])))


def _without_missing(
    values: NDArray[np.float64], missing: Collection[float]
) -> NDArray[np.float64]:
    """NaN for what means a missing reading, and for what float32 holds as infinity."""
    if missing:
        values[np.isin(values, list(missing))] = np.nan
    with np.errstate(over="ignore"):
        values[~np.isfinite(values.astype(np.float32))] = np.nan
    return values


def _numbers_of_text(column: pl.Series, reader: ColumnReader) -> Numbers:
    pl: Any = require("polars", extra="train", purpose="Reading a table")
    text = column.fill_null("").str.strip_chars(CELL_PADDING)
    _settle(text, reader)
    parsed = _parse(text, reader)
    is_other = ~parsed.is_finite().fill_null(False)
    for pattern in reader.rules.na:  # which may stand for some of the cells
        bare = pattern.strip("*") or pattern
        is_other |= text.str.to_lowercase().str.contains(bare, literal=True)
    values = parsed.to_numpy().astype(np.float64)
    others = is_other.arg_true().to_numpy()
    num_texts, first_text, hint = 0, None, ""
    other_texts: list[str] = []
    if len(others):
        words = text.gather(others)
        first = words.is_first_distinct().arg_true().to_list()
        meaning = {words[k]: reader.read(words[k], int(others[k]) + 1) for k in first}
        is_text = words.is_in([w for w, value in meaning.items() if value is None])
        num_texts = int(is_text.sum())
        if num_texts:
            row = int(others[int(is_text.arg_max() or 0)])
            reader.read(str(text[row]), row + 1)
            first_text, hint = (row + 1, str(column[row])), reader.hint or ""
            other_texts = [word for word, value in meaning.items() if value is None][1:]
        found = words.replace_strict(
            list(meaning), list(meaning.values()), return_dtype=pl.Float64
        )
        values[others] = found.to_numpy()
    values = _without_missing(values, reader.rules.missing_of(reader.column))
    if len(other_texts) > _MAX_WORDS:
        other_texts = []
    return Numbers(
        values, num_texts, first_text, hint, reader.decimal, tuple(other_texts)
    )


def _settle(text: pl.Series, reader: ColumnReader) -> None:
    """Let the reader find out what its format leaves open, from the first cells that tell.

    Raises:
        DataError: they have two readings.
    """
    if reader.affix is None or reader.is_words is None:
        is_missing = text.str.to_lowercase().is_in(sorted(MISSING_WORDS))
        for k in (~is_missing).arg_true().head(_MAX_UNDECIDED).to_list():
            reader.read(str(text[k]), k + 1)
            if reader.affix is not None or reader.is_words:
                break
    if reader.decimal is not None or reader.is_words:
        return
    marked = text.str.contains("[.,]").arg_true().head(_MAX_UNDECIDED)
    for k in marked.to_list():
        reader.read(str(text[k]), k + 1)
        if reader.decimal is not None:
            return


def _parse(text: pl.Series, reader: ColumnReader) -> pl.Series:
    """The numbers of the cells that are written as most are; null for the others."""
    pl: Any = require("polars", extra="train", purpose="Reading a table")
    affix = reader.affix
    nothing = pl.repeat(None, len(text), dtype=pl.Float64, eager=True)
    if reader.is_words:
        return nothing
    if affix in (None, "", "s", "*"):
        if reader.decimal != ",":
            parsed = text.cast(pl.Float64, strict=False)
            if reader.decimal is None or not parsed.null_count():
                return parsed
            bare = text
        else:
            parsed, bare = nothing, text
    else:
        bare = text.str.strip_suffix(affix).str.strip_chars_end(" \u00a0")
        has_affix = text.str.ends_with(affix) & (bare != text)
        bare = bare.zip_with(has_affix, pl.Series([""], dtype=pl.String))
        parsed = nothing
    grouped = _COMMA_GROUPED if reader.decimal == "," else _GROUPED
    plain = _COMMA if reader.decimal == "," else _PLAIN
    other = "." if reader.decimal == "," else ","
    is_known = bare.str.contains(grouped) | bare.str.contains(plain)
    if not is_known.any():
        return parsed
    digits = bare.str.replace_all(other, "", literal=True)
    digits = digits.str.replace(",", ".", literal=True)
    found = digits.cast(pl.Float64, strict=False)
    found = found.zip_with(is_known, nothing)
    return parsed.zip_with(parsed.is_not_null(), found)
