"""Bytes to readings in every format, and the word for what is none."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from support.live.places import T0_US, Opened, room_spec

from rnnedge_runtime.live.loop.nouns import Reading
from rnnedge_runtime.live.payloads import (
    MAX_NBYTES,
    PayloadError,
    decode,
    decode_each,
    take_rules,
)
from rnnedge_runtime.live.place_options import Options

NAN = math.nan
ISO_US = 1_704_067_200_000_000


def read(data: bytes | str, topic: str = "", **options: Any) -> list[Reading]:
    place = Opened(room_spec(clock=options.pop("clock", ""))).place("x", **options)
    taken = Options(place)
    rules = take_rules(taken, place.spec)
    taken.finish()
    data = data.encode() if isinstance(data, str) else data
    return decode(data, rules, topic=topic, now_us=T0_US)


def one(data: bytes | str, topic: str = "", **options: Any) -> Reading:
    (reading,) = read(data, topic, **options)
    return reading


def reason(data: bytes | str, topic: str = "", **options: Any) -> str:
    with pytest.raises(PayloadError) as caught:
        read(data, topic, **options)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    return caught.value.reason


GIVEN = (
    (b'{"temp": 20.5, "hum": 40}', {}, "", None, {"temp": 20.5, "hum": 40}),
    (b'\xef\xbb\xbf{"temp": 20.5}', {}, "", None, {"temp": 20.5}),
    (b'{"temp": null, "hum": NaN}', {}, "", None, {"temp": NAN, "hum": NAN}),
    (b'{"temp": "20.5", "hum": true}', {}, "", None, {"temp": 20.5, "hum": 1}),
    (b'{"temp": "unavailable"}', {}, "", None, {"temp": NAN}),
    (b'{"temp": 1e39, "hum": -1e999}', {}, "", None, {"temp": NAN, "hum": NAN}),
    (
        b'{"t": {"a": [0, 5]}, "u": {"v": 1}}',
        {"rename": {"t.a.1": "temp", "u.v": "hum"}},
        "",
        None,
        {"temp": 5, "hum": 1},
    ),
    (
        b'{"temp": 1, "time": "2024-01-01T00:00:00Z"}',
        {},
        "",
        ISO_US,
        {"temp": 1},
    ),
    (b'{"temp": 1, "ts": 1704067200}', {}, "", ISO_US, {"temp": 1}),
    (b'{"temp": 1, "ts": 1704067200000}', {}, "", ISO_US, {"temp": 1}),
    (b'{"temp": 1, "at": 1704067200.5}', {"time": "at"}, "", ISO_US + 500_000, {}),
    (b'{"temp": 1, "at": 5}', {"time": "at", "precision": "ms"}, "", 5000, {}),
    (b'{"temp": 1, "time": null}', {}, "", None, {"temp": 1}),
    (
        b'{"temp": 1, "site": "a", "room": {"no": 7}}',
        {"series": "{site}/{room.no}"},
        "a/7",
        None,
        {},
    ),
    (b"m,host=a,b=c temp=1,hum=2i 1704067200000000999", {}, "m,b=c,host=a", ISO_US, {}),
    (b"m,host=a temp=1 1704067200", {"precision": "s"}, "m,host=a", ISO_US, {}),
    (b"m,host=a x=1", {"rename": {"m.x": "temp"}, "series": "{host}"}, "a", None, {}),
    (
        b"2024-01-01T00:00:00Z;20.5;;a",
        {"names": ["time", "temp", "hum", "id"], "delimiter": ";", "series": "{id}"},
        "a",
        ISO_US,
        {"temp": 20.5, "hum": NAN},
    ),
    (b'"2024-01-01 00:00:00","20.5"\r\n', {"names": "time,temp"}, "", ISO_US, {}),
)


@pytest.mark.parametrize(("data", "options", "series", "time_us", "values"), GIVEN)
def test_a_reading(
    data: bytes,
    options: dict[str, Any],
    series: str,
    time_us: int | None,
    values: dict[str, float],
) -> None:
    reading = one(data, **options)
    assert (reading.series, reading.time_us) == (series, time_us)
    for name, value in values.items():
        np.testing.assert_equal(reading.values[name], value)


@pytest.mark.parametrize(
    ("data", "topic", "options", "values"),
    [
        ("20.5", "a/temp", {}, {"temp": 20.5}),
        (" 1e1\n", "a/b", {"feature": "hum"}, {"hum": 10.0}),
        ("nan", "a/t", {"rename": {"t": "temp"}}, {"temp": NAN}),
        ("-.5", "a/temp/set", {"feature": "{1}"}, {"temp": -0.5}),
    ],
)
def test_a_lone_number(
    data: str, topic: str, options: dict[str, Any], values: dict[str, float]
) -> None:
    reading = one(data, topic, series="{0}", **options)
    assert reading.series == "a"
    assert str(reading.values) == str(values)


def test_a_local_time_is_on_the_clock_of_the_model_or_the_option() -> None:
    data = '{"temp": 1, "time": "2024-07-01T12:00:00"}'
    noon = 1_719_835_200_000_000
    assert one(data).time_us == noon
    assert one(data, clock="Europe/Berlin").time_us == noon - 2 * 3600 * 10**6
    assert one(data, zone="+01:00").time_us == noon - 3600 * 10**6
    skipped = '{"temp": 1, "time": "2024-03-31T02:30:00"}'
    assert reason(skipped, zone="Europe/Berlin") == "time"


def test_the_hour_that_a_clock_repeats_is_the_one_it_came_in() -> None:
    data = b'{"temp": 1, "time": "2024-10-27T02:30:00"}'
    place = Opened().place("x", zone="Europe/Berlin")
    rules = take_rules(Options(place), place.spec)
    first = 1_729_989_000_000_000
    for time_us in (first, first + 3600 * 10**6):
        (reading,) = decode(data, rules, now_us=time_us + 5)
        assert reading.time_us == time_us


SENML: tuple[tuple[list[dict[str, Any]], list[tuple[str, int | None, dict]]], ...] = (
    ([{"n": "temp", "v": 3.9}], [("", None, {"temp": 3.9})]),
    (
        [
            {"bn": "dev:", "bt": 1.7e9, "bu": "Cel", "n": "temp", "v": 23.1},
            {"n": "hum", "u": "%RH", "v": 40},
            {"n": "temp", "t": 60, "v": 23.2},
        ],
        [
            ("dev:", T0_US, {"temp": 23.1, "hum": 40.0}),
            ("dev:", T0_US + 60_000_000, {"temp": 23.2}),
        ],
    ),
    (
        [{"bn": "a", "n": "temp", "bv": 20, "v": 1.5}, {"bn": "b", "n": "temp"}],
        [("a", None, {"temp": 21.5}), ("b", None, {"temp": 20.0})],
    ),
    ([{"n": "temp", "t": -5, "v": 1}], [("", T0_US - 5_000_000, {"temp": 1.0})]),
    ([{"bn": "te", "n": "mp", "v": 1}], [("te", None, {"temp": 1.0})]),
    ([{"n": "temp", "bs": 3, "s": 4}], [("", None, {"temp": 7.0})]),
    ([{"n": "hum", "vb": True}, {"n": "x", "vs": "a"}], [("", None, {"hum": 1.0})]),
    ([{"n": "temp", "v": None}], [("", None, {"temp": NAN})]),
    ([{"n": "temp", "u": "degC", "v": 1, "ut": 5}], [("", None, {"temp": 1.0})]),
)


@pytest.mark.parametrize(("pack", "expected"), SENML)
def test_senml(
    pack: list[dict[str, Any]], expected: list[tuple[str, int | None, dict]]
) -> None:
    found = read(json.dumps(pack))
    assert str(found) == str([Reading(*row) for row in expected])


@pytest.mark.parametrize(
    ("pack", "word"),
    [
        ([{"n": "temp", "u": "K", "v": 3}], "unit"),
        ([{"n": "hum", "bu": "Cel", "v": 3}], "unit"),
        ([{"n": "temp", "v": "3"}], "malformed"),
        ([{"n": "temp", "v": True}], "malformed"),
        ([{"n": "temp", "vs": "warm"}], "not a number"),
        ([{"n": "temp", "vd": "MQ"}], "not a number"),
        ([{"n": "other", "v": 3}], "name"),
        ([{"n": "temp", "v": 3, "x_": 1}], "malformed"),
        ([{"bver": 11, "n": "temp", "v": 3}], "malformed"),
        ([{"v": 3}], "malformed"),
        ([{"n": 5, "v": 3}], "malformed"),
        ([5], "malformed"),
        ([{"n": "temp", "t": 1e30, "v": 3}], "time"),
        ([{"bt": 1e308, "n": "temp", "t": 1e308, "v": 3}], "time"),
    ],
)
def test_senml_that_is_none(pack: list[Any], word: str) -> None:
    assert reason(json.dumps(pack), format="senml") == word


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"hello", "malformed"),
        (b"{", "malformed"),
        (b"[1, 2]", "malformed"),
        (b'"text"', "malformed"),
        (b"[" * 100_000, "malformed"),
        (b'{"temp": ' + b"9" * 5000 + b"}", "malformed"),
        (b'{"temp": "warm"}', "not a number"),
        (b'{"temp": [1]}', "not a number"),
        (b'{"other": 1}', "name"),
        (b"m other=1", "name"),
        (b"20.5", "name"),
        (b'{"temp": 1, "time": "soon"}', "time"),
        (b'{"temp": 1, "time": {}}', "time"),
        (b'{"temp": 1, "time": 1e300}', "time"),
        (b"\xff\xfe\x00\x01", "not text"),
        (b'{"temp": 1}\0', "not text"),
        (b"x" * (MAX_NBYTES + 1), "too long"),
        (b"x" * 1_000_000, "too long"),
    ],
)
def test_what_is_no_reading(data: bytes, word: str) -> None:
    assert reason(data) == word


@pytest.mark.parametrize(
    ("data", "options", "word"),
    [
        ('{"temp": 1}', {"series": "{id}"}, "name"),
        ('{"temp": 1, "id": null}', {"series": "{id}"}, "name"),
        ('{"temp": 1, "id": "\\ud800"}', {"series": "{id}"}, "not text"),
        ('{"temp": 1, "id": "a\\nb"}', {"series": "{id}"}, "not text"),
        (f'{{"temp": 1, "id": "{"a" * 600}"}}', {"series": "{id}"}, "too long"),
        ('{"temp": 1}', {"time": "at"}, "time"),
        ("m temp=1 9223372036854775807", {"precision": "s"}, "time"),
        ("1,2,3", {"names": ["temp", "hum"]}, "malformed"),
        ('1,"2', {"names": ["temp", "hum"]}, "malformed"),
        ("a,2", {"names": ["temp", "hum"]}, "not a number"),
        ("1,2", {"format": "csv"}, "name"),
        ("20.5", {"format": "json"}, "malformed"),
    ],
)
def test_what_the_options_refuse(data: str, options: dict[str, Any], word: str) -> None:
    assert reason(data, **options) == word


def test_nothing_is_no_reading_and_no_fault() -> None:
    for data in (b"", b"\n", b"  \r\n", b"# comment\n", b"[]"):
        assert read(data) == []


def test_of_many_lines_the_good_ones_are_kept() -> None:
    place = Opened().place("x")
    rules = take_rules(Options(place), place.spec)
    body = b'm temp=1\nm temp=\n{"temp": 3}\n\n\xff\n[{"n": "temp", "v": 5}]'
    readings, faults = decode_each(body, rules)
    assert [reading.values["temp"] for reading in readings] == [1, 3, 5]
    assert [fault.reason for fault in faults] == ["malformed", "not text"]
