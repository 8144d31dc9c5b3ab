"""Requests whose readings are not on disk yet: bounded, in the order of arrival."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from ...loop.nouns import Reading

MOST_AT_ONCE = 4096


@dataclass(slots=True)
class Ticket:
    """The readings of one request.

    Attributes:
        number: counts up.
        readings: of it.
        came_s: on the monotonic clock.
    """

    number: int
    readings: Sequence[Reading]
    came_s: float = field(default_factory=time.monotonic)
    _is_done: threading.Event = field(default_factory=threading.Event)
    _is_stored: bool = False

    def is_stored(self, timeout_s: float) -> bool:
        """Wait for it; False where it is not, after this time or at the end."""
        self._is_done.wait(timeout_s)
        return self._is_stored

    def finish(self, is_stored: bool) -> None:
        """Wake who waits."""
        self._is_stored = is_stored
        self._is_done.set()


class Waiting:
    """A queue between the threads of requests and the loop's.

    Args:
        max_readings: that wait, those that the loop has taken included.
    """

    def __init__(self, max_readings: int) -> None:
        self._max_readings = max_readings
        self._queue: deque[Ticket] = deque()
        self._taken: deque[Ticket] = deque()
        self._changed = threading.Condition()
        self._number = 0
        self._is_closed = False
        self.num_readings = 0

    @property
    def is_full(self) -> bool:
        """Whether nothing more is taken."""
        return self.num_readings >= self._max_readings

    def put(self, readings: Sequence[Reading]) -> Ticket | None:
        """Queue readings; None where there is no room. An empty queue has room for any."""
        with self._changed:
            num_after = self.num_readings + len(readings)
            if self._is_closed or (
                self.num_readings and num_after > self._max_readings
            ):
                return None
            self.num_readings = num_after
            self._number += 1
            ticket = Ticket(self._number, readings)
            self._queue.append(ticket)
            self._changed.notify()
            return ticket

    def take(self, timeout_s: float) -> list[Ticket]:
        """Tickets in their order, some thousand readings at most, after this time at most."""
        with self._changed:
            if not self._queue:
                self._changed.wait(timeout_s)
            found: list[Ticket] = []
            num_readings = 0
            while self._queue and num_readings < MOST_AT_ONCE:
                found.append(self._queue.popleft())
                num_readings += len(found[-1].readings)
            self._taken.extend(found)
            return found

    def acknowledge(self, number: int) -> None:
        """All up to this ticket are on disk."""
        with self._changed:
            while self._taken and self._taken[0].number <= number:
                ticket = self._taken.popleft()
                self.num_readings -= len(ticket.readings)
                ticket.finish(True)

    def oldest_s(self) -> float:
        """How long the oldest has waited; 0 where none does."""
        with self._changed:
            first = next(iter([*self._taken, *self._queue]), None)
            return time.monotonic() - first.came_s if first else 0.0

    def close(self) -> None:
        """Take no more, and send away who waits."""
        with self._changed:
            self._is_closed = True
            for ticket in (*self._taken, *self._queue):
                ticket.finish(False)
            self._queue.clear()
            self._taken.clear()
            self._changed.notify_all()
