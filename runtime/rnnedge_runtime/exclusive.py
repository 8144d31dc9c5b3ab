"""The lock that turns two threads in one stream into an error instead of a race."""

from __future__ import annotations

import threading
from types import TracebackType

from .errors import StateError


class ExclusiveUse:
    """Context manager that raises when it is already entered; it never waits."""

    __slots__ = ("_lock", "_owner")

    def __init__(self, owner: str) -> None:
        self._lock = threading.Lock()
        self._owner = owner

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            raise entered_twice(self._owner)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lock.release()


def entered_twice(owner: str) -> StateError:
    """The error for a second thread in `owner`, "Stream" or "Streams"."""
    return StateError(
        f"{owner}: entered while another thread is still inside it. "
        "Give each thread its own stream, or guard this one with a lock; "
        "the model may be shared."
    )
