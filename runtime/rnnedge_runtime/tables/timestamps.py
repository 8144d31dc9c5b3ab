"""Time stamps of tables: text to microseconds and back.

The one meaning of a time cell for training and for the device. A time is int64
microseconds since 1970 UTC inside the readers and Unix seconds outside.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta

CELL_PADDING = " \t\r\n\u00a0"
"""Characters around a cell's text that do not belong to it."""

NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
"""A decimal number: Python's float without underscores, words and other scripts."""

TIME_EXAMPLE = "2013-01-01T06:00:00Z"

_COMPACT_DATE = re.compile(r"(19|20)[0-9]{6}([0-9]{4}([0-9]{2})?)?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LAST_US = 5e16  # about the years 400 to 3500
_EPOCH_LIMITS = ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0), (math.inf, 1e-3))


def parse_time(text: str) -> int | None:
    """Microseconds since 1970 UTC of one cell; None when the text is not a time.

    ISO 8601 with `Z`, an offset or neither (then UTC), a date alone, `/` for `-`, or a
    number: seconds since 1970, above 1e11 milliseconds, above 1e14 microseconds, above
    1e17 nanoseconds. `20130101`, `201301010600` and `20130101060000` are dates.
    """
    found = parse_local(text.strip(CELL_PADDING))
    return None if found is None else found[0] - (found[1] or 0)


def parse_local(text: str) -> tuple[int, int | None] | None:
    """Microseconds since 1970 on a cell's own clock, and its offset if it names one.

    What `parse_time` reads, and None where it reads none.
    """
    is_utc = False
    if NUMBER.fullmatch(text):
        if not _COMPACT_DATE.fullmatch(text):
            epoch = _epoch_number(float(text))
            return None if epoch is None else (epoch, 0)
        text = f"{text[:8]}T{text[8:]}" if len(text) > 8 else text
    else:
        bare = text.removesuffix(" UTC").removesuffix(" GMT")
        is_utc = bare != text
        text = bare.replace("/", "-")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    offset = moment.utcoffset()
    if offset is None:
        local = moment.replace(tzinfo=UTC) - _EPOCH
        return local // _MICROSECOND, 0 if is_utc else None
    shift = offset // _MICROSECOND
    return (moment - _EPOCH) // _MICROSECOND + shift, shift


def _epoch_number(value: float) -> int | None:
    factor = next(factor for limit, factor in _EPOCH_LIMITS if abs(value) <= limit)
    return round(value * factor) if abs(value * factor) < _LAST_US else None


def time_text(time_us: int) -> str:
    """ISO 8601 text of a time, for messages."""
    moment = _EPOCH + timedelta(microseconds=int(time_us))
    return moment.isoformat().replace("+00:00", "Z")
