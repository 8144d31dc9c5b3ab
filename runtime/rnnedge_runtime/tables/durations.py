"""Lengths of time as text: `6h`, `90s`, `10min`."""

from __future__ import annotations

import re

from ..errors import DataError

_UNITS_US = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "min": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
}
_DURATION = re.compile(r"\s*([0-9]+\.?[0-9]*|\.[0-9]+)\s*([a-z]+)\s*")
_LONGEST_US = 1e16


def parse_duration(text: str, *, option: str) -> int:
    """Microseconds, at least 1, of a number with a unit.

    Args:
        text: for example `90s`, `0.5 h`, `2d`.
        option: that it was given with, for the message.

    Raises:
        DataError: it is none.
    """
    match = _DURATION.fullmatch(text)
    if match is not None and match[2] in _UNITS_US:
        time_us = float(match[1]) * _UNITS_US[match[2]]
        if 1 <= time_us < _LONGEST_US:
            return round(time_us)
    raise DataError(
        f"{option} '{text}': this is no length of time, expected a number above zero and "
        f"a unit, one of {', '.join(_UNITS_US)}. Write it as 6h, 90s or 10min."
    )


def duration_text(time_s: float) -> str:
    """A length of time for messages, in the unit in which it reads best: `1.5 h`."""
    time_us = time_s * 1e6
    fitting = [
        name for name, size in _UNITS_US.items() if name != "w" and time_us >= size
    ]
    unit = fitting[-1] if fitting else "us"
    return f"{time_us / _UNITS_US[unit]:.4g} {unit}"


def duration_in_words(time_s: float) -> str:
    """In the largest unit of which it is a whole number: `6 h`, `90 min`, `80 ms`."""
    return _whole(time_s) or f"{time_s:.9g} s"


def steps_in_words(step: int, sample_period_s: float | None) -> str:
    """A step ahead in words: `6 h`, `15 min`, `80 ms`, or `6 steps`."""
    words = _whole(step * (sample_period_s or 0))
    return words or f"{step} step{'s' if step > 1 else ''}"


def _whole(time_s: float) -> str:
    for unit, size in reversed(_UNITS_US.items()):
        number = round(1e6 * time_s / size, 9)
        if unit != "w" and number >= 1 and number == int(number):
            return f"{number:g} {unit}"
    return ""
