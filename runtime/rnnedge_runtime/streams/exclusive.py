"""What keeps a state to one owner: no two threads inside at once, and no silent copies."""

from __future__ import annotations

import threading
from types import TracebackType

from ..errors import StateError


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


def copied(owner: str, instead: str) -> StateError:
    """The error for `copy`, `deepcopy` and `pickle` of `owner`; `instead` is the code."""
    return StateError(
        f"{owner}: cannot be copied or pickled, because two objects would then be one "
        f"state or lose a part of it. Take its state as bytes and set it where you need "
        f"it: {instead}."
    )
