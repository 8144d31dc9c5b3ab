"""Time cells as numbers: seconds since 1970, serial days, clocks that count from zero."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from .calendar import DAY_US, SECOND_US, days_of_date, is_leap

_UNITS = (
    ("ns", 1e-3, "nanoseconds", "nsec nanos nanosec"),
    ("us", 1.0, "microseconds", "µs μs usec micros microsec"),
    ("ms", 1e3, "milliseconds", "msec msecs millis millisec millisecs millisecond"),
    ("s", 1e6, "seconds", "sec secs second sekunden"),
    ("min", 60e6, "minutes", "mins minuten"),
    ("h", 3600e6, "hours", "hr hrs stunden"),
    ("d", 86400e6, "days", "day tage"),
)
"""Name, microseconds, word for messages, and other words for each unit."""

UNIT_US = {name: size for name, size, *_ in _UNITS}
"""Microseconds of a unit, by the names that `--time-unit` takes."""

_WORDS = {name: word for name, _, word, _ in _UNITS}
_UNIT_OF_WORD = {
    word: name
    for name, _, *words in _UNITS
    for word in (name, *" ".join(words).split())
}
_YEARS_AHEAD = 5
_BUILT_S = 1_767_225_600  # 2026-01-01, for devices whose own clock is not set
_EARLIEST_US = 631_152_000_000_000  # 1990-01-01
_HARD_US = 5e16

LONGEST_ELAPSED_US = 1e14
"""About three years: a clock that counts from its start shows less."""


@dataclass(frozen=True, slots=True)
class NumberForm:
    """One meaning of a number as a time.

    Attributes:
        name: for messages, as `milliseconds since 1970`.
        unit: name in `UNIT_US`.
        origin_us: microseconds since 1970 of zero.
        is_elapsed: whether zero is just where the clock started.
        is_year: whether the number is a year with a fraction; unit and origin are unused.
    """

    name: str
    unit: str
    origin_us: int = 0
    is_elapsed: bool = False
    is_year: bool = False

    def read(self, value: Any) -> Any:
        """Microseconds since 1970 of a float, or of an array of them, as float."""
        if self.is_year:
            return _moment_of_year(value)
        moment = np.rint(value * UNIT_US[self.unit])
        if self.unit == "d" and not self.is_elapsed:
            second = np.rint(moment / SECOND_US) * SECOND_US
            moment = np.where(np.abs(moment - second) <= 50_000, second, moment)
        return moment + self.origin_us

    def is_readable(self, moment_us: Any) -> Any:
        """Whether a time that `read` gave fits int64, about the years 400 to 3500."""
        return np.abs(moment_us) < _HARD_US


def _moment_of_year(value: Any) -> Any:
    year = np.floor(np.clip(np.nan_to_num(value), 0, 9999)).astype(np.int64)
    start = days_of_date(year, 1, 1)
    days = (value - year) * (365 + is_leap(year))
    return np.rint((start + days) * 86400) * SECOND_US


EPOCH_FORMS = {
    unit: NumberForm(f"{_WORDS[unit]} since 1970", unit)
    for unit in ("s", "ms", "us", "ns")
}
ELAPSED_FORMS = {
    unit: NumberForm(f"elapsed {word}", unit, is_elapsed=True)
    for unit, word in _WORDS.items()
}
EXCEL = NumberForm("days as Excel counts them", "d", -25_569 * DAY_US)
MATLAB = NumberForm("days as MATLAB counts them", "d", -719_529 * DAY_US)
JULIAN = NumberForm("Julian dates", "d", round(-2_440_587.5 * DAY_US))
MODIFIED_JULIAN = NumberForm("modified Julian dates", "d", -40_587 * DAY_US)
YEARS = NumberForm("years", "d", is_year=True)


def latest_us() -> int:
    """The latest time that is taken for one without being asked: five years from now."""
    now = max(int(time.time()), _BUILT_S)
    return (now + _YEARS_AHEAD * 31_556_952) * SECOND_US


def is_plausible(moment_us: Any, *, earliest_us: float = _EARLIEST_US) -> bool:
    """Whether all times lie from 1990, or `earliest_us`, to a few years from now."""
    low, high = np.min(moment_us), np.max(moment_us)
    return bool(low >= earliest_us and high <= latest_us())


_BRACKETED = re.compile(r"[(\[{]\s*([a-zµμ]+)\s*[)\]}]\s*$")
_SEPARATED = re.compile(r"(?P<base>.*?)(?:\s+in)?[\s_./,-]+(?P<unit>[a-zµμ]+)")


def unit_of_name(name: str) -> tuple[str, str | None]:
    """A column's name in lower case without its unit, and the unit.

    `Time (s)`, `time_ms`, `t [us]`, `t/s`, `millis`: in brackets, after the last
    separator, or the whole name.
    """
    low = name.strip().strip("#").strip().lower()
    found = _BRACKETED.search(low)
    if found and found[1] in _UNIT_OF_WORD:
        return low[: found.start()].strip(), _UNIT_OF_WORD[found[1]]
    if low in _UNIT_OF_WORD and len(low) > 2:
        return "", _UNIT_OF_WORD[low]
    found = _SEPARATED.fullmatch(low)
    if found and found["unit"] in _UNIT_OF_WORD:
        return found["base"].strip(), _UNIT_OF_WORD[found["unit"]]
    camel = re.fullmatch(r"(.*[a-z])(Ms|Us|Ns|Sec|Millis|Micros|Seconds)", name.strip())
    if camel:
        return camel[1].lower(), _UNIT_OF_WORD[camel[2].lower()]
    return low, None
