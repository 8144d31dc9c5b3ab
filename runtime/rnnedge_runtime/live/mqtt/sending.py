"""Messages on their way to a broker: no more at once than it takes, counted as they arrive."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from paho.mqtt.client import Client

MOST_WAITING = 20_000


@dataclass(slots=True)
class _Group:
    """Messages of one outcome.

    Attributes:
        sequence: of the outcome; 0 for messages that belong to none.
        num_left: how many have not arrived.
    """

    sequence: int
    num_left: int


Message = tuple[str, bytes, bool]
"""Topic, payload, and whether the broker keeps it for who comes later."""


class Sending:
    """A queue of messages of quality 1, filled by one thread, sent by another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: deque[_Group] = deque()
        self._waiting: deque[tuple[_Group, Message]] = deque()
        self._on_their_way: dict[int, _Group] = {}
        self._window = 0
        self._delivered = 0
        self.num_sent = 0

    @property
    def delivered(self) -> int:
        """The sequence up to which all messages have arrived."""
        return self._delivered

    def has_room(self, num: int) -> bool:
        """Whether so many more may wait; any number may where nothing does."""
        return not self._waiting or len(self._waiting) + num <= MOST_WAITING

    def add(self, sequence: int, messages: list[Message]) -> None:
        """Have messages sent, after those before."""
        group = _Group(sequence, len(messages))
        with self._lock:
            self._groups.append(group)
            self._settle()
        self._waiting.extend((group, message) for message in messages)

    def open(self, window: int) -> None:
        """The broker takes so many at once; those on their way are sent by paho again."""
        self._window = window

    def pump(self, client: Client) -> None:
        """Send while the broker takes more."""
        while self._waiting and len(self._on_their_way) < self._window:
            group, (topic, payload, retain) = self._waiting.popleft()
            sent = client.publish(topic, payload, qos=1, retain=retain)
            self._on_their_way[sent.mid] = group
            self.num_sent += 1

    def arrived(self, mid: int) -> None:
        """The broker has this message."""
        group = self._on_their_way.pop(mid, None)
        if group is not None:
            with self._lock:
                group.num_left -= 1
                self._settle()

    def is_done(self) -> bool:
        """Whether all has arrived."""
        return not self._groups

    def _settle(self) -> None:
        while self._groups and not self._groups[0].num_left:
            self._delivered = self._groups.popleft().sequence or self._delivered
