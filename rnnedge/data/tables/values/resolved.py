"""How tables were read, as options: in the config of a run, as keywords, and as found out.

Read again with the options that say what was found out, a table gives the same readings,
whatever a later version would find. What no option says is left out.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import DataError
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.text.dialect import Dialect
from rnnedge_runtime.tables.text.records import BLANKS
from rnnedge_runtime.tables.times import units
from rnnedge_runtime.tables.times.directives import form_of_format
from rnnedge_runtime.tables.times.formats import DIGIT_FORMS
from rnnedge_runtime.tables.times.reading import TimeReading

_FIELDS = dataclasses.fields(TableOptions)
_WORDS = {BLANKS: "space", "\t": "tab"}
_UNITS = {
    **{form: unit for unit, form in units.ELAPSED_FORMS.items()},
    **{form: unit for unit, form in units.EPOCH_FORMS.items()},
    units.EXCEL: "excel",
    units.MATLAB: "matlab",
    units.JULIAN: "julian",
    units.YEARS: "year",
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
        cells: of the time column, or of several joined.
        time_us: `[N]` what was read in them.
        groups: positions of the rows of each series; one series when None.
    """
    found: dict[str, Any] = {"time": reading.column}
    if reading.clock == "UTC":
        found["tz"] = "UTC"
    form = reading.form
    if isinstance(form, units.NumberForm):
        unit = _UNITS.get(form)
        if unit is not None and _gives(form, unit, time_us):
            found["time_unit"] = unit
    elif form.name in _DECIDED and reading.joint != "parts":
        code = form.code(cells[0].removesuffix(".0") if form.is_digits else cells[0])
        with contextlib.suppress(DataError):
            again = dataclasses.replace(reading, form=form_of_format(code))
            if np.array_equal(again.parse_column(cells, groups), time_us):
                found["time_format"] = code
    return found


def _gives(form: units.NumberForm, unit: str, time_us: NDArray[np.int64]) -> bool:
    """Whether `--time-unit` reads numbers as this form, wherever they are looked at."""
    if unit not in units.EPOCH_FORMS:
        return True
    if form.is_elapsed:
        return bool(np.abs(time_us).max() < units.LONGEST_ELAPSED_US)
    return bool(np.abs(time_us).min() >= units.LONGEST_ELAPSED_US)


def option_fields(options: TableOptions) -> dict[str, Any]:
    """The fields of `options` that say something, by name."""
    return {
        field.name: getattr(options, field.name)
        for field in _FIELDS
        if getattr(options, field.name) != field.default
    }


def options_of(recorded: Mapping[str, Any]) -> TableOptions:
    """The options among recorded fields, lists or single texts for fields of several."""
    found = {
        field.name: recorded[field.name] for field in _FIELDS if field.name in recorded
    }
    for field in _FIELDS:
        value = found.get(field.name)
        if field.default == () and value is not None:
            found[field.name] = (
                (value,) if isinstance(value, str) else tuple(map(str, value))
            )
    return TableOptions(**{k: v for k, v in found.items() if v is not None})


def take_options(arguments: dict[str, Any]) -> TableOptions:
    """The options among keywords, which are taken out of them."""
    names = [field.name for field in _FIELDS if field.name in arguments]
    return options_of({name: arguments.pop(name) for name in names})
