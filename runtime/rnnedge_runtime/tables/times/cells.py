"""The cells of a time column from which its reading is decided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..timestamps import NUMBER
from .formats import TextForm
from .units import NumberForm

Form = TextForm | NumberForm


@dataclass(frozen=True, slots=True)
class TimeCells:
    """Cells of one time column, without the empty ones.

    Attributes:
        where: name of the table, for messages.
        column: name of the column, for messages.
        texts: the cells, first the head of the table.
        rows: row number of each, from 1.
        num_head: how many of them are rows in order, without one between.
        unit: unit in the column's name.
        is_date_name: whether the name speaks of dates or years.
        is_epoch_name: whether the name speaks of Unix time.
        has_decimal_comma: whether numbers are written with a decimal comma.
    """

    where: str
    column: str
    texts: tuple[str, ...]
    rows: tuple[int, ...]
    num_head: int
    unit: str | None = None
    is_date_name: bool = False
    is_epoch_name: bool = False
    has_decimal_comma: bool = False

    def number_texts(self) -> list[str]:
        """The cells with a decimal point."""
        if not self.has_decimal_comma:
            return list(self.texts)
        return [text.replace(",", ".", 1) for text in self.texts]

    def steps(self) -> NDArray[np.float64]:
        """From each of the numbers among the cells to the next."""
        texts = self.number_texts()
        return np.diff([float(text) for text in texts if NUMBER.fullmatch(text)])

    @property
    def is_numeric(self) -> bool:
        """Whether most cells are numbers."""
        are = [NUMBER.fullmatch(text) is not None for text in self.number_texts()]
        return 2 * sum(are) > len(are)


def read_sample(form: Form, cells: TimeCells) -> NDArray[np.float64]:
    """Local microseconds of the cells, NaN where a cell is not of this form."""
    if isinstance(form, NumberForm):
        values = np.array(
            [
                float(text) if NUMBER.fullmatch(text) else np.nan
                for text in cells.number_texts()
            ]
        )
        moments = np.asarray(form.read(values), dtype=np.float64)
        return np.where(np.isnan(values) | ~form.is_readable(moments), np.nan, moments)
    is_time, local, _ = form.read_all(cells.texts)
    return np.where(is_time, local.astype(np.float64), np.nan)
