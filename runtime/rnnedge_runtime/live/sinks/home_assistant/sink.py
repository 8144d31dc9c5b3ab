"""Forecasts as sensors of Home Assistant."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from ...loop.nouns import Outcome, Place
from ...mqtt.sending import Message
from ...place_options import Options
from ..mqtt.sink import MqttSink
from .device import clean_id, device_message
from .forecast_list import list_writer
from .forgetting import forget_devices

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessage

PREFIX = "homeassistant"


def open_sink(place: Place) -> HomeAssistantSink:
    """A sink for `homeassistant://user@host:1883`, with a topic as that of MQTT.

    Raises:
        DataError: the URL or an option cannot be used.
    """
    return HomeAssistantSink(place)


class HomeAssistantSink(MqttSink):
    """The MQTT sink, with a list of the forecast in each message, and discovery.

    A series is a device, an output a sensor of it. Home Assistant is told of them at every
    connection, when a series is new, and when Home Assistant starts.
    """

    name = "homeassistant"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._lists = list_writer(place.spec)
        self._num_told = 0

    def read_options(self, options: Options) -> None:
        super().read_options(options)
        self.prefix = options.text("prefix", PREFIX)
        self._forgets = options.flag("forget")
        self._device = options.text("device", PurePath(self.place.artifact).stem)

    def subscriptions(self) -> Sequence[str]:
        return (f"{self.prefix}/status",)

    def messages(self, outcome: Outcome) -> list[Message]:
        states = super().messages(outcome)
        told, self._num_told = self._num_told, len(self.place.names)
        return [self._config(k) for k in range(told, self._num_told)] + states

    def text_of(self, text: str, outcome: Outcome, k: int) -> str:
        lists = self._lists(int(outcome.time_us[k]), outcome.values[k])
        return f'{text[:-1]}, "forecast": {lists}}}'

    def close(self) -> None:
        super().close()
        if self._forgets:
            num = forget_devices(self.peer, self.prefix, self.is_own)
            self.place.tell(f"homeassistant: {num} devices are forgotten.")

    def connected(self, client: Client, window: int) -> None:
        super().connected(client, window)
        self._tell_all()

    def came(self, message: MQTTMessage) -> None:
        if bytes(message.payload) == b"online" and not message.retain:
            self._tell_all()

    def is_own(self, device_id: str) -> bool:
        """Whether a device is of this sink."""
        return device_id.startswith(self._base)

    @property
    def _base(self) -> str:
        return clean_id(self.peer.client_id)

    def _tell_all(self) -> None:
        self.sending.add(0, [self._config(k) for k in range(self._num_told)])

    def _config(self, number: int) -> Message:
        series = self.place.names[number]
        device_id = f"{self._base}_{clean_id(series)}" if series else self._base
        message = device_message(
            self.place.spec,
            device_id=device_id,
            name=" ".join(part for part in (self._device, series) if part),
            model=PurePath(self.place.artifact).name,
            state_topic=self.topic_of(number),
            status_topic=self.peer.status,
        )
        topic = f"{self.prefix}/device/{device_id}/config"
        return topic, json.dumps(message, ensure_ascii=False).encode(), True
