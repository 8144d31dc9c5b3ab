"""Local times: offsets, daylight saving, and what the clock of a table is."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnedge_runtime.errors import DataError
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.times.column import find_time
from rnnedge_runtime.tables.times.reading import TimeParser, TimeReading
from rnnedge_runtime.tables.times.zone import zone_of_name

pytestmark = pytest.mark.skipif(
    "Europe/Berlin" not in available_timezones(), reason="no list of time zones"
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")


def reading_of(
    text: str, *, tz: str | None = None, name: str = "time", clock: str = ""
) -> TimeReading:
    found = find_time(
        [name],
        [[text]],
        where="a.csv",
        taken=(),
        options=TableOptions(tz=tz),
        time=name,
        clock=clock,
    )
    assert found is not None
    return found


def local_texts(zone: str, start: datetime, step: timedelta, rows: int) -> list[str]:
    moments = (start + k * step for k in range(rows))
    return [f"{m.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}" for m in moments]


def by_rows(reading: TimeReading, texts: list[str]) -> list[int]:
    rows = TimeParser(reading)
    return [rows.parse(text, row=k) for k, text in enumerate(texts, 1)]


@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1)),
    st.sampled_from((10, 15, 30, 60)),
)
def test_local_times_in_order_read_back(zone: str, start: datetime, step: int) -> None:
    start = start.replace(minute=0, second=0, microsecond=0, tzinfo=UTC)
    autumn = start.replace(month=10, day=24) if zone == "Europe/Berlin" else start
    texts = local_texts(zone, autumn, timedelta(minutes=step), 1000)
    reading = reading_of(texts[0], tz=zone)
    first = (autumn - EPOCH) // timedelta(microseconds=1)
    expected = (first + np.arange(1000) * step * 60_000_000).tolist()
    if by_rows(reading, texts[:1]) != [first]:
        return  # the first row is in a repeated hour: nothing before it tells which
    assert reading.parse_column(texts).tolist() == expected
    assert by_rows(reading, texts) == expected
    assert reading.clock == zone
    assert not reading.notes


@given(
    st.sampled_from(ZONES),
    st.lists(st.integers(-2_000_000_000, 2_500_000_000), min_size=1, max_size=50),
)
def test_a_zone_reads_a_column_as_single_times(zone: str, seconds: list[int]) -> None:
    rule = zone_of_name(zone)
    local = np.array(seconds, dtype=np.int64) * 1_000_000
    early, late, is_skipped = rule.utc_column(local)
    for k, one in enumerate(local.tolist()):
        found = rule.utc_us(one)
        assert is_skipped[k] == (found is None)
        if found is not None:
            assert (early[k], late[k]) == found


def test_a_table_newest_first_is_read_alike() -> None:
    start = datetime(2022, 10, 29, 20, tzinfo=UTC)
    texts = local_texts("Europe/Berlin", start, timedelta(minutes=30), 100)
    reading = reading_of(texts[0], tz="Europe/Berlin")
    upwards = reading.parse_column(texts)
    assert reading.parse_column(texts[::-1]).tolist() == upwards[::-1].tolist()


def test_each_series_has_its_own_order() -> None:
    start = datetime(2022, 10, 29, 20, tzinfo=UTC)
    texts = local_texts("Europe/Berlin", start, timedelta(minutes=30), 40)
    reading = reading_of(texts[0], tz="Europe/Berlin")
    alone = reading.parse_column(texts)
    both = [text for text in texts for _ in range(2)]
    groups = [np.arange(0, 80, 2), np.arange(1, 80, 2)]
    assert reading.parse_column(both, groups).tolist() == np.repeat(alone, 2).tolist()
    rows = TimeParser(reading)
    each = [rows.parse(t, row=k, series="ab"[k % 2]) for k, t in enumerate(both)]
    assert each == np.repeat(alone, 2).tolist()


def test_a_time_that_the_clock_skips() -> None:
    reading = reading_of("2022-03-27 01:30", tz="Europe/Berlin")
    for read in (reading.parse_column, lambda texts: by_rows(reading, texts)):
        with pytest.raises(
            DataError, match=r"'2022-03-27 02:30' in row 2, .*skip.*--tz \+01:00"
        ):
            read(["2022-03-27 01:30", "2022-03-27 02:30"])


@pytest.mark.parametrize(
    ("text", "options", "clock", "says_utc"),
    [
        ("2019-03-01 06:00", {}, "UTC", True),
        ("2019-03-01 06:00", {"tz": "Europe/Berlin"}, "Europe/Berlin", False),
        ("2019-03-01 06:00", {"tz": "UTC"}, "UTC", False),
        ("2019-03-01 06:00", {"clock": "Europe/Berlin"}, "Europe/Berlin", False),
        ("2019-03-01 06:00", {"tz": "UTC", "clock": "Europe/Berlin"}, "UTC", False),
        ("2019-03-01T06:00:00+01:00", {}, "", False),
        ("2019-03-01T06:00:00+01:00", {"tz": "Europe/Berlin"}, "", False),
        ("2019-03-01 06:00", {"name": "Date Time, GMT+01:00"}, "", False),
        ("2019-03-01 06:00", {"name": "time_utc"}, "", False),
        ("2019-03-01", {}, "UTC", False),
        ("2019-03-01", {"tz": "Europe/Berlin"}, "UTC", False),
        ("1551398400", {"tz": "Europe/Berlin"}, "", False),
        ("43525.5", {"tz": "Europe/Berlin"}, "Europe/Berlin", False),
    ],
)
def test_what_the_clock_of_a_table_is(
    text: str, options: dict[str, str], clock: str, says_utc: bool
) -> None:
    reading = reading_of(text, **options)
    assert reading.clock == clock
    assert (
        any("taken as UTC" in note and "--tz" in note for note in reading.notes)
        == says_utc
    )


@pytest.mark.parametrize(
    ("text", "options", "utc"),
    [
        ("2019-03-01 06:00", {"name": "Date Time, GMT+01:00"}, "2019-03-01T05:00"),
        ("2019-03-01 06:00", {"name": "time [UTC-5]"}, "2019-03-01T11:00"),
        ("2019-03-01 06:00", {"tz": "+05:30"}, "2019-03-01T00:30"),
        ("2019-07-01 06:00", {"tz": "Europe/Berlin"}, "2019-07-01T04:00"),
        ("2019-07-01 06:00", {"clock": "Europe/Berlin"}, "2019-07-01T04:00"),
        ("2019-07-01 00:00", {"clock": "Europe/Berlin"}, "2019-06-30T22:00"),
    ],
)
def test_the_zone_of_a_time(text: str, options: dict[str, str], utc: str) -> None:
    expected = np.datetime64(utc, "us").astype(np.int64)
    assert by_rows(reading_of(text, **options), [text]) == [expected]


def test_a_zone_named_where_every_time_has_its_offset() -> None:
    texts = ["2019-03-01T06:00Z", "2019-03-01T08:00+01:00"]
    reading = reading_of(texts[0], tz="Europe/Berlin")
    assert reading.parse_column(texts).tolist() == by_rows(reading, texts)


def test_an_unknown_zone() -> None:
    with pytest.raises(
        DataError, match=r"--tz Europe/Berln: there is no such time zone"
    ):
        zone_of_name("Europe/Berln")


def test_a_system_without_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoneinfo.TZPATH", ())
    monkeypatch.setattr("zoneinfo.available_timezones", set)
    monkeypatch.setitem(sys.modules, "tzdata", None)
    ZoneInfo.clear_cache()
    monkeypatch.setattr("zoneinfo.ZoneInfo", _without_zones)
    with pytest.raises(DataError, match="pip install tzdata"):
        zone_of_name("Europe/Berlin")


def _without_zones(name: str) -> None:
    from zoneinfo import ZoneInfoNotFoundError

    raise ZoneInfoNotFoundError(name)
