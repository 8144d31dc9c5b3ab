"""The time column of a table, and how its cells are read: decided once, from a sample.

Training gives a sample of the whole table, a device the rows it can see ahead. Both get
the same `TimeReading` as far as their rows tell, and an error that names the option where
they do not.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import DataError
from ..options import TableOptions
from ..timestamps import CELL_PADDING, NUMBER
from .cells import Form, TimeCells, read_sample
from .decision import decide_reading, no_time_error
from .directives import form_of_format
from .formats import CLOCK_FORM, TEXT_FORMS, TextForm, form_of_parts
from .headers import TimeName, date_parts, is_clock_name, is_hour_name, read_name
from .reading import TimeReading, join_cells
from .units import EPOCH_FORMS, is_plausible

_MISSING = frozenset({"", "na", "n/a", "nan", "nat", "null", "none", "-", "?"})
_MIN_ROWS = 3
_RISING_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class _Sample:
    """Rows of a table to decide from.

    Attributes:
        names: its columns that are nothing else.
        columns: cells of each, stripped.
        rows: row number of each cell.
        num_head: how many rows stand at the head of the table.
        options: what the user said of the table.
        is_expected: whether the table must have a time.
    """

    where: str
    names: tuple[str, ...]
    columns: dict[str, tuple[str, ...]]
    rows: tuple[int, ...]
    num_head: int
    options: TableOptions
    is_expected: bool

    def cells(self, columns: Sequence[str], joint: str = "") -> TimeCells:
        """The cells of a column that are not empty, or those of several joined."""
        info = read_name(columns[0])
        table = zip(*(self.columns[name] for name in columns), strict=True)
        kept = [
            (k, row[0] if len(row) == 1 else join_cells(row, joint))
            for k, row in enumerate(table)
            if _MISSING.isdisjoint(map(str.lower, row))
        ]
        return TimeCells(
            where=self.where,
            column="+".join(columns),
            texts=tuple(text for _, text in kept),
            rows=tuple(self.rows[k] for k, _ in kept),
            num_head=sum(k < self.num_head for k, _ in kept),
            unit=info.unit,
            is_date_name=info.is_date,
            is_epoch_name=info.is_epoch,
            has_decimal_comma=self.options.decimal == ",",
        )


def find_time(
    names: Sequence[str],
    sample_rows: Sequence[Sequence[str]],
    *,
    where: str,
    taken: Collection[str],
    options: TableOptions | None = None,
    time: str | None = None,
    clock: str = "",
    is_expected: bool = False,
    more_rows: Sequence[tuple[int, Sequence[str]]] = (),
    like: Form | None = None,
) -> TimeReading | None:
    """The time column of a table and how it is read.

    Args:
        sample_rows: cells of the first rows, as many as can be seen.
        time: the time column as the user names it, `DATE+TIME` for two; found when None.
        clock: what a time without an offset means where the user does not say: the name
            of a zone, "" for UTC with a note.
        is_expected: whether rows have a time as far as is known, so that a clock that
            counts is taken for it at its first row.
        more_rows: row number and cells of further rows, to decide from.
        like: form of the times of another table of the same kind.

    Returns:
        The reading; None when the rows carry no time.

    Raises:
        DataError: the named column is not there or no time, or its times can be read in
            several ways; the message names the option.
    """
    options = options or TableOptions()
    if options.no_time:
        if time is not None:
            raise DataError(
                f"{where}: --no-time and --time {time} exclude each other. "
                "Leave one of them out."
            )
        return None
    rows = [*sample_rows, *(row for _, row in more_rows)]
    columns = list(zip(*rows, strict=True)) if rows else [() for _ in names]
    stripped = [
        tuple(cell.strip(CELL_PADDING) for cell in column) for column in columns
    ]
    numbers = [*range(1, len(sample_rows) + 1), *(number for number, _ in more_rows)]
    sample = _Sample(
        where=where,
        names=tuple(name for name in names if name not in taken),
        columns=dict(zip(names, stripped, strict=True)),
        rows=tuple(numbers),
        num_head=len(sample_rows),
        options=options,
        is_expected=is_expected,
    )
    found = _named(sample, time) if time is not None else _find(sample)
    if found is None:
        return None
    chosen, joint = found
    cells = sample.cells(chosen, joint)
    if not cells.texts:
        raise DataError(
            f"{where}: time column '{cells.column}' is empty in row "
            f"{numbers[0] if numbers else 1}. Fill it in, or name another column as time "
            "(--time), or none (--no-time)."
        )
    return decide_reading(
        cells,
        chosen,
        joint,
        options=options,
        clock=clock,
        is_named=time is not None,
        like=like,
    )


def time_columns(time: str, names: Sequence[str]) -> tuple[str, ...]:
    """The columns that `--time` names: one, or several with a plus sign between them."""
    if time in names:
        return (time,)
    parts = tuple(part.strip() for part in time.split("+"))
    if len(parts) > 1 and all(part in names for part in parts):
        return parts
    return (time,)


Found = tuple[tuple[str, ...], str]


def _named(sample: _Sample, time: str) -> Found:
    columns = time_columns(time, tuple(sample.columns))
    if any(column not in sample.columns for column in columns):
        raise DataError(
            f"{sample.where}: there is no column '{time}' for the time, the table has "
            f"{', '.join(name for name in sample.columns if name)}. "
            "Choose one of these, or two as DATE+TIME."
        )
    if date_parts(columns) == columns:
        return columns, "parts"
    return columns, _joint(sample, columns)


def _joint(sample: _Sample, columns: Sequence[str]) -> str:
    if len(columns) != 2:
        return ""
    clock = [cell for cell in sample.columns[columns[1]] if cell]
    is_hhmm = all(cell.isdecimal() and len(cell) <= 4 for cell in clock)
    return "hhmm" if is_hhmm and not is_hour_name(columns[1]) else ""


def _find(sample: _Sample) -> Found | None:
    """The columns of the time: the best by what they hold and by their names."""
    ranked = []
    for k, name in enumerate(sample.names):
        rank = _rank(sample, name, read_name(name))
        if rank is not None:
            ranked.append((rank, k, name))
    parts = date_parts(sample.names)
    if parts and (not ranked or min(ranked)[0] not in (0, 2)):
        form = form_of_parts(len(parts))
        is_date = read_sample(form, sample.cells(parts, "parts"))
        if len(is_date) and np.isfinite(is_date).mean() > _RISING_SHARE:
            return parts, "parts"
    if not ranked:
        _check_names(sample)
        return None
    rank, _, name = min(ranked)
    if rank % 10 == 6:
        dates = [one for one in ranked if one[0] % 10 in (0, 1, 2)]
        name = min(dates)[2] if dates else name
    clock = _clock_column(sample, name)
    if clock is None:
        return (name,), ""
    return (name, clock), _joint(sample, (name, clock))


def _rank(sample: _Sample, name: str, info: TimeName) -> int | None:
    """How likely a column is the time, 0 the most; None when it is none."""
    if not info.is_like_time and not _starts_with_time(sample, name):
        return None
    cells = sample.cells([name])
    if not cells.texts:
        return 20 if info.is_time else None
    many = len(cells.texts) >= _MIN_ROWS
    is_constant = 10 if many and len(set(cells.texts)) == 1 else 0
    if not cells.is_numeric:
        form = _text_form(sample, cells)
        if form is None:
            return None
        if not form.has_date:
            return is_constant + 6
        return is_constant + (0 if info.is_time else 2)
    if sample.options.time_format and form_of_format(sample.options.time_format).read(
        cells.texts[0]
    ):
        return 1 if info.is_like_time else None
    if info.is_time:
        if many and not _is_calendar(cells) and not _goes_on(cells):
            return None
        is_first = info.unit is None or _is_calendar(cells)
        return is_constant + (1 if is_first else 5)
    if not info.is_like_time or is_constant:
        return None
    if many and not _is_rising(cells, has_restarts=not info.is_unit_alone):
        return None
    if _is_calendar(cells):
        return 3 if many or sample.is_expected or len(name) > 1 else None
    return 7 if many or sample.is_expected else None


def _starts_with_time(sample: _Sample, name: str) -> bool:
    """Whether the first cells of a column are text that is a time."""
    first = [cell for cell in sample.columns[name] if cell.lower() not in _MISSING]
    return any(
        form.read(text) is not None
        for text in first[:3]
        if not NUMBER.fullmatch(text)
        for form in _forms(sample)
    )


def _forms(sample: _Sample) -> tuple[TextForm, ...]:
    time_format = sample.options.time_format
    return (form_of_format(time_format),) if time_format else TEXT_FORMS


def _text_form(sample: _Sample, cells: TimeCells) -> TextForm | None:
    first = cells.texts[:20]
    for form in _forms(sample):
        if 2 * sum(form.read(text) is not None for text in first) > len(first):
            return form
    return None


def _is_calendar(cells: TimeCells) -> bool:
    return any(
        is_plausible(sample[np.isfinite(sample)])
        for sample in (read_sample(form, cells) for form in EPOCH_FORMS.values())
        if np.isfinite(sample).any()
    )


def _is_rising(cells: TimeCells, *, has_restarts: bool) -> bool:
    steps = cells.steps()
    share = _RISING_SHARE if has_restarts else 1.0
    return bool((steps > 0).mean() >= share or (steps < 0).mean() >= share)


def _goes_on(cells: TimeCells) -> bool:
    """Whether numbers rise or fall as those of several series after one another."""
    steps = cells.steps()
    steps = steps[steps != 0]
    return not len(steps) or bool(
        (steps > 0).mean() >= 0.5 or (steps < 0).mean() >= 0.9
    )


def _clock_column(sample: _Sample, date: str) -> str | None:
    """The column of clock times that goes with a column of dates."""
    dates = sample.cells([date]).texts
    if not dates or any(len(text) > 12 or ":" in text for text in dates[:3]):
        return None
    many_a_day = len(set(dates)) < len(dates)
    repeats = many_a_day or len(dates) == 1
    for name in sample.names:
        cells = sample.cells([name])
        if name == date or not cells.texts:
            continue
        info = read_name(name)
        if not cells.is_numeric:
            is_clock = all(CLOCK_FORM.read(text) for text in cells.texts[:100])
            if is_clock and (many_a_day or info.is_like_time or is_clock_name(name)):
                return name
        elif repeats and all(text.isdecimal() for text in cells.texts):
            values = [int(text) for text in cells.texts]
            if is_hour_name(name) and max(values) <= 24:
                return name
            is_hhmm = max(values) <= 2400 and all(v % 100 < 60 for v in values)
            if (
                info.is_time
                and not info.is_date
                and is_hhmm
                and (len(values) == 1 or len(set(values)) > 1)
            ):
                return name
    return None


def _check_names(sample: _Sample) -> None:
    """Raise DataError where a column is named like a time and holds text that is none."""
    for name in sample.names:
        cells = sample.cells([name])
        if read_name(name).is_time and cells.texts and not cells.is_numeric:
            raise no_time_error(cells, sample.options.time_format)
