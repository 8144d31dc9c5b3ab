"""Which of the possible readings of a time column is meant, or that it cannot be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .time_calendar import DAY_US
from .time_formats import DIGIT_FORMS, TEXT_FORMS, TextForm
from .time_units import (
    ELAPSED_FORMS,
    EPOCH_FORMS,
    EXCEL,
    JULIAN,
    MATLAB,
    MODIFIED_JULIAN,
    YEARS,
    NumberForm,
    is_plausible,
    latest_us,
)
from .timestamps import NUMBER, time_text

Form = TextForm | NumberForm
SECOND_US = 1_000_000
_READ_SHARE = 0.9
_EXCEL_DAY_STEPS = (1, 7, 28, 29, 30, 31)
_WEAK = ("yymmddhhmm", "yymmddhhmmss", "yyyyddd", "yymmdd")


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

    @property
    def is_numeric(self) -> bool:
        """Whether most cells are numbers."""
        are = [NUMBER.fullmatch(text) is not None for text in self.number_texts()]
        return 2 * sum(are) > len(are)


@dataclass(frozen=True, slots=True)
class Choice:
    """The form of a time column.

    Attributes:
        form: how its cells are read.
        is_told: whether another careful person could read them otherwise.
    """

    form: Form
    is_told: bool = False


def choose_form(cells: TimeCells, unit: str | None = None) -> Choice | None:
    """The form of a column's cells; None when they are no times.

    Args:
        cells: at least one.
        unit: unit of numbers, as the user names it.

    Raises:
        DataError: several readings are as likely; the message names the option.
    """
    if unit is not None:
        return Choice(_form_of_unit(cells, unit))
    if cells.is_numeric:
        return _choose_number(cells)
    return _choose_text(cells)


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
    found = [form.read(text) for text in cells.texts]
    return np.array([np.nan if one is None else one[0] for one in found], np.float64)


def _choose_text(cells: TimeCells) -> Choice | None:
    samples: list[Sample] = [
        (form, read_sample(form, cells)) for form in _likely(cells)
    ]
    shares = [float(np.isfinite(sample).mean()) for _, sample in samples]
    if not shares or max(shares) < 0.5:
        return None
    best = [s for s, share in zip(samples, shares, strict=True) if share == max(shares)]
    names = {form.name for form, _ in best}
    if "dd/mm/yyyy" in names and "." in cells.texts[0].split()[0]:
        best = [s for s in best if s[0].name != "yy-mm-dd"]
    if len(best) == 1 or not names & {"dd/mm/yyyy", "mm/dd/yyyy", "yy-mm-dd"}:
        form = best[0][0]
        return Choice(
            form, form.name not in ("yyyy-mm-dd", "dd/mm/yyyy", "yyyymmdd hhmm")
        )
    kept = _in_order(best, cells.num_head)
    kept = _going_on(kept, cells.num_head) if len(kept) > 1 else kept
    if len(kept) > 1:
        raise _ambiguous(cells, [form for form, _ in kept])
    return Choice(kept[0][0], is_told=True)


def _likely(cells: TimeCells) -> list[TextForm]:
    """The forms that read one of the first cells."""
    first = cells.texts[:5]
    return [form for form in TEXT_FORMS if any(form.read(text) for text in first)]


Sample = tuple[Form, NDArray[np.float64]]


def _in_order(samples: list[Sample], num_head: int) -> list[Sample]:
    """Those whose times turn back the least often."""
    turns = []
    for _, sample in samples:
        steps = np.sign(np.diff(sample[:num_head]))
        steps = steps[np.isfinite(steps) & (steps != 0)]
        turns.append(int((np.diff(steps) != 0).sum()))
    return [s for s, turn in zip(samples, turns, strict=True) if turn == min(turns)]


def _going_on(samples: list[Sample], num_head: int) -> list[Sample]:
    """Those in which the next date follows on the last time of the date before.

    Readings of days and months differ where the clock passes midnight: in one the date
    moves on by a day, in the other by a month.
    """
    shares = []
    for _, sample in samples:
        sample = sample[:num_head]
        steps = np.abs(np.diff(sample[np.isfinite(sample)]))
        dates = np.floor(sample[np.isfinite(sample)] / DAY_US)
        changes = steps[np.diff(dates) != 0]
        within = steps[(np.diff(dates) == 0) & (steps > 0)]
        if not len(changes) or not len(within):
            return samples
        shares.append(float((changes <= 3 * np.median(within)).mean()))
    best = max(shares)
    if best < _READ_SHARE:
        return samples
    return [s for s, share in zip(samples, shares, strict=True) if share > 0.5]


def _form_of_unit(cells: TimeCells, unit: str) -> Form:
    named = {"excel": EXCEL, "matlab": MATLAB, "julian": JULIAN, "year": YEARS}
    form: Form
    if unit in named:
        form = named[unit]
    elif unit in EPOCH_FORMS and _fits(EPOCH_FORMS[unit], cells):
        form = EPOCH_FORMS[unit]
    elif unit in ELAPSED_FORMS:
        form = ELAPSED_FORMS[unit]
    else:
        raise DataError(
            f"--time-unit {unit}: there is no such unit, expected one of "
            f"{', '.join(ELAPSED_FORMS)}. Mend the unit."
        )
    sample = read_sample(form, cells)
    if not np.isfinite(sample[0]):
        raise DataError(
            f"{cells.where}: time column '{cells.column}' holds '{cells.texts[0]}', which is "
            f"not a time in row {cells.rows[0]}: --time-unit {unit} expects numbers. Leave "
            "the option out, or name another column as time (--time)."
        )
    return form


def _fits(form: Form, cells: TimeCells, *, share: float = _READ_SHARE) -> bool:
    sample = read_sample(form, cells)
    good = sample[np.isfinite(sample)]
    return len(good) >= share * len(sample) and bool(len(good)) and is_plausible(good)


def _choose_number(cells: TimeCells) -> Choice | None:
    epochs = [form for form in EPOCH_FORMS.values() if _fits(form, cells)]
    if cells.unit is not None:
        unit = cells.unit
        if EPOCH_FORMS.get(unit) in epochs:
            return Choice(EPOCH_FORMS[unit])
        elapsed = ELAPSED_FORMS[unit]
        if epochs:
            raise _ambiguous(cells, [elapsed, *epochs])
        return Choice(elapsed)
    samples: list[Sample] = [
        *((form, read_sample(form, cells)) for form in _digit_forms(cells)),
        *((form, read_sample(form, cells)) for form in epochs),
        *((form, read_sample(form, cells)) for form in _serials(cells)),
    ]
    if len(samples) > 1:
        soft = [s for s in samples if _is_recent(s[1])]
        samples = soft or samples
    if len(samples) > 1:
        samples = _most_regular(samples, cells.num_head)
    if len(samples) > 1:
        strong = [s for s in samples if s[0].name not in _WEAK]
        samples = strong or samples
    if len(samples) > 1:
        raise _ambiguous(cells, [form for form, _ in samples])
    if samples:
        form = samples[0][0]
        return Choice(form, is_told=form not in epochs)
    return _choose_elapsed(cells)


def _is_recent(sample: NDArray[np.float64]) -> bool:
    good = sample[np.isfinite(sample)]
    return bool(good.min() >= -70.5 * 365.25 * DAY_US and good.max() <= latest_us())


def _digit_forms(cells: TimeCells) -> list[TextForm]:
    found = []
    for form in DIGIT_FORMS:
        if not form.read(cells.texts[0]):
            continue
        sample = read_sample(form, cells)
        if np.isfinite(sample).mean() < _READ_SHARE:
            continue
        if form.name == "yyyy" and not cells.is_date_name:
            steps = np.diff(sample[: cells.num_head])
            if len(steps) < 2 or np.nanmax(np.abs(steps)) > 367 * DAY_US:
                continue
        found.append(form)
    return found


def _serials(cells: TimeCells) -> list[NumberForm]:
    values = np.array(
        [float(t) for t in cells.number_texts() if NUMBER.fullmatch(t)], np.float64
    )
    low, high = float(values.min()), float(values.max())
    last_day = latest_us() / DAY_US
    is_whole = bool((values == np.floor(values)).all())
    steps = np.abs(np.diff(values[: cells.num_head]))
    steps = steps[steps > 0]
    step = float(np.median(steps)) if len(steps) else 1.0
    is_daily = not is_whole or step in _EXCEL_DAY_STEPS
    found = []
    name = cells.column.lower()
    if low >= 25_569 and high <= last_day + 25_569 and is_daily and step <= 400:
        found.append(EXCEL)
    if low >= 706_000 and high <= last_day + 719_529 and is_daily and step <= 400:
        found.append(MATLAB)
    if low >= 2_415_020 and high <= last_day + 2_440_588 and step <= 400:
        found.append(JULIAN)
    if "mjd" in name and low >= 15_000 and high <= last_day + 40_587:
        return [MODIFIED_JULIAN]
    if low >= 1600 and high < 2200 and not is_whole and step <= 1.01:
        found.append(YEARS)
    return found


def _most_regular(samples: list[Sample], num_head: int) -> list[Sample]:
    """Those whose steps stray clearly less often from the most common one."""
    strays = []
    for _, sample in samples:
        steps = np.diff(sample[:num_head])
        steps = np.round(steps[np.isfinite(steps)] / SECOND_US, 3)
        days = steps / 86_400
        steps = np.where((days >= 28) & (days <= 31), 30 * 86_400, steps)
        steps = np.where((days >= 365) & (days <= 366), 365 * 86_400, steps)
        counts = np.unique(steps, return_counts=True)[1]
        strays.append(int(counts.sum() - counts.max()) if len(counts) else 0)
    limit = 4 * min(strays) + 3
    return [s for s, stray in zip(samples, strays, strict=True) if stray < limit]


def _choose_elapsed(cells: TimeCells) -> Choice | None:
    """Numbers that are no dates: a clock that counts from some start of its own."""
    values = read_sample(ELAPSED_FORMS["s"], cells) / SECOND_US
    good = values[np.isfinite(values)]
    steps = np.diff(good[: cells.num_head])
    steps = steps[steps != 0]
    if len(steps) and (steps > 0).mean() < 0.5 and (steps < 0).mean() < 0.9:
        return None
    if cells.is_epoch_name:
        return Choice(EPOCH_FORMS["s"], is_told=True)
    seconds, milliseconds = ELAPSED_FORMS["s"], ELAPSED_FORMS["ms"]
    if abs(float(good[0])) >= 1e8:
        readable = [f for f in EPOCH_FORMS.values() if _reads(f, cells)]
        raise _implausible(cells, readable)
    is_whole = bool((good == np.floor(good)).all())
    step = float(np.median(np.abs(steps))) if len(steps) else 1.0
    if is_whole and step > 1 and step % 60:
        raise _ambiguous(cells, [seconds, milliseconds])
    return Choice(seconds, is_told=True)


def _reads(form: Form, cells: TimeCells) -> bool:
    return bool(np.isfinite(read_sample(form, cells)).all())


def shown(form: Form, moment_us: float) -> str:
    """A time of the form as text, for messages."""
    if isinstance(form, NumberForm) and form.is_elapsed:
        return f"{moment_us / 1e6:.12g} s"
    if isinstance(form, TextForm) and not form.has_date:
        return time_text(int(moment_us))[11:].removesuffix("Z")
    return time_text(int(moment_us)).removesuffix("Z")


def advice(form: Form, text: str) -> str:
    """The option that chooses a form."""
    if isinstance(form, TextForm):
        return f"--time-format '{form.code(text)}'"
    for name, one in (("excel", EXCEL), ("matlab", MATLAB), ("year", YEARS)):
        if form is one:
            return f"--time-unit {name}"
    return f"--time-unit {form.unit}"


def _ambiguous(cells: TimeCells, forms: Sequence[Form]) -> DataError:
    """The error of cells that can be read in several ways, shown at one row."""
    moments = {form.name: read_sample(form, cells) for form in forms}
    row = 0
    for k in range(len(cells.texts)):
        here = {sample[k] for sample in moments.values()}
        if len(here) > 1 and all(np.isfinite(list(here))):
            row = k
            break
    text = cells.texts[row]
    readings = ", or ".join(
        f"{form.name} ({shown(form, moments[form.name][row])})" for form in forms
    )
    options = " or ".join(dict.fromkeys(advice(form, text) for form in forms))
    return DataError(
        f"{cells.where}: time column '{cells.column}' holds '{text}' in row "
        f"{cells.rows[row]}, which may be {readings}. Say which with {options}."
    )


def _implausible(cells: TimeCells, forms: Sequence[Form]) -> DataError:
    text = cells.texts[0]
    readings = ", ".join(
        f"{form.name} ({shown(form, read_sample(form, cells)[0])})" for form in forms
    )
    return DataError(
        f"{cells.where}: time column '{cells.column}' holds '{text}' in row "
        f"{cells.rows[0]}, expected a time near today; it may be {readings or 'no time'}. "
        "Say what it is with --time-unit (s, ms, us, ns) or --time-format "
        "(for example '%Y%m%d%H'), or name another column as time (--time)."
    )
