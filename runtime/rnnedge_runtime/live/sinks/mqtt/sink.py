"""Forecasts to an MQTT broker."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from ...loop.nouns import Outcome, Place
from ...mqtt.connection import Connection
from ...mqtt.peer import read_peer
from ...mqtt.sending import Message, Sending
from ...mqtt.topics import DEFAULT_TOPIC, SeriesTopics
from ...payloads.forecasts import ForecastLines
from ...place_options import Options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paho.mqtt.client import Client, MQTTMessage


def open_sink(place: Place) -> MqttSink:
    """The sink for `mqtt://user@host:1883/forecast/{series}` and `mqtts://`.

    Raises:
        DataError: the URL or an option cannot be used.
    """
    return MqttSink(place)


class MqttSink:
    """One message a forecast, of quality 1; an outcome is delivered once all are there."""

    name = "mqtt"

    def __init__(self, place: Place) -> None:
        self.place = place
        options = Options(place)
        self.peer = read_peer(place, options, self.name)
        self.read_options(options)
        options.finish()
        self._lines = ForecastLines(place)
        self._newest: dict[int, int] = {}
        self.sending = Sending()
        self._num_counted = 0
        self._refused: deque[str] = deque()
        self._told: set[str] = set()
        self._connection = Connection(
            self.peer, self, topics=self.subscriptions(), keeps_session=False
        )

    def read_options(self, options: Options) -> None:
        """Take those that a connection has no need of; raises DataError."""
        self._retains = options.flag("retain", True)
        template = self.peer.topic or DEFAULT_TOPIC
        self.topic_of = SeriesTopics(template, self.place.names, where=options.where)

    def subscriptions(self) -> Sequence[str]:
        """Topics that it listens to."""
        return ()

    def start(self) -> None:
        self._connection.start()
        self._connection.check(self.place.tell)

    def send(self, outcome: Outcome) -> bool:
        if not (
            self._connection.is_ready and self.sending.has_room(outcome.series.size)
        ):
            return False
        self.sending.add(outcome.sequence, self.messages(outcome))
        self._connection.do()
        return True

    def messages(self, outcome: Outcome) -> list[Message]:
        """What to publish for an outcome."""
        newest = self._newest
        messages = []
        numbers, times = outcome.series.tolist(), outcome.time_us.tolist()
        for k, text in enumerate(self._lines.json(outcome)):
            number, time_us = numbers[k], times[k]
            # An older forecast that was late does not replace a newer one.
            keeps = self._retains and time_us >= newest.get(number, time_us)
            if keeps:
                newest[number] = time_us
            payload = self.text_of(text, outcome, k).encode()
            messages.append((self.topic_of(number), payload, keeps))
        return messages

    def text_of(self, text: str, outcome: Outcome, k: int) -> str:
        """The payload of a forecast, from its JSON alone."""
        return text

    def delivered(self) -> int:
        return self.sending.delivered

    def idle(self) -> None:
        self._connection.check(self.place.tell)
        self._count()

    def close(self) -> None:
        self._connection.close()
        self._count()

    def connected(self, client: Client, window: int) -> None:
        self.sending.open(window)

    def disconnected(self) -> None:
        pass

    def came(self, message: MQTTMessage) -> None:
        pass

    def arrived(self, mid: int, refused: str) -> None:
        self.sending.arrived(mid)
        if refused:
            self._refused.append(refused)

    def pump(self, client: Client) -> None:
        self.sending.pump(client)

    def is_full(self) -> bool:
        return False

    def _count(self) -> None:
        num_sent = self.sending.num_sent
        self.place.counters.add(self.name, "sent", num_sent - self._num_counted)
        self._num_counted = num_sent
        while self._refused:
            why = f"refused by the broker ({self._refused.popleft()})"
            self.place.counters.add(self.name, f"dropped: {why}")
            if why not in self._told:
                self._told.add(why)
                self.place.tell(
                    f"mqtt: a forecast is {why}; it is dropped and counted."
                )
