"""Time stamps of tables: text to microseconds, and the time column.

The one meaning of a time cell for training and for the device. A time is int64
microseconds since 1970 UTC inside the readers and Unix seconds outside.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from ..errors import DataError

CELL_PADDING = " \t\r\n\u00a0"
"""Characters around a cell's text that do not belong to it."""

NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
"""A decimal number: Python's float without underscores, words and other scripts."""

TIME_EXAMPLE = "2013-01-01T06:00:00Z"

_TIME_NAMES = frozenset(
    {
        "time",
        "timestamp",
        "datetime",
        "date_time",
        "date",
        "ts",
        "utc",
        "ds",
        "epoch",
        "unix",
        "unixtime",
        "unix_time",
        "time_utc",
        "timestamp_utc",
        "datetime_utc",
        "date_utc",
        "time_stamp",
        "valid_time",
    }
)
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


def time_or_error(text: str, *, where: str, column: str, row: int) -> int:
    """`parse_time` of a cell that must be a time.

    Raises:
        DataError: it is not; the message names the column and the row.
    """
    time_us = parse_time(text)
    if time_us is None:
        found = f"holds '{text}', which is not a time" if text else "is empty"
        raise DataError(
            f"{where}: time column '{column}' {found} in row {row}. Write times as "
            f"{TIME_EXAMPLE} or as seconds since 1970, or name another column as time."
        )
    return time_us


def find_time_column(
    names: Sequence[str],
    first_row: Sequence[str],
    *,
    where: str,
    taken: Collection[str],
) -> str | None:
    """The time column of a table: by its name, else the first whose text is a time.

    Args:
        names: column names.
        first_row: text of the first row's cells.
        where: start of the message.
        taken: columns that are something else.

    Returns:
        Its name; None when the rows carry no time.

    Raises:
        DataError: a column is named like a time but its first cell is none.
    """
    cells = [
        (name, text.strip(CELL_PADDING))
        for name, text in zip(names, first_row, strict=True)
        if name not in taken
    ]
    named = [(name, text) for name, text in cells if _plain(name) in _TIME_NAMES]
    for name, text in named:
        if not text or parse_time(text) is not None:
            return name
    for name, text in cells:
        if not NUMBER.fullmatch(text) and parse_time(text) is not None:
            return name
    for name, text in named:
        time_or_error(text, where=where, column=name, row=1)
    return None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
