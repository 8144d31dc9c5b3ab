"""Which broker, as whom: URLs, options, topics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub
from support.mqtt_helpers import place_at

from rnnedge_runtime.errors import DataError
from rnnedge_runtime.live.mqtt.peer import Peer, read_peer
from rnnedge_runtime.live.mqtt.topics import SeriesTopics, series_of
from rnnedge_runtime.live.place_options import Options

LEVELS = st.sampled_from(["a", "b", "", "kitchen", "$x"])
FILTERS = st.tuples(
    st.lists(LEVELS | st.just("+"), min_size=1, max_size=4), st.booleans()
).map(lambda parts: "/".join([*parts[0], *(["#"] if parts[1] else [])]))


def peer_of(url: str, **options: Any) -> Peer:
    place = place_at(url, options={k.replace("_", "-"): v for k, v in options.items()})
    return read_peer(place, Options(place), "source")


@pytest.mark.parametrize(
    ("url", "host", "port", "is_tls", "user", "topic"),
    [
        ("mqtt://h", "h", 1883, False, None, ""),
        ("mqtt://h/a/+/#", "h", 1883, False, None, "a/+/#"),
        ("MQTTS://h/a", "h", 8883, True, None, "a"),
        ("mqtts://ann@h:99/a?version=3.1.1", "h", 99, True, "ann", "a"),
        ("mqtt://a%40b@[::1]:7/a%3Fb", "::1", 7, False, "a@b", "a?b"),
        ("mqtt://[::1]/x", "::1", 1883, False, None, "x"),
        ("homeassistant://h?tls=true", "h", 8883, True, None, ""),
    ],
)
def test_parts_of_the_url(
    url: str, host: str, port: int, is_tls: bool, user: str | None, topic: str
) -> None:
    peer = peer_of(url)
    found = (peer.host, peer.port, peer.is_tls, peer.user, peer.topic)
    assert found == (host, port, is_tls, user, topic)


@pytest.mark.parametrize(
    ("url", "options", "match"),
    [
        ("mqtt://ann:secret@h/a", {}, "the URL holds a password"),
        ("mqtt:///a", {}, "names no broker"),
        ("mqtt://h:x/a", {}, "port is 'x'"),
        ("mqtt://h:70000/a", {}, "port is '70000'"),
        ("mqtt://h/a", {"version": "4"}, r"version.*'4'.*5, 3\.1\.1"),
        ("mqtt://h/a", {"keepalive": 1}, "keepalive.*from 5"),
        ("mqtt://h/a", {"in_flight": 0}, "in-flight"),
        ("mqtt://h/a", {"ca": "/no/such"}, "ca /no/such: No such file"),
        ("mqtt://h/a", {"password_env": "X"}, "the URL names no user"),
        ("mqtt://ann@h/a", {"password_env": "NO_SUCH_X"}, "has no 'NO_SUCH_X'"),
        ("mqtt://ann@h/a", {"password_file": "/no/such"}, "password-file /no/such"),
    ],
)
def test_what_cannot_be_used_is_named(
    url: str, options: dict[str, Any], match: str
) -> None:
    with pytest.raises(DataError, match=match) as caught:
        peer_of(url, **options)
    assert "secret" not in str(caught.value)


def test_a_password_is_in_no_text(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hunter2\r\n")
    peer = peer_of("mqtt://ann@h/a", password_file=str(file))
    assert peer.password == "hunter2"
    assert "hunter2" not in f"{peer!r} {peer}"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="is no text"):
        peer_of("mqtt://ann@h/a", password_file=str(file))


def test_a_client_id_stays_and_tells_places_apart() -> None:
    first = peer_of("mqtt://h/a").client_id
    assert first == peer_of("mqtt://h/a?keepalive=9").client_id
    assert first != peer_of("mqtt://h/b").client_id
    assert len(first) == 20


@given(FILTERS, st.lists(LEVELS, min_size=1, max_size=5).map("/".join))
def test_topics_match_as_they_do_for_paho(topic_filter: str, topic: str) -> None:
    if topic.startswith("$") or topic_filter.startswith("$") or not topic_filter:
        return
    found = series_of(topic_filter)(topic)
    assert (found is not None) == topic_matches_sub(topic_filter, topic)


@pytest.mark.parametrize(
    ("topic_filter", "topic", "series"),
    [
        ("sensors/+/reading", "sensors/kitchen/reading", "kitchen"),
        ("+/+/t", "house/attic/t", "house/attic"),
        ("sensors/#", "sensors/a/b", "a/b"),
        ("sensors/#", "sensors", ""),
        ("sensors/one", "sensors/one", ""),
        ("$share/group/sensors/+", "sensors/a", "a"),
    ],
)
def test_a_series_is_what_a_wildcard_stands_for(
    topic_filter: str, topic: str, series: str
) -> None:
    assert series_of(topic_filter)(topic) == series


@pytest.mark.parametrize("bad", ["", "a/#/b", "a#", "a+/b", "$share/g", "a\0"])
def test_a_filter_that_is_none_is_refused(bad: str) -> None:
    with pytest.raises(DataError, match="the topic"):
        series_of(bad)


def test_the_topic_of_a_series_has_no_wildcard() -> None:
    names = ["kitchen", "a+b#"]
    topics = SeriesTopics("f/{series}/t", names, where="x")
    assert topics(1) == "f/a_b_/t"
    names.append("late")
    assert topics(2) == "f/late/t"
    with pytest.raises(DataError, match="wildcard"):
        SeriesTopics("f/+", names, where="x")


def test_the_page_shows_the_samples() -> None:
    root = Path(__file__).resolve().parents[4]
    page = (root / "docs" / "mqtt.md").read_text()
    live = root / "runtime" / "rnnedge_runtime" / "live"
    for place in ("sources/mqtt", "sinks/mqtt", "sinks/home_assistant"):
        assert (live / place / "sample.toml").read_text() in page
