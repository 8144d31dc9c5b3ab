from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnedge_runtime.tables.timestamps import parse_time, time_text

SIX_O_CLOCK = 1_357_020_000_000_000  # 2013-01-01T06:00:00Z


@pytest.mark.parametrize(
    "text",
    [
        "2013-01-01T06:00:00Z",
        "2013-01-01T06:00:00",
        "2013-01-01 06:00",
        " 2013-01-01T06:00:00.000000Z\t",
        "2013-01-01T08:00:00+02:00",
        "2013-01-01 00:30:00-0530",
        "2013/01/01 06:00:00",
        "2013-01-01 06:00:00 UTC",
        "2013-01-01T06:00:00.000000123Z",
        "20130101T060000Z",
        "20130101060000",
        "201301010600",
        "1357020000",
        "1357020000.0",
        "1.35702e9",
        "1357020000000",
        "1357020000000000",
        "1357020000000000000",
    ],
)
def test_ways_to_write_one_time(text: str) -> None:
    assert parse_time(text) == SIX_O_CLOCK


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2013-01-01", SIX_O_CLOCK - 6 * 3_600_000_000),
        ("20130101", SIX_O_CLOCK - 6 * 3_600_000_000),
        ("0", 0),
        ("-1", -1_000_000),
        ("1969-12-31T23:59:59.5Z", -500_000),
        ("1357020000.25", SIX_O_CLOCK + 250_000),
    ],
)
def test_other_times(text: str, expected: int) -> None:
    assert parse_time(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nan",
        "06:00",
        "01/02/2013 06:00",
        "2013-02-30",
        "2013-13-01",
        "1_357",
        "1e300",
        "12,5",
        "1e999",
        "yesterday",
        "٢٠١٣-٠١-٠١",
        "9" * 40,
    ],
)
def test_text_that_is_no_time(text: str) -> None:
    assert parse_time(text) is None


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)),
    st.integers(-14 * 60, 14 * 60),
)
def test_iso_text_is_read_exactly(moment: datetime, offset_min: int) -> None:
    zone = timezone(timedelta(minutes=offset_min))
    expected = (moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // (
        timedelta(microseconds=1)
    )
    assert parse_time(moment.isoformat()) == expected
    assert (
        parse_time(moment.replace(tzinfo=UTC).astimezone(zone).isoformat()) == expected
    )
    assert parse_time(time_text(expected)) == expected
