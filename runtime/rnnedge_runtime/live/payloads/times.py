"""The time in a payload: ISO 8601 or a number since 1970, on the clock of the sensor."""

from __future__ import annotations

from dataclasses import dataclass

from ...tables.times.zone import Zone
from ...tables.timestamps import CELL_PADDING, parse_local
from .faults import PayloadError, quoted

PRECISIONS = {"s": 1_000_000.0, "ms": 1_000.0, "us": 1.0, "ns": 0.001}
"""Microseconds in one of each unit that a time may be counted in."""

TIME_NAMES = ("time", "timestamp", "ts", "datetime", "_time")
"""Fields that hold the time where none is named, the first that is there."""

LAST_US = 50_000_000_000_000_000


@dataclass(frozen=True, slots=True)
class TimeRules:
    """How times are read.

    Attributes:
        name: field of the time; "": the first of `TIME_NAMES`, if any.
        precision: unit of numbers, a key of `PRECISIONS`; "": found from their size.
        zone: what a time without an offset means; None: UTC.
    """

    name: str = ""
    precision: str = ""
    zone: Zone | None = None

    def read(self, value: object, now_us: int) -> int | None:
        """Microseconds since 1970 UTC; None where a reading brings no time.

        Args:
            value: text, number or None.
            now_us: when it came, which tells the two hours apart that a clock repeats.

        Raises:
            PayloadError: it is no time.
        """
        if value is None or value == "":
            return None
        if isinstance(value, bool | dict | list):
            raise no_time(value)
        if self.precision and isinstance(value, int | float):
            return counted_time(value, self.precision)
        found = _parse(str(value).strip(CELL_PADDING))
        if found is None:
            raise no_time(value)
        local_us, offset_us = found
        if offset_us is not None or self.zone is None:
            return in_range(local_us - (offset_us or 0), value)
        try:
            both = self.zone.utc_us(local_us)
        except OverflowError:
            both = None
        if both is None:
            raise no_time(value)
        early, late = both
        return late if abs(late - now_us) < abs(early - now_us) else early


def counted_time(value: float, precision: str) -> int:
    """Microseconds since 1970 of a count in some unit, whole ones exact.

    Raises:
        PayloadError: no clock shows it.
    """
    factor = PRECISIONS[precision]
    if isinstance(value, int):
        exact = value // 1000 if precision == "ns" else value * int(factor)
        return in_range(exact, value)
    if not abs(value * factor) < LAST_US:
        raise no_time(value)
    return round(value * factor)


def in_range(time_us: int, value: object) -> int:
    """The time, which some calendar has.

    Raises:
        PayloadError: no clock shows it.
    """
    if not -LAST_US < time_us < LAST_US:
        raise no_time(value)
    return time_us


def no_time(value: object) -> PayloadError:
    """The error of what is no time."""
    return PayloadError(
        "time",
        f"its time is {quoted(value)}, expected ISO 8601 or a number since 1970. "
        "Name its field ('time') and unit ('precision').",
    )


def _parse(text: str) -> tuple[int, int | None] | None:
    try:
        return parse_local(text)
    except (ValueError, OverflowError):
        return None
