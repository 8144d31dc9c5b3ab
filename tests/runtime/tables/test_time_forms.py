"""Every way to write a time reads back to the microsecond, cell by cell and by column."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rnnedge_runtime.errors import DataError
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.times.column import find_time
from rnnedge_runtime.tables.times.directives import form_of_format
from rnnedge_runtime.tables.times.formats import DIGIT_FORMS, NO_OFFSET, TEXT_FORMS
from rnnedge_runtime.tables.times.reading import TimeParser, TimeReading

EPOCH = datetime(1970, 1, 1)
DATES = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%y-%m-%d",
    "%d-%b-%Y",
    "%d %B %Y",
    "%d%b%Y",
    "%b %d, %Y",
    "%B %d %Y",
    "%Y-%b-%d",
    "%a, %d %b %Y",
    "%Y%m%d",
    "%y%m%d",
)
CLOCKS = (
    " %H:%M:%S.%f",
    "T%H:%M:%S.%f",
    " %H:%M:%S,%f",
    " %H.%M.%S",
    " %H:%M:%S",
    " %H:%M",
    "T%H%M%S",
    " %I:%M:%S %p",
    " %I:%M %p",
    ";%H:%M:%S",
    ", %H:%M",
)
ZONES = ("", "Z", " UTC", " GMT", "+00:00", " +0000", "+00")
DIGITS = (
    "%Y%m%d%H%M%S",
    "%Y%m%d%H%M",
    "%Y%m%d%H",
    "%Y%m%d",
    "%y%m%d%H%M%S",
    "%y%m%d%H%M",
)
MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2026, 1, 1))


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def reading_of(
    texts: list[str],
    name: str = "time",
    *,
    clock: str = "",
    taken: tuple[str, ...] = (),
    **options: object,
) -> TimeReading:
    found = find_time(
        [name],
        [[text] for text in texts],
        where="t.csv",
        taken=taken,
        clock=clock,
        options=TableOptions(**options),  # type: ignore[arg-type]
    )
    assert found is not None
    return found


def read_both(reading: TimeReading, texts: list[str]) -> list[int]:
    """The times by column, which must be those row by row."""
    whole = reading.parse_column(texts)
    rows = TimeParser(reading)
    assert whole.tolist() == [rows.parse(text, row=k) for k, text in enumerate(texts)]
    return whole.tolist()


@given(
    st.sampled_from(DATES),
    st.sampled_from(CLOCKS),
    st.sampled_from(ZONES),
    st.lists(MOMENTS, min_size=1, max_size=6),
)
def test_a_written_time_reads_back(
    date: str, clock: str, zone: str, moments: list[datetime]
) -> None:
    code = date + clock
    texts = [moment.strftime(code) + zone for moment in moments]
    expected = [
        microseconds(datetime.strptime(t[: len(t) - len(zone)], code)) for t in texts
    ]
    reading = reading_of(
        texts,
        time_format=code
        + zone.replace("+00:00", "%z")
        .replace("+0000", "%z")
        .replace("+00", "%z")
        .replace("UTC", "%Z")
        .replace("GMT", "%Z"),
    )
    assert read_both(reading, texts) == expected
    forms = [f for f in TEXT_FORMS if f.read(texts[0])]
    assert any(
        f.read(texts[0]) in ((expected[0], 0), (expected[0], None)) for f in forms
    )


@given(st.sampled_from(DATES), st.sampled_from(CLOCKS), MOMENTS, st.data())
def test_a_column_of_written_times_is_recognised(
    date: str, clock: str, start: datetime, data: st.DataObject
) -> None:
    step = data.draw(st.sampled_from((3600, 7200)))
    start = start.replace(second=0, microsecond=0, minute=0)
    moments = [start + timedelta(seconds=step * k) for k in range(40 * 86_400 // step)]
    texts = [moment.strftime(date + clock) for moment in moments]
    reading = reading_of(texts[:700])
    assert read_both(reading, texts[:700]) == [microseconds(m) for m in moments[:700]]


@given(st.sampled_from(DIGITS), MOMENTS, st.sampled_from((3600, 7200, 86_400)))
def test_dates_as_digits_are_recognised(code: str, start: datetime, step: int) -> None:
    start = start.replace(minute=0, second=0, microsecond=0)
    if "H" not in code:
        start, step = start.replace(hour=0), 86_400
    moments = [start + timedelta(seconds=step * k) for k in range(400)]
    texts = [moment.strftime(code) for moment in moments]
    assert read_both(reading_of(texts), texts) == [microseconds(m) for m in moments]


@given(
    st.sampled_from(("s", "ms", "us", "ns")),
    st.sampled_from(("", ".0", "e")),
    st.datetimes(datetime(1991, 1, 1), datetime(2026, 1, 1)),
    st.integers(1, 10**10),
)
def test_epochs_are_recognised(
    unit: str, ending: str, start: datetime, step_us: int
) -> None:
    per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    start_us = microseconds(start) // 1_000_000 * 1_000_000
    step_us = max(1, step_us * per_second // 10**6) * 10**6 // min(per_second, 10**6)
    times = [start_us + k * step_us for k in range(20)]
    values = [time * per_second // 10**6 for time in times]
    texts = [f"{v:.18E}" if ending == "e" else f"{v}{ending}" for v in values]
    assert read_both(reading_of(texts), texts) == times


@given(st.text("0123456789/-.: TZ+apmAPMJanFeb,_", max_size=22), st.text(max_size=5))
def test_a_column_reads_a_cell_as_it_is_read_alone(text: str, other: str) -> None:
    cells = np.array([t.encode() if t.isascii() else b"" for t in (text, other, text)])
    assume(b"\0" not in text.encode())
    for form in (*TEXT_FORMS, *DIGIT_FORMS):
        is_time, local, offset = form.read_column(cells.astype(np.bytes_))
        found = form.read(text)
        assert bool(is_time[0]) == bool(is_time[2]) == (found is not None)
        if found is not None:
            assert local[0] == found[0]
            assert offset[0] == (NO_OFFSET if found[1] is None else found[1])


@given(st.lists(st.text("0123456789/-.: TZ+apmJanFeb\0\u00a0\u2013", max_size=16)))
def test_all_cells_are_read_as_one_by_one(texts: list[str]) -> None:
    """Some of them as bytes, which hold no zero at their end and ASCII alone."""
    texts = [*texts, "2019-03-01\0", "2019\u201303\u201301", "20190301.0", "01.03.2019"]
    for form in (*TEXT_FORMS, *DIGIT_FORMS):
        found = zip(*(part.tolist() for part in form.read_all(texts)), strict=True)
        for text, (is_time, local, offset) in zip(texts, found, strict=True):
            named = None if offset == NO_OFFSET else offset
            assert ((local, named) if is_time else None) == form.read(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2019-03-01 24:00", "2019-03-02T00:00"),
        ("2019-03-01T00:30:00+01:00[Europe/Berlin]", "2019-02-28T23:30"),
        ("2019-03-01 00:30:00.123456789 CET", "2019-02-28T23:30:00.123456"),
        ("2019-03-01 00:30 CEST", "2019-02-28T22:30"),
        ("2019-03-01 00:30 UTC+2", "2019-02-28T22:30"),
        ("01/Mar/2019:00:30:00 +0100", "2019-02-28T23:30"),
        ("Fri Mar  1 00:30:00 2019", "2019-03-01T00:30"),
        ("1. März 2019 18h30", "2019-03-01T18:30"),
        ("2019-W09-5", "2019-03-01"),
        ("2019-060 12:00", "2019-03-01T12:00"),
        ("2019-Q2", "2019-04-01"),
        ("Mar 2019", "2019-03-01"),
        ("1949-01", "1949-01-01"),
        ("190301 0030", "2019-03-01T00:30"),
        ("20190301T003000Z", "2019-03-01T00:30"),
        ("1 août 2019", "2019-08-01"),
    ],
)
def test_other_ways_to_write_a_time(text: str, expected: str) -> None:
    assert read_both(reading_of([text]), [text]) == [
        int(np.datetime64(expected, "us").astype(np.int64))
    ]


@pytest.mark.parametrize(
    "text",
    ["2019-02-30", "2019-13-01", "2019-03-01 25:00", "2019-03-01 10:61", "31.4.2019"],
)
def test_dates_that_do_not_exist(text: str) -> None:
    assert all(form.read(text) is None for form in TEXT_FORMS)


@pytest.mark.parametrize("zone", ["CST", "IST", "BST", "XYZ"])
def test_a_zone_name_of_several_meanings_is_no_time(zone: str) -> None:
    with pytest.raises(
        DataError, match=rf"holds '2019-03-01 00:30 {zone}'.*--time-format"
    ):
        reading_of([f"2019-03-01 00:30 {zone}"])


@pytest.mark.parametrize(
    ("code", "found"),
    [("%Q", "'%Q' is not a letter"), ("%d %d", "twice"), ("%d.%m", "neither a year")],
)
def test_a_format_that_is_none(code: str, found: str) -> None:
    with pytest.raises(DataError, match=found):
        form_of_format(code)


def test_a_cell_that_is_not_of_the_named_format() -> None:
    with pytest.raises(DataError, match=r"row 1\. It is not of the format '%d.%m.%Y'"):
        reading_of(["2019-03-01"], time_format="%d.%m.%Y")


def test_a_fraction_is_no_point_between_day_and_month() -> None:
    start = datetime(2018, 7, 7)
    moments = [start + timedelta(hours=k) for k in range(480)]
    texts = [f"{moment:%y-%m-%dT%H:%M:%S.%f}" for moment in moments]
    assert read_both(reading_of(texts), texts) == [microseconds(m) for m in moments]


def test_the_offset_in_the_cell_counts() -> None:
    moment = datetime(2019, 3, 1, 12, tzinfo=UTC)
    texts = [f"2019-03-01 {12 + h:02d}:00{h:+03d}:00" for h in range(-11, 12)]
    reading = reading_of(texts)
    assert read_both(reading, texts) == [int(moment.timestamp()) * 10**6] * len(texts)
    assert reading.clock == ""
    assert not reading.notes
