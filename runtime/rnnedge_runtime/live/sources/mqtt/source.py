"""Readings from an MQTT broker."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from ...loop.nouns import Place, Reading, Received
from ...mqtt.connection import Connection
from ...mqtt.peer import read_peer
from ...mqtt.topics import series_of
from ...payloads import Dropping, PayloadError, decode, take_rules
from ...place_options import Options

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessage

_MOST_AT_ONCE = 4096


def open_source(place: Place) -> MqttSource:
    """The source for `mqtt://user@host:1883/sensors/+/reading` and `mqtts://`.

    Raises:
        DataError: the URL or an option cannot be used.
    """
    return MqttSource(place)


class MqttSource:
    """Readings of all topics under a filter; a topic is a series.

    The broker keeps what is not acknowledged and sends it again, after a stop of either
    side too. It sends no more than `in_flight` readings ahead of the disk.
    """

    name = "mqtt"

    def __init__(self, place: Place) -> None:
        options = Options(place)
        self._peer = read_peer(place, options, self.name)
        self._rules = take_rules(options, place.spec)
        options.finish()
        self._counters, self._tell = place.counters, place.tell
        self._dropping = Dropping(place, self.name)
        self._series = series_of(self._peer.topic)
        self._queue: SimpleQueue[tuple[int, MQTTMessage]] = SimpleQueue()
        self._taken: deque[tuple[int, int]] = deque()
        self._num_taken = self._num_acknowledged = 0
        self._number = 0
        self._is_paused = False
        self._connection = Connection(
            self._peer, self, topics=[self._peer.topic], keeps_session=True
        )

    def start(self) -> None:
        self._connection.start()
        self._connection.check(self._tell)

    def poll(self, timeout_s: float) -> Received | None:
        self._connection.check(self._tell)
        readings: list[Reading] = []
        try:
            self._take(*self._queue.get(timeout=timeout_s), readings)
            for _ in range(min(self._queue.qsize(), _MOST_AT_ONCE - 1)):
                self._take(*self._queue.get_nowait(), readings)
        except Empty:
            pass
        if self._is_paused:
            self._connection.do()
        return Received(readings, self._num_taken)

    def acknowledge(self, token: Any) -> None:
        """Send the acknowledgements in the order in which the messages came."""
        taken = [self._taken.popleft() for _ in range(token - self._num_acknowledged)]
        if not taken:
            return
        self._num_acknowledged = token

        def acknowledge(client: Client) -> None:
            # The broker sends those of an earlier connection again.
            for number, mid in taken:
                if number == self._number:
                    client.ack(mid, 1)

        self._connection.do(acknowledge)

    def close(self) -> None:
        self._connection.close()

    def connected(self, client: Client, window: int) -> None:
        pass

    def disconnected(self) -> None:
        self._number += 1

    def came(self, message: MQTTMessage) -> None:
        self._queue.put((self._number, message))

    def arrived(self, mid: int, refused: str) -> None:
        pass

    def pump(self, client: Client) -> None:
        pass

    def is_full(self) -> bool:
        self._is_paused = self._queue.qsize() >= 2 * self._peer.in_flight
        return self._is_paused

    def _take(self, number: int, message: MQTTMessage, readings: list[Reading]) -> None:
        """Decode one message, which is acknowledged with those before it."""
        if message.qos:
            self._taken.append((number, message.mid))
            self._num_taken += 1
        try:
            topic = message.topic
            readings += self._read(topic, bytes(message.payload), message.retain)
        except UnicodeDecodeError:
            self._dropping(PayloadError("name", "its topic is no UTF-8. Mend it."))
        except PayloadError as error:
            self._dropping(error, topic)

    def _read(self, topic: str, payload: bytes, is_kept: bool) -> list[Reading]:
        series = self._series(topic)
        if series is None:
            raise PayloadError(
                "name",
                f"the session has another topic than {self._peer.topic} from an earlier "
                "start. Give this one a client-id of its own.",
            )
        found = decode(payload, self._rules, topic=topic)
        if is_kept and any(reading.time_us is None for reading in found):
            raise PayloadError(
                "time",
                "the broker kept it from before, and it has no time. Send readings with "
                "their time, or do not retain them.",
            )
        if self._rules.series is None:
            return [
                replace(
                    reading, series="/".join(filter(None, (series, reading.series)))
                )
                for reading in found
            ]
        return found
