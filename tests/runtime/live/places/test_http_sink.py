"""Forecasts for those who ask: the newest of a series, the list of series."""

from __future__ import annotations

import json
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.live.asking import ask
from support.live.places import T0_US, Opened, outcome_of

from rnnedge_runtime.live.loop.nouns import Outcome, Reading
from rnnedge_runtime.live.payloads.forecasts import ForecastLines
from rnnedge_runtime.live.places import live_sink, live_source
from rnnedge_runtime.live.sinks.listing import Listing
from rnnedge_runtime.live.sinks.newest import NEVER, Newest

NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=9
)


def drawn_outcomes(seed: int, num_series: int, number: int) -> list[Outcome]:
    rng = np.random.default_rng(seed)
    outcomes = []
    for sequence in range(1, number + 1):
        size = int(rng.integers(0, 12))
        outcomes.append(
            Outcome(
                sequence,
                T0_US + sequence,
                rng.integers(0, num_series, size).astype(np.int32),
                np.sort(T0_US + 1_000_000 * (sequence + rng.integers(0, 9, size))),
                rng.normal(size=(size, 2)).astype(np.float32),
                rng.normal(size=(size, 2)).astype(np.float32),
                np.arange(size, dtype=np.int32),
            )
        )
    return outcomes


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 200), st.integers(0, 30))
def test_the_newest_of_each_series_is_kept(seed: int, num: int, number: int) -> None:
    newest, expected = Newest(2, 2), {}
    for outcome in drawn_outcomes(seed, num, number):
        newest.take(outcome)
        for k, series in enumerate(outcome.series.tolist()):
            if series not in expected or outcome.time_us[k] >= expected[series][0]:
                expected[series] = (outcome.time_us[k], outcome.values[k].tobytes())
    rows = newest.rows(np.arange(len(newest)))
    found = {
        series: (time_us, values.tobytes())
        for series, time_us, values in zip(
            rows.series.tolist(), rows.time_us, rows.values, strict=True
        )
        if time_us != NEVER
    }
    assert found == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(NAMES, unique=True, max_size=40), NAMES, st.integers(0, 40))
def test_a_search_finds_each_name_once(names: list[str], text: str, cut: int) -> None:
    growing = names[:cut]
    listing = Listing(growing)
    listing.find("", 0, 1)
    growing += names[cut:]
    total, numbers = listing.find(text, 0, 100)
    expected = {k for k, name in enumerate(names) if text.casefold() in name.casefold()}
    assert total == len(numbers) == len(expected)
    assert set(numbers) == expected
    parts = [listing.find(text, first, 7)[1] for first in range(0, total, 7)]
    assert [number for part in parts for number in part] == numbers
    assert all(listing.number(name) == k for k, name in enumerate(names))


def test_names_are_in_the_order_that_people_expect() -> None:
    names = ["boiler 10", "boiler 9", "Attic", "boiler 9a"]
    numbers = Listing(names).find("", 0, 9)[1]
    assert [names[k] for k in numbers] == [
        "Attic",
        "boiler 9",
        "boiler 9a",
        "boiler 10",
    ]


@pytest.mark.parametrize(
    "name", ["", "roof", "a/b c?d#e", "ä%20", "ünïcode \N{SNOWMAN}"]
)
def test_the_newest_forecast_of_a_series(name: str) -> None:
    opened = Opened(names=[name])
    sink = live_sink(opened.place("http://127.0.0.1:0"))
    sink.start()
    try:
        url = f"{sink.url}/forecasts/{quote(name, safe='')}"
        assert ask(url).status == 404
        for sequence, temp in ((1, 20.0), (2, 20.1)):
            outcome = outcome_of(
                [Reading(name, T0_US, {"temp": temp})], sequence=sequence
            )
            assert sink.send(outcome)
        assert sink.delivered() == 2
        answer = ask(url)
        (line,) = ForecastLines(opened.place("")).json(outcome)
        assert answer.json() == json.loads(line)
        assert answer.body.decode() == f"{line}\n"
    finally:
        sink.close()


def test_the_list_of_series_is_paged() -> None:
    opened = Opened(names=[f"s{k}" for k in range(450)])
    sink = live_sink(opened.place("http://127.0.0.1:0"))
    sink.start()
    try:
        found: list[str] = []
        while True:
            part = ask(f"{sink.url}/series?from={len(found)}&count=1000").json()
            assert (part["total"], part["found"]) == (450, 450)
            if not part["series"]:
                break
            found += part["series"]
        assert found == opened.names
        part = ask(f"{sink.url}/series?search=S44").json()
        assert part["series"] == ["s44", *(f"s{k}" for k in range(440, 450))]
        assert ask(f"{sink.url}/series?from=x").status == 400
        assert ask(f"{sink.url}/nothing").status == 404
        assert ask(f"{sink.url}/series", b"x").status == 405
    finally:
        sink.close()


def test_a_source_and_a_sink_share_a_port() -> None:
    opened = Opened()
    source = live_source(opened.place("http://127.0.0.1:0"))
    source.start()
    sink = live_sink(opened.place(source.url))
    sink.start()
    assert sink.url == source.url
    assert ask(f"{sink.url}/series").status == 200
    source.close()
    assert ask(f"{sink.url}/health").status == 404
    assert ask(f"{sink.url}/series").status == 200
    sink.close()
    with pytest.raises(ConnectionRefusedError):
        ask(f"{source.url or opened.said[0].split()[-1]}/series")
