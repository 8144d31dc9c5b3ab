"""What keeps a state to one owner: no two threads inside at once, and no silent copies."""

from __future__ import annotations

import threading
from typing import ClassVar, NoReturn, SupportsIndex

from ..errors import StateError


def entered_twice(owner: str) -> StateError:
    """The error for a second thread in `owner`, "Stream" or "Streams"."""
    return StateError(
        f"{owner}: entered while another thread is still inside it. "
        "Give each thread its own stream, or guard this one with a lock; "
        "the model may be shared."
    )


class ExclusiveUse:
    """Context manager that raises when it is already entered; it never waits."""

    __slots__ = ("_lock", "_owner")

    def __init__(self, owner: str) -> None:
        self._lock = threading.Lock()
        self._owner = owner

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            raise entered_twice(self._owner)

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class OneOwner:
    """What `copy`, `deepcopy` and `pickle` refuse: a state that two objects would share."""

    _copy: ClassVar[tuple[str, str]]
    """Its name, and the code to write instead."""

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        owner, instead = self._copy
        raise StateError(
            f"{owner}: cannot be copied or pickled, because two objects would then be one "
            f"state or lose a part of it. Take its state as bytes and set it where you need "
            f"it: {instead}."
        )
