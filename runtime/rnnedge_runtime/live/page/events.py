"""Server-sent events: the rows of one series as they come, and every second the counters."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from .answers import past_text
from .history import History, Position

MAX_VIEWERS = 16
_LOOKED_EVERY_S = 0.25
_STATE_EVERY_S = 1.0


class Viewers:
    """Pages that are open, at most 16.

    Args:
        history: where rows come from.
        state: the content of the event `state`.
    """

    def __init__(self, history: History, state: Callable[[], bytes]) -> None:
        self._history = history
        self._state = state
        self._free = threading.Semaphore(MAX_VIEWERS)
        self._is_closing = threading.Event()

    def follow(self, find: Callable[[], int | None]) -> Viewer | None:
        """Events of a series until the page leaves; None where there are too many pages.

        Args:
            find: gives its number; None: it has not come yet, and is asked for again.
        """
        if not self._free.acquire(blocking=False):
            return None
        return Viewer(self._events(find), self._free)

    def close(self) -> None:
        """End all."""
        self._is_closing.set()

    def _events(self, find: Callable[[], int | None]) -> Iterator[bytes]:
        yield b"retry: 1000\n\n"
        position: Position | None = None
        due = 0.0
        while not self._is_closing.is_set():
            if position is None and (series := find()) is not None:
                self._history.look_at(series)
                position = Position(series)
            past = self._history.since(position) if position else None
            if past:
                position = past.end
                yield _event("rows", past_text(past).encode())
            if time.monotonic() >= due:
                due = time.monotonic() + _STATE_EVERY_S
                yield _event("state", self._state())
            self._is_closing.wait(_LOOKED_EVERY_S)


class Viewer:
    """Events for one page; closed once, it makes room for another."""

    def __init__(self, events: Iterator[bytes], free: threading.Semaphore) -> None:
        self._events = events
        self._free: threading.Semaphore | None = free

    def __iter__(self) -> Viewer:
        return self

    def __next__(self) -> bytes:
        return next(self._events)

    def close(self) -> None:
        """Leave."""
        if self._free:
            self._free.release()
            self._free = None


def _event(name: str, content: bytes) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), content)
