"""What was found out about tables, as the options that say it: for the config of a run.

Read again with these options a table gives the same readings, whatever a later version
would find. What no option says is left out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import DataError
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.text.dialect import Dialect
from rnnedge_runtime.tables.text.records import BLANKS
from rnnedge_runtime.tables.times.directives import form_of_format
from rnnedge_runtime.tables.times.formats import DIGIT_FORMS, TextForm
from rnnedge_runtime.tables.times.reading import TimeReading
from rnnedge_runtime.tables.times.units import (
    ELAPSED_FORMS,
    EPOCH_FORMS,
    EXCEL,
    JULIAN,
    LONGEST_ELAPSED_US,
    MATLAB,
    YEARS,
    NumberForm,
)

_WORDS = {BLANKS: "space", "\t": "tab"}
_UNITS = {
    **{form: unit for unit, form in ELAPSED_FORMS.items()},
    **{form: unit for unit, form in EPOCH_FORMS.items()},
    EXCEL: "excel",
    MATLAB: "matlab",
    JULIAN: "julian",
    YEARS: "year",
}
_DECIDED = {"dd/mm/yyyy", "mm/dd/yyyy", "yy-mm-dd", "yymmdd hhmm"} | {
    form.name for form in DIGIT_FORMS
}
"""Forms of times that some cells alone could have as well as another."""


def dialect_options(dialect: Dialect) -> dict[str, Any]:
    """How a text is written, as fields of `TableOptions`."""
    found: dict[str, Any] = {}
    delimiter = dialect.shape.delimiter
    if dialect.shape.width > 1:
        found["delimiter"] = _WORDS.get(delimiter, delimiter)
    if dialect.has_header and dialect.num_above:
        found["skip_rows"] = dialect.num_above
    return found


def shared_options(
    found: Iterable[Mapping[str, Any]], options: TableOptions
) -> dict[str, Any]:
    """What all tables have in common and the user did not say."""
    first, *others = found
    return {
        name: value
        for name, value in first.items()
        if all(other.get(name) == value for other in others)
        and getattr(options, name, None) in (None, False)
    }


def time_options(
    reading: TimeReading,
    cells: Sequence[str],
    time_us: NDArray[np.int64],
    groups: Sequence[NDArray[np.int64]] | None,
) -> dict[str, Any]:
    """The time column of a table and how it is read, as keywords.

    Args:
        reading: how its times are read.
        cells: of the time column, or of several joined.
        time_us: `[N]` what was read in them.
        groups: positions of the rows of each series; one series when None.
    """
    found: dict[str, Any] = {"time": reading.column}
    if reading.clock == "UTC":
        found["tz"] = "UTC"
    form = reading.form
    if isinstance(form, NumberForm):
        unit = _UNITS.get(form)
        if unit is not None and _gives(form, unit, time_us):
            found["time_unit"] = unit
    elif form.name in _DECIDED and reading.joint != "parts":
        code = form.code(cells[0].removesuffix(".0") if form.is_digits else cells[0])
        if _reads_alike(reading, code, cells, time_us, groups):
            found["time_format"] = code
    return found


def _gives(form: NumberForm, unit: str, time_us: NDArray[np.int64]) -> bool:
    """Whether `--time-unit` reads numbers as this form, wherever they are looked at."""
    if unit not in EPOCH_FORMS:
        return True
    if form.is_elapsed:
        return bool(np.abs(time_us).max() < LONGEST_ELAPSED_US)
    return bool(np.abs(time_us).min() >= LONGEST_ELAPSED_US)


def _reads_alike(
    reading: TimeReading,
    code: str,
    cells: Sequence[str],
    time_us: NDArray[np.int64],
    groups: Sequence[NDArray[np.int64]] | None,
) -> bool:
    """Whether a format reads all cells as they were read."""
    try:
        form: TextForm = form_of_format(code)
        again = dataclasses.replace(reading, form=form).parse_column(cells, groups)
    except DataError:
        return False
    return np.array_equal(again, time_us)
