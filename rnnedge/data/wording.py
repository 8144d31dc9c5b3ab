"""Steps, lengths of time and units, for people."""

from __future__ import annotations

_UNITS = (
    (86_400e6, "d"),
    (3_600e6, "h"),
    (60e6, "min"),
    (1e6, "s"),
    (1e3, "ms"),
    (1.0, "us"),
)


def steps_in_words(step: int, sample_period_s: float | None) -> str:
    """A step ahead in words: `6 h`, `15 min`, `80 ms`, or `6 steps`."""
    microseconds = step * (sample_period_s or 0) * 1e6
    for length, unit in _UNITS:
        number = round(microseconds / length, 9)
        if number >= 1 and number == int(number):
            return f"{number:g} {unit}"
    return f"{step} step{'s' if step > 1 else ''}"


def with_unit(name: str, unit: str) -> str:
    """`temp (C)`; the name alone where it holds the unit already, as in `temp (C)`."""
    if not unit or name.rstrip().endswith((f"({unit})", f"[{unit}]")):
        return name
    return f"{name} ({unit})"
