"""The bytes of a pipe, with word of when they have to be waited for."""

from __future__ import annotations

import io
import os
import select
from collections.abc import Callable

Wait = Callable[[Callable[[float | None], bool]], None]
"""Called before each read with `is_ready(timeout)`; returns once it has been true."""


class LiveInput(io.RawIOBase):
    """An open file descriptor as a raw stream.

    Args:
        descriptor: of a pipe, a terminal or a device; it stays open.
        wait: what is done until there are bytes.
    """

    def __init__(self, descriptor: int, wait: Wait) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._wait = wait

    def readable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """What is there, at least one byte unless the input ends."""
        self._wait(self._is_ready)
        found = os.read(self._descriptor, len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def _is_ready(self, timeout: float | None) -> bool:
        return bool(select.select([self._descriptor], [], [], timeout)[0])
