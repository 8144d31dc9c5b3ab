"""Cells, slots and decimals of the native module are those of Python, one by one."""

from __future__ import annotations

import dataclasses
import struct
from datetime import UTC, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as drawing
from hypothesis import strategies as st
from support.studies.shortest import texts_of

from rnnedge_runtime.backends.native import has_native
from rnnedge_runtime.backends.native_state import extension
from rnnedge_runtime.tables.text.cell_text import MISSING_WORDS
from rnnedge_runtime.tables.time_grid import SlotClock
from rnnedge_runtime.tables.times.formats import ISO_FORM
from rnnedge_runtime.tables.times.reading import TimeReading
from rnnedge_runtime.tables.times.units import EPOCH_FORMS, UNIT_US
from rnnedge_runtime.tables.times.zone import Zone
from rnnedge_runtime.tables.timestamps import NUMBER

pytestmark = pytest.mark.skipif(not has_native(), reason="the C engine is not built")

READING, LEFT_OUT, TIME = 0, -1, -2
DATE, EPOCH = 1, 2


def read(
    text: bytes,
    columns: tuple[int, ...] = (READING,),
    *,
    mark: bytes = b".",
    time: tuple[Any, ...] = (0, 0.0, 0.0, 0, False),
) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """How many lines are plain, their times, readings and spans."""
    most = text.count(b"\n")
    times = np.empty(most, np.int64)
    readings = np.empty((most, len(mark)), np.float32)
    spans = np.empty((most, 3), np.int32)
    layout = (np.array(columns, np.int32), len(columns), mark, ord(","), *time)
    number = extension().read_lines(text, 0, most, layout, times, readings, spans)
    return number, times, readings, spans


def bits_of(value: float) -> bytes:
    return struct.pack("f", value)


NUMBERS = st.one_of(
    st.from_regex(
        r"[+-]?[0-9]{0,22}\.?[0-9]{0,22}([eE][+-]?[0-9]{1,3})?", fullmatch=True
    ),
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(repr),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(2**70), 2**70).map(str),
    st.decimals(-1000, 1000, places=2).map(str),
    st.floats(width=32, min_value=2**-10, max_value=2**20).map(
        lambda value: (
            f"{(value + float(np.nextafter(np.float32(value), 2e6))) / 2:.30f}"
        )
    ),
    st.text("0123456789.,eE+-_ xna", max_size=12),
)


@drawing(max_examples=1500)
@given(text=NUMBERS)
def test_a_plain_number_is_that_of_python(text: str) -> None:
    number, _, readings, _ = read(text.encode() + b",\n", (READING, LEFT_OUT))
    if not number:
        return
    bare = text.strip(" ")
    if bare.lower() in MISSING_WORDS:
        assert np.isnan(readings[0, 0])
    else:
        assert NUMBER.fullmatch(bare)
        with np.errstate(over="ignore"):
            assert bits_of(readings[0, 0]) == bits_of(float(np.float32(float(bare))))


@pytest.mark.parametrize(
    "text", ["1", "-0.0", "1e-500", "3.4028235e38", ".5", "7.", "1e5"]
)
def test_usual_numbers_are_plain(text: str) -> None:
    number, _, readings, _ = read(text.encode() + b"\n")
    assert number == 1
    assert bits_of(readings[0, 0]) == bits_of(float(text))


@pytest.mark.parametrize(
    "line",
    [
        b'"1"', b"1e39", b"inf", b"1\r2", b"1,2", b"", b"nan", b"1 C", b"\xff", b"1\0",
        b"0x1", b"1_0", b"1e", b".", b"-", b"\t1", b"1" * 70_000,
    ],
)  # fmt: skip
def test_a_line_that_is_not_plain_ends_the_block(line: bytes) -> None:
    assert read(b"1.5\n" + line + b"\n2.5\n")[0] == 1


def test_a_line_without_its_end_waits() -> None:
    assert read(b"1\n2\r\n3")[0] == 2


@drawing(max_examples=500)
@given(digits=st.from_regex(r"[0-9]{1,3}(,[0-9]{0,9})?", fullmatch=True))
def test_a_decimal_comma(digits: str) -> None:
    layout = (np.array([0], np.int32), 1, b",", ord(";"), 0, 0.0, 0.0, 0, False)
    readings = np.empty((1, 1), np.float32)
    found = extension().read_lines(
        f"{digits}\n".encode(), 0, 1, layout, np.empty(1, np.int64), readings,
        np.empty((1, 3), np.int32),
    )  # fmt: skip
    assert found == 1
    assert readings[0, 0] == np.float32(float(digits.replace(",", ".")))


@st.composite
def moments(draw: Any) -> str:
    date = f"{draw(st.integers(1590, 2310)):04d}-{draw(st.integers(0, 13)):02d}-"
    text = f"{date}{draw(st.integers(0, 32)):02d}"
    text = text.replace("-", draw(st.sampled_from("--/.")))
    if draw(st.booleans()):
        text += draw(st.sampled_from("TT ,_"))
        parts = [draw(st.integers(0, high)) for high in (24, 60, 61)]
        text += ":".join(f"{part:02d}" for part in parts[: draw(st.integers(1, 3))])
        text += draw(st.from_regex(r"(\.[0-9]{0,11})?", fullmatch=True))
        text += draw(
            st.from_regex(r"(Z|[+-][0-9]{1,2}(:?[0-9]{2})?| UTC)?", fullmatch=True)
        )
    return text


@drawing(max_examples=1000)
@given(text=st.one_of(moments(), st.text("0123456789-:TZ +./", max_size=26)))
def test_a_plain_time_is_that_of_the_reader(text: str) -> None:
    hour_us = 3_600_000_000
    zone = Zone("+01:00", dataclasses.replace(Zone("UTC", UTC)).rule)
    reading = TimeReading("x", ("time",), ISO_FORM, zone)
    time = (DATE, 0.0, 0.0, hour_us, True)
    number, times, _, spans = read(text.encode() + b",1\n", (TIME, READING), time=time)
    found = reading.local(text.lstrip(" "))
    if number:
        assert found is not None
        local, offset = found
        assert times[0] == local - (hour_us if offset is None else offset)
        start, end, stop = spans[0].tolist()
        assert text.encode()[start:end] == text.strip(" ").encode()
        assert stop == len(text) + 3


@pytest.mark.parametrize(
    "text",
    ["2024-02-29", "2024-02-29T23:59", "1999-12-31 00:00:00", "2024/02/29T01:02:03.5Z",
     "2024-02-29T01:02:03.123456789+05:30", "2024-02-29T01:02:03-0530", "2024-02-29T01:02+05"],
)  # fmt: skip
def test_usual_times_are_plain(text: str) -> None:
    time = (DATE, 0.0, 0.0, 0, True)
    number, times, _, _ = read(text.encode() + b",1\n", (TIME, READING), time=time)
    local, offset = ISO_FORM.read(text) or (0, 0)
    assert number == 1
    assert timedelta(microseconds=int(times[0])) == timedelta(
        microseconds=local - (offset or 0)
    )


@drawing(max_examples=500)
@given(
    unit=st.sampled_from(("s", "ms", "us", "ns")),
    text=st.one_of(
        st.integers(-(2**62), 2**62).map(str),
        st.floats(-1e11, 1e11).map(repr),
        st.decimals(0, 2 * 10**9, places=3).map(str),
    ),
)
def test_a_number_as_time_is_that_of_the_reader(unit: str, text: str) -> None:
    reading = TimeReading("x", ("time",), EPOCH_FORMS[unit], Zone("UTC", UTC))
    time = (EPOCH, UNIT_US[unit], 0.0, 0, True)
    number, times, _, _ = read(text.encode() + b",1\n", (TIME, READING), time=time)
    found = reading.local(text)
    assert bool(number) == (found is not None)
    if found is not None:
        assert times[0] == found[0]


@drawing(max_examples=300)
@given(
    seed=st.integers(0, 2**32 - 1),
    period_s=st.sampled_from((1e-3, 0.5, 1.0, 7.3, 600.0, 86_400.0)),
    spread=st.sampled_from((0.0, 0.005, 0.05, 0.3, 0.6)),
)
def test_slots_are_those_of_the_clock(
    seed: int, period_s: float, spread: float
) -> None:
    rng = np.random.default_rng(seed)
    steps = rng.normal(1.0, spread, 60) + (rng.random(60) < 0.05) * rng.integers(
        0, 4, 60
    )
    times = 1_700_000_000_000_000 + np.cumsum(steps * period_s * 1e6).astype(np.int64)
    clock = SlotClock(
        period_s, int(times[0]), late_us=float(rng.normal() * period_s * 1e5)
    )
    place = (clock.time_us, clock.late_us, period_s * 1e6, -1.0, 0.0)
    number, time_us, late_us, num_periods, num_off, first_off = (
        extension().advance_slots(times, 1, len(times), place)
    )
    periods, off = 0.0, []
    for k in range(number + 1):
        time = int(times[1 + k]) if 1 + k < len(times) else None
        if time is None:
            break
        after = clock.advance(time) if time >= clock.time_us else None
        if k == number:
            assert after is None or after.slot != clock.slot + 1
            break
        assert after is not None
        assert after.slot == clock.slot + 1
        off += [k] * clock.is_off(time, 1)
        periods += (time - clock.time_us) / (period_s * 1e6)
        clock = after
    assert (time_us, late_us, num_periods) == (clock.time_us, clock.late_us, periods)
    assert num_off == len(off)
    assert first_off == (off[0] if off else 0)


def test_decimals_are_those_of_numpy() -> None:
    rng = np.random.default_rng(0)
    bits = [
        rng.integers(0, 2**32, 20_000, dtype=np.uint32),
        np.arange(0, 2**32, 1_000_003, dtype=np.uint32),
        np.arange(256, dtype=np.uint32) << 23,
        np.arange(2_000, dtype=np.uint32),
    ]
    for value in (
        1e-5,
        1e-4,
        1e-3,
        1,
        10,
        1e5,
        1e6,
        1e7,
        2**24,
        1e15,
        1e16,
        1e17,
        3.4e38,
    ):
        near = int(np.float32(value).view(np.uint32))
        bits.append(np.arange(near - 50, near + 50, dtype=np.uint32))
    values = np.concatenate(bits).view(np.float32)
    values = np.concatenate(
        [values, rng.normal(0, 30, 5000).round(2).astype(np.float32)]
    )
    expected = [str(value) if np.isfinite(value) else "" for value in values]
    assert texts_of(values) == expected


@pytest.mark.parametrize("columns", [(1,), (-3,)])
def test_a_column_that_is_none_is_refused(columns: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="none of the features"):
        read(b"1\n", columns)


def test_rows_outside_the_data_are_refused() -> None:
    spans = np.array([[0, 9, 9]], np.int32)
    with pytest.raises(ValueError, match="outside the data"):
        extension().write_rows(
            b"abc", spans, np.zeros((1, 1), np.float32), 1, 1, 0.1, 1e6
        )
