"""What the name of a column says of times: that it holds them, their unit, their zone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .calendar import HOUR_US
from .units import unit_of_name
from .zone import Zone, fixed_zone


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TIME_NAMES = _words(
    "time timestamp datetime date_time date ts utc ds epoch unix unixtime unix_time "
    "time_utc timestamp_utc datetime_utc date_utc time_stamp valid_time unix_timestamp "
    "date_and_time datum zeit zeitstempel datum_zeit datum_uhrzeit mess_datum uhrzeit "
    "fecha fecha_hora year yyyymm datetime_gmt date_gmt time_gmt jahr "
    "jd mjd julian_date epoch_time epochtime local_time utc_time timestamps times dt dtg"
)
_DATE_NAMES = _words("date year month ds datum jahr monat fecha day yyyymm mess_datum")
_TIME_WORDS = _words(
    "time timestamp datetime date datum zeit epoch elapsed millis micros clock "
    "timestamps unix uptime"
)
_OTHER_WORDS = _words(
    "response travel lead wait latency cpu delay duration interval since zone rise fall "
    "charge transit service processing reaction dwell settling cycle step on off "
    "remaining left per"
)
_INDEX_NAMES = _words(
    "no nr num number rownames row rows row_number row_no row_id rownumber rowid "
    "row_names index idx id data_point datapoint entry_id entry record record_no record_id "
    "recno rn seq sequence sequence_number n obs observation sample sample_no "
    "sample_number sample_id unnamed_0 level_0 counter lfd_nr x1"
)
_HOUR_NAMES = _words("hour hr hours stunde heure hora he hour_ending")
_CLOCK_NAMES = _words(
    "uhrzeit hora heure ora clock start begin from von beginn hour hhmm start_time tid"
)
_PARTS = (
    ("year", "yr", "jahr"),
    ("month", "mo", "mon", "mm", "monat"),
    ("day", "dd", "dom", "mday", "tag"),
    ("hour", "hr", "hh", "stunde"),
    ("minute", "min", "mi", "minutes"),
    ("second", "sec", "seconds"),
)
_ZONE = re.compile(
    r"\b(?:UTC|GMT)\s*(?:([+-])\s?(\d{1,2})(?::?(\d{2}))?)?", re.ASCII | re.IGNORECASE
)
_RISING_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class TimeName:
    """What a column's name says.

    Attributes:
        unit: unit of its numbers as `--time-unit` names it.
        is_time: it is the name of a time column.
        is_like_time: it speaks of a time, but may be a duration.
        is_date: it is the name of a column of dates.
        is_epoch: it speaks of Unix time.
        zone: zone of its times.
        is_unit_alone: it is nothing but a unit, such as `seconds` or `day`.
    """

    unit: str | None
    is_time: bool
    is_like_time: bool
    is_date: bool
    is_epoch: bool
    zone: Zone | None
    is_unit_alone: bool = False


def plain_name(name: str) -> str:
    """A name in lower case, with one underscore for everything but letters and digits."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def read_name(name: str) -> TimeName:
    """What the name of a column says of times."""
    base, unit = unit_of_name(name)
    zone = None
    found = _ZONE.search(name.replace("_", " "))
    if found:
        sign, hours, minutes = found.groups()
        offset = int(hours or 0) * HOUR_US + int(minutes or 0) * 60_000_000
        zone = fixed_zone(-offset if sign == "-" else offset)
        base = re.sub(r"[(\[]?\b(?:utc|gmt)\b.*$", "", base.replace("_", " "))
    plain = plain_name(base)
    bare = plain_name(re.sub(r"[(\[].*$", "", base))
    words = set(plain_name(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name)).split("_"))
    is_time = {plain_name(name), plain, bare} & _TIME_NAMES != set()
    is_clock = bool(unit) and plain in ("", "t")
    is_like = bool(
        is_time
        or is_clock
        or plain == "t"
        or words & _TIME_WORDS
        or plain.endswith("_at")
    )
    return TimeName(
        unit=unit,
        is_time=is_time,
        is_like_time=is_like and (is_time or not words & _OTHER_WORDS),
        is_date=bool({plain, bare} & _DATE_NAMES) or "date" in words,
        is_epoch=bool(words & {"unix", "epoch", "unixtime"}),
        zone=zone,
        is_unit_alone=is_clock and not plain,
    )


def is_index_name(name: str) -> bool:
    """Whether a name is that of a row number, such as `No`, `index`, `#`, `entry_id`."""
    plain = plain_name(name)
    return plain in _INDEX_NAMES or not plain or plain.startswith("unnamed")


def is_hour_name(name: str) -> bool:
    """Whether a name is that of a column of hours of the day."""
    return plain_name(name) in _HOUR_NAMES


def is_clock_name(name: str) -> bool:
    """Whether a name is that of a column of times of day."""
    return plain_name(name) in _CLOCK_NAMES


def date_parts(names: Sequence[str]) -> tuple[str, ...]:
    """Columns of year and month and, as far as there are, day, hour, minute, second."""
    plain = {plain_name(name): name for name in reversed(names)}
    found = []
    for words in _PARTS:
        name = next((plain[word] for word in words if word in plain), None)
        if name is None:
            break
        found.append(name)
    return tuple(found) if len(found) >= 2 else ()


def is_index_like(name: str, values: NDArray[np.floating]) -> bool:
    """Whether a column just counts rows or time, so that it is no reading.

    Its name is that of a row number and nearly all steps are 1 or -1, or all go one way;
    or its name speaks of a time and it does not fall, or not rise, from row to row.

    Args:
        values: `[N]`, NaN where missing.
    """
    present = values[np.isfinite(values)].astype(np.float64)
    if len(present) < 3:
        return False
    steps = np.diff(present)
    goes_on = max(float((steps > 0).mean()), float((steps < 0).mean()))
    if is_index_name(name):
        is_whole = bool((present == np.floor(present)).all())
        counts = float((np.abs(steps) == 1).mean()) >= _RISING_SHARE
        return is_whole and (goes_on == 1 or counts)
    if not read_name(name).is_like_time:
        return False
    goes_back = min(float((steps > 0).mean()), float((steps < 0).mean()))
    return goes_on > 0 and goes_back <= 1 - _RISING_SHARE
