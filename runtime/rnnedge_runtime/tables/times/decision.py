"""A time column once it is found: its form, the zone of its times, what is said of them."""

from __future__ import annotations

import dataclasses

import numpy as np

from ...errors import DataError
from ..options import TableOptions
from .calendar import DAY_US
from .cells import Form, TimeCells, read_sample
from .choice import Choice, choose_form
from .directives import form_of_format
from .formats import NO_OFFSET, TextForm, form_of_parts
from .headers import read_name
from .messages import shown
from .reading import TimeReading
from .zone import UTC_NAME, zone_of_name


def no_time_error(cells: TimeCells, time_format: str | None = None) -> DataError:
    """The error of a column that should hold times and holds other text."""
    advice = (
        "Say how times are written with --time-format, for example --time-format "
        "'%d.%m.%Y %H:%M'"
    )
    if time_format is not None:
        advice = f"It is not of the format '{time_format}'; mend --time-format"
    return DataError(
        f"{cells.where}: time column '{cells.column}' holds '{cells.texts[0]}', which is "
        f"not a time in row {cells.rows[0]}. {advice}, or name another column as time "
        "(--time), or none (--no-time)."
    )


def decide_reading(
    cells: TimeCells,
    columns: tuple[str, ...],
    joint: str,
    *,
    options: TableOptions,
    clock: str,
    is_named: bool,
    like: Form | None,
) -> TimeReading | None:
    """How the cells of a time column are read; None when they are no times.

    Args:
        cells: a sample of them.
        columns: the columns that make up the time.
        joint: how their cells are joined (`TimeReading.joint`).
        options: what the user says of the table.
        clock: name of the zone of times without an offset where the user does not say.
        like: the form of another table of the same kind, for where this one does not tell.
        is_named: whether the user named the column, so that it must hold times.

    Raises:
        DataError: it does not, or its cells can be read in several ways.
    """
    where = cells.where
    choice: Choice | None
    if options.time_format:
        choice = _of_format(options.time_format, cells)
    elif joint == "parts":
        choice = Choice(form_of_parts(len(columns)))
    else:
        choice = choose_form(cells, options.time_unit, like)
    if choice is None:
        if is_named or not cells.is_numeric:
            raise no_time_error(cells)
        return None
    reading = TimeReading(
        where=where,
        columns=columns,
        form=choice.form,
        zone=zone_of_name(UTC_NAME),
        joint=joint,
        has_decimal_comma=cells.has_decimal_comma,
    )
    notes = _form_notes(choice, cells, reading)
    return _with_zone(reading, cells, options.tz, clock, notes)


def _of_format(time_format: str, cells: TimeCells) -> Choice:
    form = form_of_format(time_format)
    if form.read(cells.texts[0]) is None:
        raise no_time_error(cells, time_format)
    return Choice(form)


def _form_notes(choice: Choice, cells: TimeCells, reading: TimeReading) -> list[str]:
    where, column = cells.where, cells.column
    notes = []
    if len(reading.columns) > 1:
        notes.append(f"{where}: the time is made from the columns {column}.")
    if not reading.has_calendar:
        what = (
            "holds no date; times count on from the day of the first row, past midnight "
            "to the next day,"
            if isinstance(choice.form, TextForm)
            else f"counts {choice.form.name}, it holds no date"
        )
        notes.append(
            f"{where}: time column '{column}' {what} and no hour of day is derived from it."
        )
    elif choice.is_told:
        moment = read_sample(choice.form, cells)[0]
        notes.append(
            f"{where}: time column '{column}' is read as {choice.form.name}; "
            f"'{cells.texts[0]}' in row {cells.rows[0]} is {shown(choice.form, moment)}. "
            "If this is wrong, say how with --time-format or --time-unit."
        )
    return notes


def _with_zone(
    reading: TimeReading,
    cells: TimeCells,
    tz: str | None,
    clock: str,
    notes: list[str],
) -> TimeReading:
    """`reading` with the zone of its local times, and a note where it is not known."""
    is_time, _, offset = reading.local_column(cells.texts)
    naive = np.flatnonzero(is_time & (offset == NO_OFFSET)).tolist()
    is_naive = bool(naive) and reading.has_calendar
    zone = zone_of_name(UTC_NAME)
    if is_naive and not any(_has_clock(reading, cells.texts[k]) for k in naive):
        zone = zone_of_name(clock, option="the model's clock") if clock else zone
    elif tz is not None:
        zone = zone_of_name(tz)
    elif is_naive:
        named = [read_name(name).zone for name in reading.columns]
        in_name = next((one for one in named if one is not None), None)
        if in_name is not None:
            zone, is_naive = in_name, False
        elif clock:
            zone = zone_of_name(clock, option="the model's clock")
        else:
            notes.append(
                f"{reading.where}: times in '{reading.column}' have no offset and are taken "
                "as UTC. If they are local times, name their zone with --tz, for example "
                "--tz Europe/Berlin."
            )
    return dataclasses.replace(
        reading, zone=zone, is_naive=is_naive, notes=tuple(notes)
    )


def _has_clock(reading: TimeReading, text: str) -> bool:
    if isinstance(reading.form, TextForm):
        return reading.form.has_clock(text)
    local = reading.local(text)
    return local is not None and local[0] % DAY_US != 0
