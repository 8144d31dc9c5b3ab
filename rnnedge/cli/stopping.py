"""Ctrl-C and SIGTERM as a stop between two pieces of work, never inside one."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """While entered, a signal is remembered; only `interruptible` work is cut off by it.

    Attributes:
        signal: number of the signal that asked to stop; 0 before.
    """

    def __init__(self) -> None:
        self.signal = 0
        self._is_interruptible = False
        self._previous: dict[int, signal._HANDLER] = {}

    def __enter__(self) -> Stop:
        """Take the signals over, in the main thread; other threads get none."""
        with contextlib.suppress(ValueError):
            for number in SIGNALS:
                self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        """Give the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        self.signal = number
        if self._is_interruptible:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Waiting that a signal ends at once, by KeyboardInterrupt."""
        self._is_interruptible = True
        try:
            if self.signal:
                raise KeyboardInterrupt
            yield
        finally:
            self._is_interruptible = False
