"""Which of the possible readings of a time column is meant, or that it cannot be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ..timestamps import NUMBER
from .calendar import DAY_US
from .cells import Form, TimeCells, read_sample
from .formats import DIGIT_FORMS, TEXT_FORMS, TextForm
from .messages import ambiguous_error, check_digits, implausible_error
from .units import (
    ELAPSED_FORMS,
    EPOCH_FORMS,
    EXCEL,
    JULIAN,
    LONGEST_ELAPSED_US,
    MATLAB,
    MODIFIED_JULIAN,
    YEARS,
    NumberForm,
    is_plausible,
    latest_us,
)

SECOND_US = 1_000_000
_READ_SHARE = 0.9
_MANY = 5
_EXCEL_DAY_STEPS = (1, 7, 28, 29, 30, 31)
_WEAK = ("yymmddhhmm", "yymmddhhmmss", "yyyyddd", "yymmdd")


@dataclass(frozen=True, slots=True)
class Choice:
    """The form of a time column.

    Attributes:
        form: how its cells are read.
        is_told: whether another careful person could read them otherwise.
    """

    form: Form
    is_told: bool = False


def choose_form(
    cells: TimeCells, unit: str | None = None, like: Form | None = None
) -> Choice | None:
    """The form of a column's cells; None when they are no times.

    Args:
        cells: at least one.
        unit: unit of numbers, as the user names it.
        like: taken where it is one of several likely forms.

    Raises:
        DataError: several readings are as likely; the message names the option.
    """
    if unit is not None:
        return Choice(_form_of_unit(cells, unit))
    if cells.is_numeric:
        return _choose_number(cells, like)
    return _choose_text(cells, like)


def _choose_text(cells: TimeCells, like: Form | None) -> Choice | None:
    samples: list[Sample] = [
        (form, read_sample(form, cells)) for form in _likely(cells)
    ]
    shares = [float(np.isfinite(sample).mean()) for _, sample in samples]
    if not shares or max(shares) < 0.5:
        return None
    best = [s for s, share in zip(samples, shares, strict=True) if share == max(shares)]
    names = {form.name for form, _ in best}
    if "dd/mm/yyyy" in names and "." in cells.texts[0][:3]:
        best = [s for s in best if s[0].name != "yy-mm-dd"]
    if len(best) == 1 or not names & {"dd/mm/yyyy", "mm/dd/yyyy", "yy-mm-dd"}:
        form = best[0][0]
        return Choice(form, form.name in ("mm/dd/yyyy", "yy-mm-dd", "yymmdd hhmm"))
    kept = _in_order(best, cells.num_head)
    kept = _going_on(kept, cells.num_head) if len(kept) > 1 else kept
    kept = _most_regular(kept, cells.num_head) if len(kept) > 1 else kept
    kept = _unlike(kept) if len(cells.texts) >= _MANY else kept
    if len(kept) > 1 and like in [form for form, _ in kept]:
        kept = [one for one in kept if one[0] == like]
    if len(kept) > 1:
        raise ambiguous_error(cells, [form for form, _ in kept])
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


def _unlike(samples: list[Sample]) -> list[Sample]:
    """The first of those that give the same times."""
    first = samples[0][1]
    if all(np.array_equal(first, s, equal_nan=True) for _, s in samples):
        return samples[:1]
    return samples


def _form_of_unit(cells: TimeCells, unit: str) -> Form:
    named = {"excel": EXCEL, "matlab": MATLAB, "julian": JULIAN, "year": YEARS}
    form: Form
    if unit in named:
        form = named[unit]
    elif unit in EPOCH_FORMS and _is_far(EPOCH_FORMS[unit], cells):
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


def _fits(form: Form, cells: TimeCells, *, earliest_us: float | None = None) -> bool:
    sample = read_sample(form, cells)
    good = sample[np.isfinite(sample)]
    if not len(good) or len(good) < _READ_SHARE * len(sample):
        return False
    if earliest_us is None:
        return is_plausible(good)
    return is_plausible(good, earliest_us=earliest_us)


def _is_far(form: Form, cells: TimeCells) -> bool:
    """Whether numbers are too large for a clock that counts from its start."""
    sample = read_sample(form, cells)
    good = np.abs(sample[np.isfinite(sample)])
    return not len(good) or bool(np.median(good) >= LONGEST_ELAPSED_US)


def _choose_number(cells: TimeCells, like: Form | None) -> Choice | None:
    epochs = [form for form in EPOCH_FORMS.values() if _fits(form, cells)]
    if cells.unit is not None:
        return _choose_named_unit(cells, cells.unit, epochs)
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
        samples = _likelier(samples, cells)
    if len(samples) > 1 and like in [form for form, _ in samples]:
        samples = [one for one in samples if one[0] == like]
    if len(samples) > 1:
        raise ambiguous_error(cells, [form for form, _ in samples])
    if samples:
        form = samples[0][0]
        check_digits(cells, samples[0][1])
        return Choice(form, is_told=form not in epochs)
    seconds = EPOCH_FORMS["s"]
    if _fits(seconds, cells, earliest_us=LONGEST_ELAPSED_US):
        return Choice(seconds, is_told=True)
    return _choose_elapsed(cells, like)


def _choose_named_unit(
    cells: TimeCells, unit: str, epochs: Sequence[NumberForm]
) -> Choice:
    elapsed = ELAPSED_FORMS[unit]
    epoch = EPOCH_FORMS.get(unit)
    if epoch in epochs or (
        epoch is not None and _fits(epoch, cells, earliest_us=LONGEST_ELAPSED_US)
    ):
        assert epoch is not None
        check_digits(cells, read_sample(epoch, cells))
        return Choice(epoch)
    if epochs:
        raise ambiguous_error(cells, [elapsed, *epochs])
    if _is_far(elapsed, cells):
        raise implausible_error(cells, [epoch or elapsed])
    return Choice(elapsed)


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
    if any(len(text) > 1 and text[0] == "0" and text[1] != "." for text in cells.texts):
        return []
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
    strays = [_strays(sample[:num_head]) for _, sample in samples]
    limit = 4 * min(strays) + 3
    return [s for s, stray in zip(samples, strays, strict=True) if stray < limit]


def _strays(sample: NDArray[np.float64]) -> int:
    """How many steps are not the most common one; months count as alike, as do years."""
    steps = np.diff(sample)
    steps = np.round(steps[np.isfinite(steps)] / SECOND_US, 3)
    days = steps / 86_400
    for low, high in ((28, 31), (89, 92), (365, 366)):
        steps = np.where((days >= low) & (days <= high), low * 86_400, steps)
    counts = np.unique(steps, return_counts=True)[1]
    return int(counts.sum() - counts.max()) if len(counts) else 0


def _likelier(samples: list[Sample], cells: TimeCells) -> list[Sample]:
    """Without dates of two-digit years, unless many cells are such and none of the rest.

    One epoch in 200 has the digits of such a date by chance, ten different ones have not.
    """
    strong = [s for s in samples if s[0].name not in _WEAK]
    weak = [s for s in samples if s[0].name in _WEAK]
    num_cells = len(set(cells.texts))
    has_years = any(isinstance(form, TextForm) for form, _ in strong)
    if not strong or not weak or num_cells < 3 or has_years:
        return strong or weak
    head = cells.num_head
    if num_cells >= 10 and len(weak) == 1:
        strays = _strays(weak[0][1][:head])
        if strays < min(_strays(sample[:head]) for _, sample in strong):
            return weak
    return samples


def _choose_elapsed(cells: TimeCells, like: Form | None) -> Choice | None:
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
    if _is_far(seconds, cells):
        readable = [f for f in EPOCH_FORMS.values() if _reads(f, cells)]
        raise implausible_error(cells, readable)
    is_whole = bool((good == np.floor(good)).all())
    step = float(np.median(np.abs(steps))) if len(steps) else 1.0
    if like in (seconds, milliseconds):
        assert like is not None
        return Choice(like, is_told=True)
    if is_whole and step > 1 and step % 60:
        raise ambiguous_error(cells, [seconds, milliseconds])
    return Choice(seconds, is_told=True)


def _reads(form: Form, cells: TimeCells) -> bool:
    return bool(np.isfinite(read_sample(form, cells)).all())
