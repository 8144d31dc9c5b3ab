"""Ctrl-C, SIGTERM and SIGHUP as a stop between two pieces of work, never inside one."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from types import FrameType

SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    if hasattr(signal, name)
)


@contextlib.contextmanager
def handled(
    signals: Iterable[int], handle: Callable[[int, FrameType | None], None]
) -> Iterator[None]:
    """Give signals to `handle` in the main thread, then back; other threads get none."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.signal(number, handle) for number in signals}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class Stop:
    """While entered, a signal is remembered; only `interruptible` work is cut off by it.

    A signal that was ignored from the start stays so, as `nohup` wants it.

    Attributes:
        signal: number of the signal that asked to stop; 0 before.
    """

    def __init__(self) -> None:
        self.signal = 0
        self._is_interruptible = False
        self._handled = contextlib.ExitStack()

    def __enter__(self) -> Stop:
        """Take the signals over."""
        taken = [n for n in SIGNALS if signal.getsignal(n) is not signal.SIG_IGN]
        self._handled.enter_context(handled(taken, self._on_signal))
        return self

    def __exit__(self, *_: object) -> None:
        """Give the signals back."""
        self._handled.close()

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        self.signal = number
        if self._is_interruptible:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """Waiting that a signal ends at once, by KeyboardInterrupt."""
        yield from self._with_interrupts(True)

    @contextlib.contextmanager
    def shielded(self) -> Iterator[None]:
        """Work within `interruptible` that a signal ends only after it."""
        yield from self._with_interrupts(False)

    def _with_interrupts(self, is_interruptible: bool) -> Iterator[None]:
        before, self._is_interruptible = self._is_interruptible, is_interruptible
        try:
            if is_interruptible and self.signal:
                raise KeyboardInterrupt
            yield
        finally:
            self._is_interruptible = before
        if before and self.signal:
            raise KeyboardInterrupt
