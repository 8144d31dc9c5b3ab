"""Readings from an MQTT broker."""

from __future__ import annotations

from collections import deque
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from ...loop.nouns import Place, Reading, Received
from ...mqtt.connection import Connection
from ...mqtt.peer import read_peer
from ...mqtt.topics import series_of
from .decoding import payload_decoder

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessage

_MOST_AT_ONCE = 4096


def open_source(place: Place) -> MqttSource:
    """A source for `mqtt://user@host:1883/sensors/+/reading` and `mqtts://`.

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
        self._peer = read_peer(place, "source", ("payload",))
        self._counters = place.counters
        self._tell = place.tell
        self._series = series_of(self._peer.topic)
        self._decode = payload_decoder(place)
        self._queue: SimpleQueue[tuple[int, MQTTMessage]] = SimpleQueue()
        self._taken: deque[tuple[int, int]] = deque()
        self._num_taken = self._num_given = self._num_acknowledged = 0
        self._told: set[str] = set()
        self._number = 0
        self._connection = Connection(
            self._peer, self, topics=[self._peer.topic], keeps_session=True
        )

    def start(self) -> None:
        self._connection.start()
        self._connection.check(self._tell)

    def poll(self, timeout_s: float) -> Received | None:
        self._connection.check(self._tell)
        if self._num_acknowledged == self._num_given < self._num_taken:
            self._acknowledge(self._num_taken)  # text that is no reading
        readings: list[Reading] = []
        try:
            self._take(*self._queue.get(timeout=timeout_s), readings)
            for _ in range(min(self._queue.qsize(), _MOST_AT_ONCE - 1)):
                self._take(*self._queue.get_nowait(), readings)
        except Empty:
            pass
        if readings:
            self._num_given = self._num_taken
            if self._is_paused:
                self._connection.do()
        return Received(readings, self._num_given)

    def acknowledge(self, token: Any) -> None:
        self._acknowledge(token)

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

    _is_paused = False

    def _take(self, number: int, message: MQTTMessage, readings: list[Reading]) -> None:
        """Decode one message, which is acknowledged with those before it."""
        self._counters.add(self.name, "received")
        if message.qos:
            self._taken.append((number, message.mid))
            self._num_taken += 1
        try:
            series = self._series(message.topic)
        except UnicodeDecodeError:
            series = None
        if series is None:
            self._drop("a topic of no series", repr(message.topic)[:80])
            return
        try:
            found = self._decode(bytes(message.payload), series)
        except ValueError as error:
            self._drop(str(error), message.topic)
            return
        if message.retain and any(reading.time_us is None for reading in found):
            self._drop("retained, without a time", message.topic)
            return
        readings.extend(found)

    def _drop(self, why: str, where: str) -> None:
        self._counters.add(self.name, f"dropped: {why}")
        if why not in self._told:
            self._told.add(why)
            self._tell(f"mqtt: {where}: {why}; it is dropped and counted.")

    def _acknowledge(self, upto: int) -> None:
        """Send the acknowledgements in the order in which the messages came."""
        num = upto - self._num_acknowledged
        if num <= 0:
            return
        taken = [self._taken.popleft() for _ in range(num)]
        self._num_acknowledged = upto
        self._counters.add(self.name, "acknowledged", num)

        def acknowledge(client: Client) -> None:
            # The broker sends those of an earlier connection again.
            for number, mid in taken:
                if number == self._number:
                    client.ack(mid, 1)

        self._connection.do(acknowledge)
