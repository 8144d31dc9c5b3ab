"""How the time cells of a table are read, decided once: a cell, a row or a whole column."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ..timestamps import CELL_PADDING, NUMBER, TIME_EXAMPLE, parse_local
from .calendar import DAY_US
from .formats import ISO_FORM, NO_OFFSET, Moments, TextForm
from .units import EPOCH_FORMS, NumberForm
from .zone import LastTime, Zone

_HALF_DAY_US = DAY_US // 2
_PARTS = "parts"


@dataclass(frozen=True, slots=True)
class TimeReading:
    """What the time cells of one table mean.

    A cell is what `join_cells` makes of those of `columns`. Times are microseconds since
    1970 UTC; those of a clock without a date count from 1970-01-01.

    Attributes:
        columns: the time column, or those whose cells make up the time, such as date and
            clock time.
        form: how the cells are written.
        zone: what a time without an offset means.
        is_naive: whether times of the sample had no offset.
        notes: what was decided that could be otherwise, one sentence each.
        joint: how cells are joined: "" with a space, `hhmm` after filling the second with
            zeros, `parts` for year, month, day, hour, minute, second.
        has_decimal_comma: whether numbers are written with a decimal comma.
    """

    where: str
    columns: tuple[str, ...]
    form: TextForm | NumberForm
    zone: Zone
    is_naive: bool = False
    notes: tuple[str, ...] = ()
    joint: str = ""
    has_decimal_comma: bool = False

    @property
    def column(self) -> str:
        """The column, or the columns with a plus sign between them."""
        return "+".join(self.columns)

    @property
    def has_calendar(self) -> bool:
        """Whether times are on the calendar; False where a clock just counts."""
        if isinstance(self.form, TextForm):
            return self.form.has_date
        return not self.form.is_elapsed

    @property
    def clock(self) -> str:
        """What a time without an offset means; "" when all have one, or no calendar."""
        return self.zone.name if self.is_naive and self.has_calendar else ""

    def local(self, text: str) -> tuple[int, int | None] | None:
        """Microseconds since 1970 on the table's own clock, and the offset if it is known.

        None when the text is not a time of this form.
        """
        if isinstance(self.form, TextForm):
            found = self.form.read(text)
            if found is None and self.form is ISO_FORM:
                found = parse_local(text)
            return found
        value = self._number(text)
        if math.isnan(value):
            return None
        moment = self.form.read(value)
        if not self.form.is_readable(moment):
            return None
        return int(moment), self.number_offset_us

    @property
    def number_offset_us(self) -> int | None:
        """Of a time that is a number: 0 where it counts in UTC, None where not."""
        is_absolute = self.form in EPOCH_FORMS.values() or not self.has_calendar
        return 0 if is_absolute else None

    def _number(self, text: str) -> float:
        if self.has_decimal_comma:
            text = text.replace(",", ".", 1)
        return float(text) if NUMBER.fullmatch(text) else math.nan

    def parse_column(
        self,
        texts: Sequence[str],
        groups: Sequence[NDArray[np.int64]] | None = None,
    ) -> NDArray[np.int64]:
        """`[N]` times of the cells of all rows, as a `TimeParser` reads them one by one.

        Args:
            texts: the cells, without padding.
            groups: positions of the rows of each series; one series when None.

        Raises:
            DataError: a cell is no time; the message names the column and the row.
        """
        is_time, local, offset = self.local_column(texts)
        if not is_time.all():
            row = int(np.argmin(is_time))
            raise self.error(texts[row], row=row + 1)
        is_local = offset == NO_OFFSET
        time_us = local - np.where(is_local, 0, offset)
        order = [np.arange(len(texts))] if groups is None else groups
        if not self.has_calendar and isinstance(self.form, TextForm):
            for rows in order:
                turns = np.diff(time_us[rows]) < -_HALF_DAY_US
                time_us[rows[1:]] += DAY_US * np.cumsum(turns)
            return time_us
        early, late, is_skipped = self.zone.utc_column(local[is_local])
        places = np.flatnonzero(is_local)
        if is_skipped.any():
            row = int(places[np.argmax(is_skipped)])
            raise self.skipped_error(texts[row], row=row + 1)
        time_us[places] = early
        is_twice = np.zeros(len(texts), dtype=np.bool_)
        is_twice[places[late > early]] = True
        if is_twice.any():
            later = time_us.copy()
            later[places] = late
            for rows in order:
                _pick_in_order(time_us, later, is_twice, rows)
        return time_us

    def local_column(self, texts: Sequence[str]) -> Moments:
        """`local` of every cell: is it a time, microseconds, offset (`NO_OFFSET`)."""
        if isinstance(self.form, NumberForm):
            values = np.array([self._number(text) for text in texts])
            moments = self.form.read(values)
            is_time = np.asarray(self.form.is_readable(moments)) & ~np.isnan(values)
            local = np.where(is_time, moments, 0).astype(np.int64)
            known = self.number_offset_us
            offset = np.full(len(texts), NO_OFFSET if known is None else known)
            return is_time, local, offset.astype(np.int64)
        is_time, local, offset = self.form.read_all(texts)
        if self.form is ISO_FORM:
            for k in np.flatnonzero(~is_time).tolist():
                found = parse_local(texts[k])
                if found is not None:
                    is_time[k], local[k] = True, found[0]
                    offset[k] = NO_OFFSET if found[1] is None else found[1]
        return is_time, local, offset

    def error(self, text: str, *, row: int) -> DataError:
        """The error of a cell that is not a time."""
        if not text:
            return DataError(
                f"{self.where}: time column '{self.column}' is empty in row {row}. Fill it "
                "in or leave the row out, or name another column as time (--time)."
            )
        like = (
            TIME_EXAMPLE if self.form is ISO_FORM else f"{self.form.name} as elsewhere"
        )
        return DataError(
            f"{self.where}: time column '{self.column}' holds '{text}', which is not a "
            f"time in row {row}. Write times as {like}, say how they are written "
            "(--time-format, --time-unit), or name another column as time (--time)."
        )

    def skipped_error(self, text: str, *, row: int) -> DataError:
        """The error of a local time that daylight saving skips."""
        return DataError(
            f"{self.where}: time column '{self.column}' holds '{text}' in row {row}, which "
            f"clocks in {self.zone.name} skip. If the clock of these times does not follow "
            "daylight saving, name its offset, for example --tz +01:00."
        )


class TimeParser:
    """The times of rows as they come; each series has its own order.

    Args:
        reading: how the cells are read.
    """

    def __init__(self, reading: TimeReading) -> None:
        self.reading = reading
        self._last: dict[str, LastTime] = {}

    def parse(self, text: str, *, row: int, series: str = "") -> int:
        """Microseconds since 1970 UTC of a row's time.

        Raises:
            DataError: it is not a time; the message names the column and the row.
        """
        reading = self.reading
        text = text.strip(CELL_PADDING)
        found = reading.local(text)
        if found is None:
            raise reading.error(text, row=row)
        local_us, offset_us = found
        last = self._last.get(series)
        if last is None:
            last = self._last[series] = LastTime()
        if not reading.has_calendar and isinstance(reading.form, TextForm):
            time_us = local_us
            if last.utc_us is not None:
                time_us += last.utc_us // DAY_US * DAY_US
                if time_us < last.utc_us - _HALF_DAY_US:
                    time_us += DAY_US
        elif offset_us is not None:
            time_us = local_us - offset_us
        else:
            times = reading.zone.utc_us(local_us)
            if times is None:
                raise reading.skipped_error(text, row=row)
            time_us = times[0] if times[0] == times[1] else last.pick(*times)
        last.move(time_us)
        return time_us

    def passed(self, times_us: NDArray[np.int64]) -> None:
        """Take the times of rows of a single series that were read elsewhere."""
        last = self._last.setdefault("", LastTime())
        changes = np.flatnonzero(np.diff(times_us))
        if len(changes):
            last.move(int(times_us[changes[-1]]))
        last.move(int(times_us[-1]))


def has_no_time(text: str) -> bool:
    """Whether a time cell holds nothing that could be one: it is empty, or `NaT`."""
    return not any(character.isdigit() for character in text)


def no_time_note(where: str, number: int) -> str:
    """What is said of rows above the first one that has a time."""
    if number == 1:
        return (
            f"{where}: the first row has no time and is left out; rows are counted from "
            "the one after it."
        )
    return (
        f"{where}: the first {number:,} rows have no time and are left out; rows are "
        "counted from the one after them."
    )


def join_cells(cells: Sequence[str], joint: str) -> str:
    """The text of a time whose parts are in several columns (`TimeReading.joint`)."""
    cells = [cell.strip(CELL_PADDING) for cell in cells]
    if joint == _PARTS:
        clock = [cell.zfill(2) for cell in cells[3:]]
        return "-".join(cells[:3]) + (" " + ":".join(clock) if clock else "")
    if joint == "hhmm":
        cells[1:] = [cell.zfill(4) for cell in cells[1:]]
    return " ".join(cells)


def _pick_in_order(
    time_us: NDArray[np.int64],
    later: NDArray[np.int64],
    is_twice: NDArray[np.bool_],
    rows: NDArray[np.int64],
) -> None:
    """Settle, in place, which of two times the rows of one series are."""
    steps = np.diff(time_us[rows])
    if (steps < 0).sum() > (steps > 0).sum():
        rows = rows[::-1]
    places = np.flatnonzero(is_twice[rows])
    for start in places:
        last = LastTime()
        for k in rows[max(start - 50, 0) : start]:
            last.move(int(time_us[k]))
        row = rows[start]
        time_us[row] = last.pick(int(time_us[row]), int(later[row]))
