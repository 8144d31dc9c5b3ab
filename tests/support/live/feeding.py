"""How the bytes of a case reach each source: a file, a port, standard input, ..."""

from __future__ import annotations

import os
import pty
import sys
import tempfile
import time
import tty
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.live.places import Opened, drain

from rnnedge_runtime.live.loop.nouns import Reading
from rnnedge_runtime.live.places import live_sink, live_source

Feed = Callable[[Opened, bytes, Mapping[str, Any]], list[Reading]]


def from_file(opened: Opened, data: bytes, options: Mapping[str, Any]) -> list[Reading]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "readings")
        path.write_bytes(data)
        source = live_source(opened.place(f"file://{path}", **options))
        source.start()
        readings = drain(source)
        source.close()
    return readings


def from_port(opened: Opened, data: bytes, options: Mapping[str, Any]) -> list[Reading]:
    pytest.importorskip("serial")
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    source = live_source(opened.place(f"serial://{os.ttyname(theirs)}", **options))
    source.start()
    os.write(ours, data)
    readings, num_lines = [], data.count(b"\n")
    end = time.monotonic() + 20
    while num_lines and time.monotonic() < end:
        received = source.poll(0.2)
        assert received is not None
        readings += received.readings
        counts = opened.counters.counts.values()
        if len(readings) + sum(counts) >= num_lines:
            break
    source.close()
    os.close(ours)
    os.close(theirs)
    return readings


def from_telegraf(
    opened: Opened, data: bytes, options: Mapping[str, Any]
) -> list[Reading]:
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out:
        given.write(data)
        given.seek(0)
        with pytest.MonkeyPatch.context() as patch:
            for name, file in (("stdin", given), ("stdout", out)):
                number = file.fileno()
                stream = SimpleNamespace(fileno=lambda n=number: n, flush=lambda: None)
                patch.setattr(sys, name, stream)
            source = live_source(opened.place("telegraf://", **options))
            sink = live_sink(opened.place("telegraf://"))
            sink.start()
            source.start()
            readings = drain(source)
            sink.close()
        out.seek(0)
        assert out.read() == data
    return [Reading(r.series, r.time_us, r.values) for r in readings]


def into_file(opened: Opened, outcomes: list[Any], options: Mapping[str, Any]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "forecasts")
        sink = live_sink(opened.place(f"file://{path}", **options))
        sink.start()
        assert all(sink.send(outcome) for outcome in outcomes)
        sink.close()
        return path.read_bytes()


def from_topics(
    opened: Opened, data: bytes, options: Mapping[str, Any]
) -> list[Reading]:
    """Lines of topic and payload, as paho gives them."""
    paho = pytest.importorskip("paho.mqtt.client")
    own = dict(options)
    url = f"mqtt://host/{own.pop('topic', 'sensors/+/reading')}"
    source: Any = live_source(opened.place(url, **own))
    for number, line in enumerate(data.splitlines(), 1):
        topic, _, payload = line.partition(b" ")
        message = paho.MQTTMessage(number, topic)
        message.payload, message.qos = payload, 1
        source.came(message)
    received = source.poll(0)
    assert received is not None
    assert received.token == number
    return list(received.readings)


def into_topics(
    scheme: str,
) -> Callable[[Opened, list[Any], Mapping[str, Any]], bytes]:
    """Lines of topic, `retained` or `-`, and payload."""

    def publish(
        opened: Opened, outcomes: list[Any], options: Mapping[str, Any]
    ) -> bytes:
        pytest.importorskip("paho.mqtt.client")
        own = {"client-id": "gateway", **options}
        sink: Any = live_sink(opened.place(f"{scheme}://host", **own))
        lines = [
            f"{topic} {'retained' if is_kept else '-'} ".encode() + payload + b"\n"
            for outcome in outcomes
            for topic, payload, is_kept in sink.messages(outcome)
        ]
        return b"".join(lines)

    return publish


FEEDS: dict[str, Feed] = {
    "sources/mqtt": from_topics,
    "sources/lines": from_file,
    "sources/serial": from_port,
    "telegraf": from_telegraf,
}
"""By the folder of the source; a place without a row here fails the test of all cases."""

SINKS: dict[str, Callable[[Opened, list[Any], Mapping[str, Any]], bytes]] = {
    "sinks/lines": into_file,
    "sinks/mqtt": into_topics("mqtt"),
    "sinks/home_assistant": into_topics("homeassistant"),
}
"""By the folder of the sink."""
