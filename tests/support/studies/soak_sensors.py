"""Sensors that publish at their pace, whatever the broker does, and who collects forecasts."""

from __future__ import annotations

import json
import math
import threading
import time
from typing import Any

import paho.mqtt.client as paho
from support.mqtt_helpers import place_at

from rnnedge_runtime.live.mqtt.connection import Connection
from rnnedge_runtime.live.mqtt.peer import read_peer
from rnnedge_runtime.live.mqtt.sending import Sending
from rnnedge_runtime.live.place_options import Options
from rnnedge_runtime.tables.timestamps import time_text

Key = tuple[str, str]


class Sensors:
    """So many topics, each at its pace; in order, and again after a restart of the broker."""

    def __init__(self, port: int, num: int, rate_hz: float, seconds: float) -> None:
        self.names = [f"s{k:03d}" for k in range(num)]
        self.num_each = round(seconds * rate_hz)
        self.sent: dict[Key, int] = {}
        self.ups: list[float] = []
        self.started_s = 0.0
        self._period_us = round(1e6 / rate_hz)
        self._base_us = time.time_ns() // 1_000_000 * 1000
        self._sending = Sending()
        place = place_at(f"mqtt://127.0.0.1:{port}?client-id=sensors&status=")
        peer = read_peer(place, Options(place), "sensors")
        self._connection = Connection(peer, self, keeps_session=True)
        self._thread = threading.Thread(target=self._publish, daemon=True)

    def time_us(self, k: int) -> int:
        return self._base_us + k * self._period_us

    def value(self, number: int, k: int) -> float:
        return round(12 + 6 * math.sin(0.07 * k + number) + (k * number % 7) / 10, 2)

    def start(self) -> None:
        self._connection.start()
        self.started_s = time.monotonic()
        self._thread.start()

    def join(self) -> None:
        self._thread.join()

    def close(self) -> None:
        self._connection.close()

    def _publish(self) -> None:
        """Each sensor at a moment of its own, not all at once."""
        num = len(self.names)
        for n in range(num * self.num_each):
            k, number = divmod(n, num)
            due = self.started_s + n / num * self._period_us / 1e6
            if (wait_s := due - time.monotonic()) > 0:
                time.sleep(wait_s)
            name, at = self.names[number], time_text(self.time_us(k))
            payload = json.dumps(
                {"series": name, "time": at, "temp_c": self.value(number, k)}
            )
            topic = f"sensors/{name}/reading"
            self.sent[name, at] = time.monotonic_ns()
            self._sending.add(n + 1, [(topic, payload.encode(), False)])
            self._connection.do()

    def connected(self, client: paho.Client, window: int) -> None:
        self.ups.append(time.monotonic())
        self._sending.open(window)

    def disconnected(self) -> None:
        pass

    def came(self, message: paho.MQTTMessage) -> None:
        pass

    def arrived(self, mid: int, refused: str) -> None:
        self._sending.arrived(mid)

    def pump(self, client: paho.Client) -> None:
        self._sending.pump(client)

    def is_full(self) -> bool:
        return False


class Collector:
    """A client of paho with a session that the broker keeps."""

    def __init__(self, port: int) -> None:
        self.payloads: dict[Key, list[bytes]] = {}
        self.first: dict[Key, int] = {}
        ready = threading.Event()
        self._client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id="collector", clean_session=False
        )
        self._client.reconnect_delay_set(1, 1)
        self.is_gateway_up = threading.Event()
        topics = [("forecast/#", 1), ("rnnedge/gateway/status", 1)]
        self._client.on_connect = lambda client, *_: client.subscribe(topics)
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.on_message = self._came
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        assert ready.wait(10)

    def _came(self, _: Any, _data: Any, message: paho.MQTTMessage) -> None:
        now = time.monotonic_ns()
        payload = bytes(message.payload)
        if message.topic.startswith("rnnedge"):
            self.is_gateway_up.set()
            return
        item = json.loads(payload)
        key = item["series"], item["time"]
        self.first.setdefault(key, now)
        texts = self.payloads.setdefault(key, [])
        if payload not in texts or len(texts) < 2:
            texts.append(payload)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
