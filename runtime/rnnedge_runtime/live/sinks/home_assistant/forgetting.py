"""Devices taken out of Home Assistant: empty messages in place of those that it found."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from ....errors import DataError
from ...mqtt.connection import Connection
from .device import ORIGIN

if TYPE_CHECKING:
    from paho.mqtt.client import Client, MQTTMessage

    from ...mqtt.peer import Peer

_WAIT_S = 10.0


def forget_devices(peer: Peer, prefix: str, is_own: Callable[[str], bool]) -> int:
    """Delete the discovery messages of devices of ours; how many there were.

    Args:
        peer: the broker.
        prefix: of discovery messages.
        is_own: whether a device of this name is to be forgotten.

    Raises:
        DataError: the broker is away, or refuses.
    """
    user = _Forgetting(peer, prefix, is_own)
    said: list[str] = []
    user.connection.start()
    user.connection.check(said.append)
    if not user.is_done.wait(_WAIT_S):
        user.connection.close()
        raise DataError(
            f"mqtt: {peer.address}: devices are not forgotten, the broker does not "
            f"answer. {said[-1] if said else 'Try again.'}"
        )
    user.connection.close()
    return user.num_forgotten


class _Forgetting:
    """A user of a connection: what the broker keeps comes before what is sent now."""

    def __init__(self, peer: Peer, prefix: str, is_own: Callable[[str], bool]) -> None:
        own_peer = replace(peer, client_id=f"{peer.client_id}-forget", status="")
        self._marker = f"rnnedge/{own_peer.client_id}"
        self._configs = f"{prefix}/device/+/config"
        self._is_own = is_own
        self._left: set[int] = set()
        self._is_all_seen = False
        self.num_forgotten = 0
        self.is_done = threading.Event()
        self.connection = Connection(
            own_peer, self, topics=[self._configs, self._marker], keeps_session=False
        )

    def connected(self, client: Client, window: int) -> None:
        client.publish(self._marker, b"1", qos=1)

    def disconnected(self) -> None:
        pass

    def came(self, message: MQTTMessage) -> None:
        if message.topic == self._marker:
            self._is_all_seen = True
        elif message.retain and self._is_ours(message):
            topic = message.topic
            self.connection.do(lambda client: self._delete(client, topic))
        self.connection.do(lambda _: self._finish())

    def arrived(self, mid: int, refused: str) -> None:
        self._left.discard(mid)
        self._finish()

    def pump(self, client: Client) -> None:
        pass

    def is_full(self) -> bool:
        return False

    def _is_ours(self, message: MQTTMessage) -> bool:
        try:
            origin = json.loads(message.payload)["o"]["name"]
        except (ValueError, KeyError, TypeError):
            return False
        return origin == ORIGIN and self._is_own(message.topic.split("/")[-2])

    def _delete(self, client: Client, topic: str) -> None:
        self.num_forgotten += 1
        self._left.add(client.publish(topic, b"", qos=1, retain=True).mid)

    def _finish(self) -> None:
        if self._is_all_seen and not self._left:
            self.is_done.set()
