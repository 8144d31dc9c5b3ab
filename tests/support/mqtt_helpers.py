"""What the tests of MQTT share: places, a client that listens, one that publishes."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import paho.mqtt.client as paho
from support.broker import wait_for
from support.run_helpers import weather_spec

from rnnedge_runtime.live.loop.nouns import Counters, Outcome, Place, Reading, Source
from rnnedge_runtime.spec.model_spec import ModelSpec


def place_at(
    url: str,
    *,
    spec: ModelSpec | None = None,
    names: list[str] | None = None,
    said: list[str] | None = None,
    counters: Counters | None = None,
    options: Mapping[str, Any] | None = None,
    artifact: str = "",
) -> Place:
    return Place(
        url,
        spec=spec or weather_spec(),
        names=[] if names is None else names,
        counters=counters or Counters(),
        tell=([] if said is None else said).append,
        options=options or {},
        artifact=artifact,
    )


def outcome_of(
    sequence: int,
    series: list[int],
    times: list[int],
    value: float = 1.5,
    late: bool = False,
) -> Outcome:
    num = len(series)
    return Outcome(
        sequence,
        0,
        np.array(series, np.int32),
        np.array(times, np.int64),
        np.zeros((num, 5), np.float32),
        np.full((num, 3), value, np.float32),
        np.arange(num, dtype=np.int32),
        late,
    )


class Listener:
    """A client of paho that keeps what comes: topic, payload, retained."""

    def __init__(self, port: int, topic: str = "#", **options: Any) -> None:
        self.messages: list[tuple[str, bytes, bool]] = []
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, **options)
        ready = threading.Event()
        self.client.on_connect = lambda *_: self.client.subscribe(topic, 1)
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.on_message = lambda _c, _d, m: self.messages.append(
            (m.topic, bytes(m.payload), bool(m.retain))
        )
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        assert ready.wait(10)

    def of(self, start: str) -> list[tuple[str, bytes, bool]]:
        return [found for found in self.messages if found[0].startswith(start)]

    def publish(self, topic: str, payload: str | bytes, retain: bool = False) -> None:
        self.client.publish(topic, payload, qos=1, retain=retain)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def taken(source: Source, num: int, *, acknowledges: bool = True) -> list[Reading]:
    """So many readings of a source, within some seconds."""
    found: list[Reading] = []
    end = time.monotonic() + 20
    while len(found) < num:
        assert time.monotonic() < end, f"{len(found)} of {num} came"
        received = source.poll(0.2)
        assert received is not None
        found += received.readings
        if acknowledges:
            source.acknowledge(received.token)
    return found


__all__ = ["Listener", "outcome_of", "place_at", "taken", "wait_for"]
