"""Forecasts to an MQTT broker."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from ....errors import DataError
from ....printable import printable
from ...loop.nouns import Outcome, Place
from ...mqtt.connection import Connection
from ...mqtt.peer import read_peer
from ...mqtt.sending import Message, Sending
from ...mqtt.topics import SERIES, topic_of
from .payload import forecast_writer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paho.mqtt.client import Client, MQTTMessage

DEFAULT_TOPIC = f"forecast/{SERIES}"
OPTIONS = ("retain",)


def open_sink(place: Place) -> MqttSink:
    """A sink for `mqtt://user@host:1883/forecast/{series}` and `mqtts://`.

    Raises:
        DataError: the URL or an option cannot be used.
    """
    return MqttSink(place)


class MqttSink:
    """One message a forecast, of quality 1; an outcome is delivered once all are there."""

    name = "mqtt"

    def __init__(self, place: Place) -> None:
        self._place = place
        self._peer = read_peer(place, "sink", self.own_options())
        self._template = self._peer.topic or DEFAULT_TOPIC
        self._retains = place.options.get("retain", True)
        self._check_template()
        self._write = forecast_writer(place)
        self._topics: list[str] = []
        self._newest: dict[int, int] = {}
        self._sending = Sending()
        self._num_counted = 0
        self._refused: deque[str] = deque()
        self._told: set[str] = set()
        self._connection = Connection(
            self._peer, self, topics=self.subscriptions(), keeps_session=False
        )

    def own_options(self) -> Sequence[str]:
        """What its table may hold besides what a connection needs."""
        return OPTIONS

    def subscriptions(self) -> Sequence[str]:
        """Topics that it listens to."""
        return ()

    def start(self) -> None:
        self._connection.start()
        self._connection.check(self._place.tell)

    def send(self, outcome: Outcome) -> bool:
        if not (
            self._connection.is_ready and self._sending.has_room(outcome.series.size)
        ):
            return False
        self._sending.add(outcome.sequence, self.messages(outcome))
        self._connection.do()
        return True

    def messages(self, outcome: Outcome) -> list[Message]:
        """What to publish for an outcome."""
        topics, names, newest = self._topics, self._place.names, self._newest
        for name in names[len(topics) :]:
            topics.append(topic_of(self._template, name))
        messages = []
        for k, (number, time_us) in enumerate(
            zip(outcome.series.tolist(), outcome.time_us.tolist(), strict=True)
        ):
            # An older forecast that was late does not replace a newer one.
            keeps = self._retains and time_us >= newest.get(number, time_us)
            if keeps:
                newest[number] = time_us
            messages.append((topics[number], self._write(outcome, k), keeps))
        return messages

    def delivered(self) -> int:
        return self._sending.delivered

    def idle(self) -> None:
        self._connection.check(self._place.tell)
        num_sent = self._sending.num_sent
        self._place.counters.add(self.name, "sent", num_sent - self._num_counted)
        self._num_counted = num_sent
        while self._refused:
            why = f"refused by the broker ({self._refused.popleft()})"
            self._place.counters.add(self.name, f"dropped: {why}")
            if why not in self._told:
                self._told.add(why)
                self._place.tell(
                    f"mqtt: a forecast is {why}; it is dropped and counted."
                )

    def close(self) -> None:
        self._connection.close()
        self.idle()

    def connected(self, client: Client, window: int) -> None:
        self._sending.open(window)

    def disconnected(self) -> None:
        pass

    def came(self, message: MQTTMessage) -> None:
        pass

    def arrived(self, mid: int, refused: str) -> None:
        self._sending.arrived(mid)
        if refused:
            self._refused.append(refused)

    def pump(self, client: Client) -> None:
        self._sending.pump(client)

    def is_full(self) -> bool:
        return False

    def _check_template(self) -> None:
        bad = {"+", "#"} & set(self._template) or "\0" in self._template
        if bad or not isinstance(self._retains, bool):
            found = (
                f"the topic '{printable(self._template)}' has a wildcard"
                if bad
                else f"retain is {printable(str(self._retains))}, not true or false"
            )
            raise DataError(
                f"mqtt: {found}. Write it as mqtt://host/{DEFAULT_TOPIC}, with retain = "
                "true to keep the newest."
            )
