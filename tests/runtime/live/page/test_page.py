"""The page over HTTP: who may see it, what it is told, and that nothing stops the loop."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from support.live.asking import ask
from support.live.places import T0_US, Opened

from rnnedge_runtime.live.loop.nouns import Outcome
from rnnedge_runtime.live.page import events
from rnnedge_runtime.live.page.page import FILES, Page

TOKEN = "a-long-token"


@contextmanager
def served(
    opened: Opened, address: str = "127.0.0.1:0", **options: Any
) -> Iterator[Page]:
    page = Page(opened.place(address, **options))
    page.start()
    try:
        yield page
    finally:
        page.close()


def rows(sequence: int, num_series: int = 1) -> Outcome:
    values = np.full((num_series, 2), sequence, np.float32)
    return Outcome(
        sequence,
        time.time_ns() // 1000,
        np.arange(num_series, dtype=np.int32),
        np.full(num_series, T0_US + 60_000_000 * sequence),
        values / 3,
        values,
        np.arange(num_series, dtype=np.int32),
    )


def told(url: str, series: str, number: int) -> list[tuple[str, Any]]:
    """The first events of a series."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
    connection.request("GET", f"/api/events?series={series}")
    answer = connection.getresponse()
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/event-stream"
    found: list[tuple[str, Any]] = []
    name = ""
    while len(found) < number:
        line = answer.readline().decode().rstrip("\n")
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            found.append((name, json.loads(line[6:])))
    connection.close()
    return found


def test_every_file_of_the_page_is_served() -> None:
    with served(Opened()) as page:
        start = ask(page.url)
        assert b"<title>rnnedge</title>" in start.body
        for path in FILES.rglob("*"):
            if path.is_file():
                answer = ask(f"{page.url}/{path.relative_to(FILES).as_posix()}")
                assert (answer.status, answer.body) == (200, path.read_bytes())
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
        for name in ("/../page.py", "/%2e%2e/page.py", "/files/index.html", "//etc"):
            assert ask(f"{page.url}{name}").status == 404
        named = re.findall(r'(?:src|href)="([^"#]+)"', start.body.decode())
        assert named
        assert all(ask(f"{page.url}/{name}").status == 200 for name in named)


def test_its_policy_lets_nothing_in_from_outside() -> None:
    with served(Opened()) as page:
        policy = ask(page.url).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


def test_its_files_name_no_other_host() -> None:
    own = [
        path
        for path in FILES.rglob("*")
        if path.is_file() and path.parent.name != "uplot"
    ]
    found = {
        path.name: re.findall(r"(?:https?:)?//[\w-]+\.[\w.]+", path.read_text())
        for path in own
    }
    assert {name: hosts for name, hosts in found.items() if hosts} == {
        "mark.svg": ["http://www.w3.org"],
        "cards.js": ["http://www.w3.org"],
        "streams.js": ["http://www.w3.org"],
    }


def test_beyond_loopback_the_token_becomes_a_cookie() -> None:
    opened = Opened()
    with served(opened, "0.0.0.0:0", token=TOKEN) as page:
        url = page.url
        assert f"{url}/?token={TOKEN}" in opened.said[0]
        for path in ("/", "/api/about", "/api/events", "/scripts/main.js"):
            assert ask(url + path).status == 401
            assert ask(f"{url}{path}?token={TOKEN}x").status == 401
        first = ask(f"{url}/?token={TOKEN}")
        assert (first.status, first.headers["Location"]) == (303, "/")
        cookie = first.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        shown = cookie.partition(";")[0]
        assert ask(f"{url}/api/about", Cookie=shown).status == 200
        assert ask(f"{url}/api/about", Cookie=f"{shown}x").status == 401
        assert ask(f"{url}/api/about", Cookie='a="; =,;\x80').status == 401


@pytest.mark.parametrize(
    ("address", "host", "status"),
    [
        ("127.0.0.1:0", "localhost:8080", 200),
        ("127.0.0.1:0", "[::1]", 200),
        ("127.0.0.1:0", "LOCALHOST", 200),
        ("127.0.0.1:0", "evil.example", 421),
        ("127.0.0.1:0", "192.168.1.7", 421),
        ("127.0.0.1:0", "[", 421),
        ("127.0.0.1:0", "", 421),
        ("127.0.0.1:0", "house.lan", 200),
        ("0.0.0.0:0", "192.168.1.7:1", 200),
        ("0.0.0.0:0", "evil.example", 421),
    ],
)
def test_a_name_that_is_not_ours_is_refused(
    address: str, host: str, status: int
) -> None:
    """Else a page of that name, rebound to this address, could read all."""
    with served(Opened(), address, token=TOKEN, names=["House.lan"]) as page:
        header = f"Bearer {TOKEN}"
        answer = ask(f"{page.url}/api/about", Host=host, Authorization=header)
        assert answer.status == status


def test_rows_come_as_events() -> None:
    opened = Opened(names=["a", "b"])
    with served(opened) as page:
        for sequence in range(1, 301):
            page.observe(rows(sequence, 2))
        page._feed.take_in()
        (name, content), (_, state) = told(page.url, "b", 2)
        assert (name, content["whole"]) == ("rows", True)
        assert content["time"][-1] == (T0_US + 300 * 60_000_000) / 1e6
        assert len(content["time"]) == 240
        assert (
            content["readings"]
            == [[float(str(np.float32(k) / 3)) for k in range(61, 301)]] * 2
        )
        assert content["values"][1][-1] == 300
        assert state["forecasts"] == 600
        assert sum(state["latency"]["counts"]) == 600


def test_what_is_no_number_is_null() -> None:
    with served(Opened()) as page:
        item = rows(1)
        item.readings[0] = [np.nan, np.inf]
        page.observe(item)
        page._feed.take_in()
        content = told(page.url, "", 1)[0][1]
        assert content["readings"] == [[None], [None]]


def test_the_list_holds_a_hundred_thousand() -> None:
    names = [f"sensor/{k:05d}" for k in range(100_000)]
    with served(Opened(names=names)) as page:
        page.observe(rows(1, 100_000))
        page._feed.take_in()
        part = ask(f"{page.url}/api/series?search=/99&from=3&count=2").json()
        assert (part["total"], part["found"]) == (100_000, 1000)
        assert [item["name"] for item in part["series"]] == names[99003:99005]
        assert part["series"][0]["reading"] == float(str(np.float32(1 / 3)))
        assert len(ask(f"{page.url}/api/series?count=99999").json()["series"]) == 200
        whole = told(page.url, "sensor/99004", 1)
        assert whole[0][0] == "state"
        page.observe(rows(2, 100_000))
        page._feed.take_in()
        assert told(page.url, "sensor/99004", 1)[0][1]["values"] == [[2], [2]]


def test_a_series_without_a_forecast_is_listed() -> None:
    with served(Opened(names=["a", "b"])) as page:
        page.observe(rows(1))
        page._feed.take_in()
        items = ask(f"{page.url}/api/series").json()["series"]
        assert [item["time"] is None for item in items] == [False, True]


def test_too_many_pages_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_VIEWERS", 1)
    with served(Opened()) as page:
        connection = http.client.HTTPConnection(page.url[7:], timeout=20)
        connection.request("GET", "/api/events?series=")
        first = connection.getresponse()
        assert first.status == 200
        assert ask(f"{page.url}/api/events", method="HEAD").status == 503
        first.close()
        connection.close()
        end = time.monotonic() + 20
        while ask(f"{page.url}/api/events", method="HEAD").status == 503:
            assert time.monotonic() < end
            time.sleep(0.05)
        told(page.url, "", 1)


def test_it_ends_while_pages_are_open() -> None:
    with served(Opened()) as page:
        connection = http.client.HTTPConnection(page.url[7:], timeout=20)
        connection.request("GET", "/api/events?series=")
        answer = connection.getresponse()
        assert answer.status == 200
    assert answer.read().startswith(b"retry")
    connection.close()
