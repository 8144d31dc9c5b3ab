"""Readings by POST: answered when they are on disk, refused with a reason else."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.live.asking import ask, looping
from support.live.places import T0_US, Opened

from rnnedge_runtime.errors import DataError
from rnnedge_runtime.live.loop.nouns import Reading, Source
from rnnedge_runtime.live.places import live_source

ANY_PORT = "http://127.0.0.1:0"
TOKEN = "a-long-token"


def opened_source(opened: Opened, url: str = ANY_PORT, **options: Any) -> Source:
    return live_source(opened.place(url, **options))


def url_of(source: Any) -> str:
    return f"{source.url}/readings"


@pytest.mark.parametrize(
    ("body", "kind", "series"),
    [
        (b'{"temp": 20.5, "hum": 40, "time": 1700000000}', "application/json", ""),
        (b'[{"temp": 20.5, "hum": 40, "time": 1700000000}]', "application/json", ""),
        (b"roof temp=20.5,hum=40i 1700000000000000000\n", "text/plain", "roof"),
        (
            b'[{"bn": "roof/", "bt": 1700000000, "n": "temp", "u": "Cel", "v": 20.5},'
            b'{"n": "hum", "u": "%RH", "v": 40}]',
            "application/senml+json",
            "roof/",
        ),
    ],
)
def test_a_reading_in_any_format_is_taken(body: bytes, kind: str, series: str) -> None:
    source = opened_source(Opened())
    with looping(source) as readings:
        answer = ask(url_of(source), body, Content_Type=kind)
        assert answer.status == 202, answer.body
        assert answer.json() == {"accepted": 1, "dropped": 0, "reasons": []}
    assert [(r.time_us, dict(r.values)) for r in readings] == [
        (T0_US, {"temp": 20.5, "hum": 40.0})
    ]
    assert series.rstrip("/") in readings[0].series


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.floats(-50, 50, width=32).map(lambda x: round(x, 2)), min_size=1, max_size=30
    ),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20),
)
def test_many_readings_keep_their_order_and_their_series(
    temps: list[float], series: str
) -> None:
    source = opened_source(Opened(), series="{topic}")
    lines = [json.dumps({"temp": temp, "time": 1.7e9}) for temp in temps]
    with looping(source) as readings:
        url = f"{url_of(source)}/{quote(series, safe='')}"
        answer = ask(url, "\n".join(lines).encode())
        assert answer.status == 202
    assert readings == [Reading(series, T0_US, {"temp": temp}) for temp in temps]


def test_the_answer_waits_for_the_disk() -> None:
    source = opened_source(Opened())
    source.start()
    answers: list[int] = []
    asking = threading.Thread(
        target=lambda: answers.append(ask(url_of(source), b'{"temp": 1}').status)
    )
    asking.start()
    received = source.poll(10)
    assert received is not None
    assert len(received.readings) == 1
    asking.join(0.1)
    assert answers == []
    source.acknowledge(received.token)
    asking.join(10)
    source.close()
    assert answers == [202]


def test_readings_that_do_not_reach_the_disk_are_to_come_again() -> None:
    source = opened_source(Opened(), timeout=0.1)
    with looping(source, acknowledges=False):
        answer = ask(url_of(source), b'{"temp": 1}')
        assert answer.status == 503
        assert answer.headers["Retry-After"]


def test_the_end_sends_those_who_wait_away() -> None:
    source = opened_source(Opened())
    source.start()
    answers: list[int] = []
    asking = threading.Thread(
        target=lambda: answers.append(ask(url_of(source), b'{"temp": 1}').status)
    )
    asking.start()
    assert source.poll(10)
    source.close()
    asking.join(10)
    assert answers == [503]


def test_a_full_queue_is_said() -> None:
    opened = Opened()
    source = opened_source(opened, max_waiting=3)
    source.start()
    url = url_of(source)
    body = b'{"temp": 1}\n{"temp": 2}\n{"temp": 3}\n'
    asking = threading.Thread(target=ask, args=(url, body))
    asking.start()
    received = source.poll(10)
    assert received is not None
    assert len(received.readings) == 3
    refused = ask(url, b'{"temp": 4}')
    assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
    source.acknowledge(received.token)
    asking.join(10)
    source.close()
    assert opened.counters.counts["http requests", "refused: queue full"] == 1


@pytest.mark.parametrize(
    ("body", "said", "reason"),
    [
        (b"", "no reading", None),
        (b"{", "", "malformed"),
        (b"\xff\xfe\x00", "", None),
        (b'{"tmp": 1}', "temp", "name"),
        (b'{"temp": "warm"}', "expected a number", "not a number"),
        (b'{"temp": 1, "time": "yesterday"}', "time", "time"),
        (b'[{"n": "temp", "u": "K", "v": 1}]', "is in 'K'", "unit"),
        (b"x" * 300_000, "", "too long"),
    ],
)
def test_a_body_without_a_reading_is_refused_and_counted(
    body: bytes, said: str, reason: str | None
) -> None:
    opened = Opened()
    source = opened_source(opened)
    with looping(source) as readings:
        answer = ask(url_of(source), body)
        assert answer.status == 400
        assert said in answer.json()["error"]
        assert ask(url_of(source), b'{"temp": 1}').status == 202
    assert len(readings) == 1
    if reason:
        assert opened.counters.counts["http", f"dropped: {reason}"] == 1
        assert len(opened.said) == 2


def test_bad_lines_among_good_ones_are_named() -> None:
    source = opened_source(Opened())
    with looping(source) as readings:
        answer = ask(url_of(source), b'{"temp": 1}\n{"temp": "x"}\n{"temp": 3}\n')
        assert answer.status == 202
        assert (answer.json()["accepted"], answer.json()["dropped"]) == (2, 1)
        assert "expected a number" in answer.json()["reasons"][0]
    assert [reading.values["temp"] for reading in readings] == [1, 3]


def test_a_body_that_is_too_long_is_refused_whole() -> None:
    source = opened_source(Opened(), max_bytes=1000)
    with looping(source) as readings:
        answer = ask(url_of(source), b'{"temp": 1}\n' * 200_000)
        assert answer.status == 413
        assert "at most 1,000" in answer.json()["error"]
    assert readings == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Transfer_Encoding": "chunked"}, 411),
        ({"Content_Encoding": "gzip"}, 415),
        ({"Content_Length": "-1"}, 400),
        ({"Content_Length": "9e9"}, 400),
        ({"Host": "evil.example"}, 421),
        ({"Origin": "http://evil.example"}, 403),
    ],
)
def test_an_odd_request_is_refused(headers: dict[str, str], status: int) -> None:
    source = opened_source(Opened())
    with looping(source) as readings:
        answer = ask(url_of(source), b"11", **headers)
        assert answer.status == status
        assert answer.json()["error"]
    assert readings == []


def test_what_is_no_http_leaves_the_source_alive() -> None:
    source = opened_source(Opened())
    with looping(source):
        host, port = url_of(source)[7:].partition("/")[0].split(":")
        for junk in (
            b"\x00\xff" * 500 + b"\r\n\r\n",
            b"POST /readings HTTP/1.1\r\n",
            b"",
        ):
            with socket.create_connection((host, int(port)), timeout=10) as peer:
                peer.sendall(junk)
        assert ask(url_of(source), b'{"temp": 1}').status == 202


def test_a_cut_connection_gives_no_half_reading() -> None:
    source = opened_source(Opened())
    with looping(source) as readings:
        host, port = url_of(source)[7:].partition("/")[0].split(":")
        head = (
            b"POST /readings HTTP/1.1\r\nHost: localhost\r\nContent-Length: 90\r\n\r\n"
        )
        with socket.create_connection((host, int(port)), timeout=10) as peer:
            peer.sendall(head + b'{"temp": 1}')
        time.sleep(0.1)
        assert ask(url_of(source), b'{"temp": 2}').status == 202
    assert [reading.values["temp"] for reading in readings] == [2]


def test_beyond_loopback_a_token_is_needed() -> None:
    opened = Opened()
    source = opened_source(opened, "http://0.0.0.0:0", token=TOKEN)
    with looping(source) as readings:
        url = url_of(source)
        assert ask(url, b'{"temp": 1}').status == 401
        wrong = ask(url, b'{"temp": 1}', Authorization="Bearer another-token")
        assert wrong.status == 401
        right = ask(url, b'{"temp": 1}', Authorization=f"Bearer {TOKEN}")
        assert right.status == 202
        assert ask(f"{url}?token={TOKEN}", b'{"temp": 1}').status == 202
    assert len(readings) == 2
    assert TOKEN in opened.said[0]


def test_one_is_made_where_none_is_given() -> None:
    said = []
    for _ in range(2):
        opened = Opened()
        source = opened_source(opened, "http://0.0.0.0:0")
        source.start()
        source.close()
        said.append(opened.said[0].partition("token=")[2])
    assert min(map(len, said)) >= 32
    assert said[0] != said[1]


def test_health() -> None:
    source = opened_source(Opened())
    with looping(source):
        answer = ask(url_of(source).replace("readings", "health"))
        assert answer.status == 200
        assert answer.json()["status"] == "ok"


@pytest.mark.parametrize(
    ("url", "options", "said"),
    [
        ("http://127.0.0.1:99999", {}, "no address"),
        ("http://127.0.0.1:0/else", {}, "no address"),
        ("http://127.0.0.1:0", {"token": "short"}, "expected 8 or more"),
        ("http://127.0.0.1:0", {"token": "ünsafe token"}, "expected 8 or more"),
        ("http://203.0.113.7:0", {}, "cannot be listened"),
        ("http://127.0.0.1:0", {"max_waiting": 0}, "max_waiting"),
        ("http://127.0.0.1:0", {"tokn": "x"}, "Did you mean 'token'"),
    ],
)
def test_what_cannot_be_listened_on_is_said(
    url: str, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        opened_source(Opened(), url, **options).start()


def test_a_port_in_use_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        source = opened_source(Opened(), f"http://127.0.0.1:{port}")
        with pytest.raises(DataError, match="Choose another port"):
            source.start()
