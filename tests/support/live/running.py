"""A live loop on a thread beside a test."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rnnedge_runtime.live.loop.loop import Loop


@contextmanager
def running(loop: Loop) -> Iterator[None]:
    """Turns a started loop until the block ends; what goes wrong is raised there."""
    is_over = threading.Event()
    faults: list[BaseException] = []

    def turn() -> None:
        try:
            while not is_over.is_set() and loop.turn():
                pass
        except BaseException as error:
            faults.append(error)

    loop.start()
    thread = threading.Thread(target=turn, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(20)
        loop.close(saves=True)
    if faults:
        raise faults[0]
