"""From the loop to the page: outcomes are left at the door, and a thread takes them in."""

from __future__ import annotations

import threading
from collections import deque

from ..loop.nouns import Counters, Outcome
from ..sinks.latency import Latency
from ..sinks.newest import Newest
from .history import History

MAX_WAITING_ROWS = 200_000
_TAKEN_IN_EVERY_S = 0.1


class Feed:
    """What the page knows of the streams. `observe` never waits for anybody.

    Args:
        history: filled here.
        newest: filled here.
        counters: of the loop, where what the page had no time for is counted.

    Attributes:
        latency: from receipt to forecast.
        num_forecasts: that were observed.
    """

    name = "page"

    def __init__(self, history: History, newest: Newest, counters: Counters) -> None:
        self.latency = Latency()
        self.num_forecasts = 0
        self._history = history
        self._newest = newest
        self._counters = counters
        self._door: deque[Outcome] = deque()
        self._num_left = 0
        self._num_taken = 0
        self._is_closing = threading.Event()
        self._thread = threading.Thread(
            target=self._work, name="rnnedge-page", daemon=True
        )

    def start(self) -> None:
        """Begin to take in what is left at the door."""
        self._thread.start()

    def observe(self, outcome: Outcome) -> None:
        """Leave an outcome, on the thread of the loop; one too many is dropped and counted."""
        number = len(outcome.series)
        if not number:
            return
        self.latency.take(outcome)
        self.num_forecasts += number
        if self._num_left - self._num_taken > MAX_WAITING_ROWS:
            self._counters.add(self.name, "dropped: no time", number)
            return
        self._num_left += number
        self._door.append(outcome)

    def take_in(self) -> None:
        """All that waits at the door."""
        while self._door:
            outcome = self._door.popleft()
            self._history.take(outcome)
            self._newest.take(outcome)
            self._num_taken += len(outcome.series)

    def close(self) -> None:
        """Stop the thread."""
        self._is_closing.set()
        self._thread.join(2)

    def _work(self) -> None:
        while not self._is_closing.wait(_TAKEN_IN_EVERY_S):
            self.take_in()
