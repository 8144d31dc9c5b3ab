"""What is said of a time column that can be read in several ways, or in none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ..timestamps import time_text
from .cells import Form, TimeCells, read_sample
from .formats import TextForm
from .units import EXCEL, MATLAB, YEARS, NumberForm


def check_digits(cells: TimeCells, sample: NDArray[np.float64]) -> None:
    """Raise DataError where numbers such as 1.5514E+12 are rounded beyond use."""
    if "e" not in cells.texts[0].lower():
        return
    steps = np.diff(sample[: cells.num_head])
    same = int((steps == 0).sum())
    if same > 0.2 * len(steps):
        raise DataError(
            f"{cells.where}: time column '{cells.column}' holds '{cells.texts[0]}' in row "
            f"{cells.rows[0]}, a rounded number, so that {same:,} of the first "
            f"{len(steps) + 1:,} rows have the time of the row before. Write the times in "
            "full, or name another column as time (--time), or none (--no-time)."
        )


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


def ambiguous_error(cells: TimeCells, forms: Sequence[Form]) -> DataError:
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


def implausible_error(cells: TimeCells, forms: Sequence[Form]) -> DataError:
    """The error of numbers that are no time near today, with what they would be."""
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
