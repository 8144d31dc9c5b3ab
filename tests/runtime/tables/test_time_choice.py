"""How times are read is decided once, or refused with the readings and the option."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import pytest

from rnnedge_runtime.errors import DataError
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.times.column import find_time
from rnnedge_runtime.tables.times.headers import is_index_like
from rnnedge_runtime.tables.times.reading import TimeParser, TimeReading, join_cells

HOURS = [datetime(2019, 3, 1) + timedelta(hours=k) for k in range(400)]
ZERO = "1970-01-01T00:00:00"
MARCH_20_MS = ["2019-03-01T00:00:00", "2019-03-01T00:00:00.020"]
READINGS = [f"{20 + k % 7}.5" for k in range(400)]


def find(
    columns: dict[str, Sequence[str]], *, time: str | None = None, **options: object
) -> TimeReading | None:
    return find_time(
        list(columns),
        list(zip(*columns.values(), strict=False)),
        where="a.csv",
        taken={"x"},
        time=time,
        options=TableOptions(**options),  # type: ignore[arg-type]
    )


def times_of(columns: dict[str, Sequence[str]], **options: object) -> list[str]:
    """The first two times, and by both readers the same ones of all rows."""
    reading = find({**columns, "x": READINGS}, **options)
    assert reading is not None
    cells = [columns[name] for name in reading.columns]
    texts = [join_cells(row, reading.joint) for row in zip(*cells, strict=False)]
    whole = reading.parse_column(texts)
    rows = TimeParser(reading)
    assert whole.tolist() == [rows.parse(text, row=k) for k, text in enumerate(texts)]
    shown = [str(np.datetime64(int(t), "us")) for t in whole[:2]]
    return [text.removesuffix("000").removesuffix(".000") for text in shown]


def error_of(columns: dict[str, Sequence[str]], **options: object) -> str:
    with pytest.raises(DataError) as error:
        find({**columns, "x": READINGS}, **options)
    return str(error.value)


def numbers(start: float, step: float, digits: int = 0) -> list[str]:
    return [f"{start + step * k:.{digits}f}" for k in range(400)]


def written(code: str, moments: Sequence[datetime] = HOURS) -> list[str]:
    return [moment.strftime(code) for moment in moments]


@pytest.mark.parametrize(
    ("name", "cells", "first"),
    [
        ("time", written("%Y%m%d%H"), ["2019-03-01T00:00:00", "2019-03-01T01:00:00"]),
        ("time", written("%y%m%d%H%M"), ["2019-03-01T00:00:00", "2019-03-01T01:00:00"]),
        ("date", written("%Y%m%d.0"), ["2019-03-01T00:00:00", "2019-03-01T00:00:00"]),
        ("date", numbers(1700, 1), ["1700-01-01T00:00:00", "1701-01-01T00:00:00"]),
        ("date", numbers(43525, 1), ["2019-03-01T00:00:00", "2019-03-02T00:00:00"]),
        ("t", numbers(43525, 1 / 48, 6), ["2019-03-01T00:00:00", "2019-03-01T00:30:00"]),
        ("time", numbers(737485, 1 / 24, 7), ["2019-03-01T00:00:00", "2019-03-01T01:00:00"]),
        ("JD", numbers(2458543.5, 0.5, 1), ["2019-03-01T00:00:00", "2019-03-01T12:00:00"]),
        ("time", numbers(1949, 1 / 12, 5), ["1949-01-01T00:00:00", "1949-01-31T09:58:15"]),
        ("time", numbers(480_000_000, 60), ["1985-03-18T13:20:00", "1985-03-18T13:21:00"]),
        ("time_ms", numbers(1551398400000, 20), MARCH_20_MS),
        ("#timestamp_ms", numbers(1551398400000, 20), MARCH_20_MS),
        ("Unix Timestamp", numbers(1551398400, 0.02, 2), MARCH_20_MS),
        ("Time (s)", numbers(0, 0.01, 2), [ZERO, f"{ZERO}.010"]),
        ("Test_Time(s)", numbers(0.03, 10, 3), [f"{ZERO}.030", "1970-01-01T00:00:10.030"]),
        ("millis", numbers(0, 20), [ZERO, f"{ZERO}.020"]),
        ("t/ms", numbers(7, 5), [f"{ZERO}.007", f"{ZERO}.012"]),
        ("elapsed", numbers(0, 0.5, 1), [ZERO, f"{ZERO}.500"]),
        ("t", numbers(0, 0.5, 1), [ZERO, f"{ZERO}.500"]),
        ("time", numbers(0, 600), [ZERO, "1970-01-01T00:10:00"]),
        ("micros", numbers(0, 500), [ZERO, f"{ZERO}.000500"]),
    ],
)  # fmt: skip
def test_numbers_are_the_times_they_are(
    name: str, cells: list[str], first: list[str]
) -> None:
    assert times_of({name: cells}) == first


@pytest.mark.parametrize(
    ("name", "cells", "has_calendar"),
    [
        ("Time (s)", numbers(0, 0.01, 2), False),
        ("time", written("%H:%M:%S"), False),
        ("time", numbers(1551398400, 60), True),
        ("time", written("%Y%m%d%H"), True),
    ],
)
def test_a_clock_without_a_date_is_off_the_calendar(
    name: str, cells: list[str], has_calendar: bool
) -> None:
    reading = find({name: cells, "x": READINGS})
    assert reading is not None
    assert reading.has_calendar == has_calendar
    assert any("no date" in note for note in reading.notes) != has_calendar


def test_a_clock_alone_counts_on_past_midnight() -> None:
    cells = written("%H:%M:%S")
    reading = find({"time": cells, "x": READINGS})
    assert reading is not None
    assert (np.diff(reading.parse_column(cells)) == 3_600_000_000).all()


@pytest.mark.parametrize(
    ("name", "cells", "said", "option", "step_us"),
    [
        ("timestamp", numbers(0, 20), "elapsed seconds (20 s)", "time_unit=s", 20e6),
        ("timestamp", numbers(0, 20), "milliseconds (0.02 s)", "time_unit=ms", 20e3),
        (
            "time_ms",
            numbers(1551398400, 60),
            "(2019-03-01T00:00:00)",
            "time_unit=s",
            60e6,
        ),
        ("time", numbers(2524608000, 60), "(2050-01-01T00:00:00)", "time_unit=s", 60e6),
        (
            "day",
            written("%d/%m/%Y", HOURS[:240:24]),
            "dd/mm/yyyy (2019-03-01T00:00:00)",
            "time_format=%d/%m/%Y",
            86400e6,
        ),
        (
            "day",
            written("%m/%d/%y", HOURS[:240:24]),
            "mm/dd/yyyy (2019-03-01T00:00:00)",
            "time_format=%m/%d/%y",
            86400e6,
        ),
        (
            "at",
            written("%d/%m/%Y %H:%M", HOURS[:24]),
            "mm/dd/yyyy (2019-01-03T00:00:00)",
            "time_format=%d/%m/%Y %H:%M",
            3600e6,
        ),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_with_the_option(
    name: str, cells: list[str], said: str, option: str, step_us: float
) -> None:
    message = error_of({name: cells})
    assert said in message
    assert " in row " in message
    key, value = option.split("=")
    assert f"--{key.replace('_', '-')}" in message
    assert value in message
    reading = find({name: cells, "x": READINGS}, **{key: value})
    assert reading is not None
    assert np.diff(reading.parse_column(cells)[:2])[0] == step_us


@pytest.mark.parametrize(
    "code", ["%d/%m/%Y %H:%M", "%m/%d/%Y %I:%M %p", "%m/%d/%y %H:%M"]
)
def test_the_day_after_midnight_tells_days_from_months(code: str) -> None:
    cells = written(code, HOURS[:200])
    assert times_of({"time": cells}) == ["2019-03-01T00:00:00", "2019-03-01T01:00:00"]


def test_a_day_beyond_12_anywhere_tells_days_from_months() -> None:
    cells = written("%d/%m/%Y", [datetime(2019, 3, 1 + k % 9) for k in range(400)])
    with pytest.raises(DataError, match="dd/mm/yyyy"):
        find({"time": cells})
    reading = find_time(
        ["time"],
        [[cell] for cell in cells],
        where="a.csv",
        taken=(),
        more_rows=[(700, ["13/03/2019"])],
    )
    assert reading is not None
    assert reading.form.name == "dd/mm/yyyy"


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        ({"date": written("%Y-%m-%d"), "time": written("%H:%M:%S")}, "date+time"),
        ({"Date": written("%d/%m/%Y"), "Time": written("%H.%M.%S")}, "Date+Time"),
        ({"Date": written("%d.%m.%Y"), "Uhrzeit": written("%H:%M")}, "Date+Uhrzeit"),
        ({"d": written("%Y%m%d"), "Time": written("%I:%M %p")}, "Time"),
        ({"Date": written("%Y%m%d"), "Time": written("%H%M")}, "Date+Time"),
        (
            {"Date": written("%m/%d/%Y"), "Hour": [str(m.hour) for m in HOURS]},
            "Date+Hour",
        ),
        (
            {
                "No": numbers(1, 1),
                "year": written("%Y"),
                "month": [str(m.month) for m in HOURS],
                "day": [str(m.day) for m in HOURS],
                "hour": [str(m.hour) for m in HOURS],
            },
            "year+month+day+hour",
        ),
    ],
)
def test_date_and_time_in_several_columns(
    columns: dict[str, list[str]], name: str
) -> None:
    reading = find({**columns, "x": READINGS})
    assert reading is not None
    assert reading.column == name
    named = find({**columns, "x": READINGS}, time=name)
    assert named is not None
    assert named.form is reading.form
    assert times_of(columns)[1].endswith("T01:00:00")


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("Unnamed: 0", range(99), True),
        ("No", range(1, 100), True),
        ("#", range(1, 100), True),
        ("rownames", range(1, 100), True),
        ("entry_id", range(900, 100, -3), True),
        ("RECORD", range(99), True),
        ("index", [*range(50), *range(50)], True),
        ("t", np.arange(99) * 0.02, True),
        ("time_ms", np.arange(99) * 20, True),
        ("created_at", 1.5e9 + np.arange(99), True),
        ("t", 20 + np.sin(np.arange(99)), False),
        ("index", np.sin(np.arange(99)), False),
        ("counter", np.arange(99) * 7 % 13, False),
        ("temp", range(99), False),
        ("response_time_ms", range(99), False),
        ("time", [5.0, 5.0, 5.0], False),
    ],
)
def test_columns_that_just_count(
    name: str, values: Sequence[float], expected: bool
) -> None:
    assert is_index_like(name, np.array(values, dtype=np.float32)) == expected


def test_rounded_numbers_are_refused() -> None:
    cells = [f"{1.5514e12 + 1_800_000 * k:.5E}" for k in range(400)]
    message = error_of({"ts": cells})
    assert "'1.55140E+12' in row 1, a rounded number" in message


def test_no_time_and_unknown_columns() -> None:
    columns = {"time": written("%Y-%m-%d %H:%M"), "x": READINGS}
    assert find(columns, no_time=True) is None
    assert "exclude each other" in error_of(columns, no_time=True, time="time")
    assert "no column 'tme'" in error_of(columns, time="tme")
    assert "no such unit" in error_of({"time": numbers(0, 1)}, time_unit="sec")


def test_the_time_cell_is_empty_in_all_rows() -> None:
    assert "time column 'time' is empty in row 1" in error_of({"time": ["", ""]})
