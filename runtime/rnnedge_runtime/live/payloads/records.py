"""One reading of any format before the model is asked what it wants of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...tables.text.cell_text import parse_reading
from .faults import PayloadError, quoted

_EMPTY: Mapping[str, Any] = {}
_LARGEST_FLOAT32 = 3.4028235677973366e38  # what rounds to infinity from here on


@dataclass(frozen=True, slots=True)
class Record:
    """What came at one time.

    Attributes:
        values: by name, as they came; nested ones are found by dots.
        time: as it came, or None; where `is_time_read`, microseconds since 1970 UTC.
        labels: what tells series apart, besides the values.
        home: of line protocol, its measurement.
        series: name of the series where the rules have no template.
    """

    values: Mapping[str, Any]
    time: Any = None
    is_time_read: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    home: str = ""
    series: str = ""

    def value(self, name: str) -> Any:
        """What stands at a name; `MISSING` where there is nothing."""
        if name in self.values:
            return self.values[name]
        if self.home and name.startswith(f"{self.home}."):
            return self.values.get(name[len(self.home) + 1 :], MISSING)
        return _nested(self.values, name) if "." in name else MISSING

    def label(self, name: str) -> Any:
        """What a template finds at a name; None where there is nothing."""
        if name in self.labels:
            return self.labels[name]
        found = self.value(name)
        return None if found is MISSING else found


class _Missing:
    """What stands for no value at all, which null is."""


MISSING = _Missing()


def number_of(value: object, name: str) -> float:
    """A value as a number; NaN where it is missing, or more than float32 holds.

    Raises:
        PayloadError: it is text, a list or an object.
    """
    number: float | None = None
    if value is None:
        return math.nan
    if isinstance(value, int | float):
        try:
            number = float(value)
        except OverflowError:
            return math.nan
    elif isinstance(value, str):
        number = parse_reading(value)
    if number is None:
        raise PayloadError(
            "not a number",
            f"{quoted(name)} holds {quoted(value)}, expected a number. "
            "Mend what is sent, or leave the field out ('rename').",
        )
    return number if -_LARGEST_FLOAT32 < number < _LARGEST_FLOAT32 else math.nan


def _nested(values: Mapping[str, Any], name: str) -> Any:
    found: Any = values
    for part in name.split("."):
        if isinstance(found, Mapping) and part in found:
            found = found[part]
        elif isinstance(found, list) and part.isdecimal() and len(part) < 8:
            place = int(part)
            if place >= len(found):
                return MISSING
            found = found[place]
        else:
            return MISSING
    return found
