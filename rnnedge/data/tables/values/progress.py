"""How far the reading of a large file is, for who wants to show it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path

Tell = Callable[[Path, int, int], object]
"""Told the file, the bytes read of it so far and its size in bytes."""

_TELL: ContextVar[Tell | None] = ContextVar("tell", default=None)


@contextlib.contextmanager
def reading_progress(tell: Tell) -> Iterator[None]:
    """Call `tell` now and then while files are read inside the `with`."""
    token = _TELL.set(tell)
    try:
        yield
    finally:
        _TELL.reset(token)


def tell_progress(path: Path, num_read: int) -> None:
    """Say how many bytes of a file were read."""
    tell = _TELL.get()
    if tell is not None:
        tell(path, num_read, path.stat().st_size)
