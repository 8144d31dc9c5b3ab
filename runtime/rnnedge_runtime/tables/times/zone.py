"""What local times mean: a time zone, with the hours that daylight saving repeats and skips.

A local hour that occurs twice is told apart by the order of the rows: the time of a row
is the earlier one unless the row before it is later already, or the later one follows on
that row by just the step before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ..timestamps import CELL_PADDING, parse_local
from .calendar import HOUR_US

UTC_NAME = "UTC"
_EPOCH = datetime(1970, 1, 1)
_MICROSECOND = timedelta(microseconds=1)
_OFFSET = re.compile(
    r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?", re.ASCII | re.IGNORECASE
)


@dataclass(slots=True)
class LastTime:
    """Where the rows of one series are, to tell repeated hours apart.

    Attributes:
        utc_us: time of the last row; None before the first.
        step_us: time between the last two rows; None before the second.
    """

    utc_us: int | None = None
    step_us: int | None = None

    def pick(self, early_us: int, late_us: int) -> int:
        """The one of two UTC times, both of which a local time may be."""
        if self.utc_us is None or self.step_us is None:
            is_past = self.utc_us is not None and self.utc_us > early_us
            return late_us if is_past else early_us
        if self.utc_us > early_us:
            return late_us
        is_next = abs(late_us - self.utc_us - self.step_us) < 0.02 * self.step_us
        return late_us if is_next else early_us

    def move(self, utc_us: int) -> None:
        """Take a row of this time."""
        if self.utc_us is not None and utc_us != self.utc_us:
            self.step_us = utc_us - self.utc_us
        self.utc_us = utc_us


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone.

    Attributes:
        name: `UTC`, an offset such as `+01:00`, or the name of a time zone.
        rule: its offsets.
    """

    name: str
    rule: tzinfo

    @property
    def is_fixed(self) -> bool:
        """Whether the zone has one offset for all times."""
        return isinstance(self.rule, timezone)

    def utc_us(self, local_us: int) -> tuple[int, int] | None:
        """The earlier and the later UTC time that a local time may be, as a rule equal.

        None when the clock skips this time.
        """
        moment = _EPOCH + timedelta(microseconds=local_us)
        first = moment.replace(tzinfo=self.rule).utcoffset()
        second = moment.replace(tzinfo=self.rule, fold=1).utcoffset()
        assert first is not None
        assert second is not None
        if first < second:
            return None
        return local_us - first // _MICROSECOND, local_us - second // _MICROSECOND

    def utc_column(
        self, local_us: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """`utc_us` of a column: earlier and later time, and whether the clock skips it."""
        if self.is_fixed or not len(local_us):
            offset = self.rule.utcoffset(None) or timedelta()
            utc = local_us - offset // _MICROSECOND
            return utc, utc, np.zeros(len(local_us), dtype=np.bool_)
        changes, offsets = self._changes(int(local_us.min()), int(local_us.max()))
        before, after = offsets[:-1], offsets[1:]
        first = np.searchsorted(changes + np.maximum(before, after), local_us, "right")
        second = np.searchsorted(changes + np.minimum(before, after), local_us, "right")
        early, late = local_us - offsets[first], local_us - offsets[second]
        return early, late, late < early

    def _changes(
        self, first_us: int, last_us: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """UTC times at which the offset changes, and the offsets before and after."""
        moment = _EPOCH + timedelta(microseconds=first_us, days=-2)
        last = _EPOCH + timedelta(microseconds=last_us, days=2)
        changes, offsets = [], [self._offset(moment)]
        while moment < last:
            after = moment + timedelta(hours=12)
            if self._offset(after) != offsets[-1]:
                low, high = moment, after
                while high - low > timedelta(seconds=1):
                    middle = low + (high - low) // 2
                    middle = middle.replace(microsecond=0)
                    middle = max(middle, low + timedelta(seconds=1))
                    if self._offset(middle) == offsets[-1]:
                        low = middle
                    else:
                        high = middle
                changes.append((high.replace(microsecond=0) - _EPOCH) // _MICROSECOND)
                offsets.append(self._offset(after))
            moment = after
        return np.array(changes, dtype=np.int64), np.array(offsets, dtype=np.int64)

    def _offset(self, utc: datetime) -> int:
        offset = utc.replace(tzinfo=UTC).astimezone(self.rule).utcoffset()
        assert offset is not None
        return offset // _MICROSECOND


def time_on_clock(text: str, clock: str) -> int | None:
    """Microseconds since 1970 UTC of a time that is written beside a table.

    Args:
        text: as `parse_time` reads it.
        clock: what a time without an offset means, a name as `zone_of_name` takes it; ""
            for UTC. Of an hour that occurs twice it is the first.

    Returns:
        None when the text is no time.
    """
    found = parse_local(text.strip(CELL_PADDING))
    if found is None:
        return None
    local_us, offset_us = found
    if offset_us is None:
        zone = zone_of_name(clock or UTC_NAME, option="the table's clock")
        moment = _EPOCH + timedelta(microseconds=local_us)
        offset = moment.replace(tzinfo=zone.rule).utcoffset()
        assert offset is not None
        offset_us = offset // _MICROSECOND
    return local_us - offset_us


def zone_of_name(name: str, *, option: str = "--tz") -> Zone:
    """The zone of `UTC`, an offset such as `+01:00`, or a name such as `Europe/Berlin`.

    Raises:
        DataError: there is no such zone, or the system has no list of zones.
    """
    if name.upper() in (UTC_NAME, "Z", "GMT"):
        return Zone(UTC_NAME, UTC)
    offset = _OFFSET.fullmatch(name)
    if offset is not None:
        sign, hours, minutes = offset.groups()
        shift_us = int(hours) * HOUR_US + int(minutes or 0) * 60_000_000
        if shift_us < 16 * HOUR_US:
            return fixed_zone(-shift_us if sign == "-" else shift_us)
    import zoneinfo

    try:
        return Zone(name, zoneinfo.ZoneInfo(name))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        pass
    if not zoneinfo.available_timezones():
        raise DataError(
            f"{option} {name}: this system has no list of time zones. "
            "Install it with: pip install tzdata."
        )
    raise DataError(
        f"{option} {name}: there is no such time zone, expected UTC, an offset such as "
        "+01:00, or a name such as Europe/Berlin. Mend the name."
    )


def fixed_zone(offset_us: int) -> Zone:
    """The zone that is always `offset_us` ahead of UTC."""
    if offset_us == 0:
        return Zone(UTC_NAME, UTC)
    minutes = abs(offset_us) // 60_000_000
    sign = "-" if offset_us < 0 else "+"
    name = f"{sign}{minutes // 60:02d}:{minutes % 60:02d}"
    return Zone(name, timezone(timedelta(microseconds=offset_us)))
