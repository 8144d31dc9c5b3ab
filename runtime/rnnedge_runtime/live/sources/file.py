"""A file of text, also gzipped, a pipe or a device, with word of when bytes are awaited."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import select
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, cast

from ...errors import DataError
from ...tables.options import TableOptions
from ...tables.text.encoding import HEAD_BYTES, TextLines
from .text import text_lines

Wait = Callable[[Callable[[float | None], bool]], None]
"""Called before each read with `is_ready(timeout)`; returns once it has been true."""


@contextlib.contextmanager
def open_file(
    source: str,
    options: TableOptions | None = None,
    *,
    wait: Wait | None = None,
    holds_out: bool = False,
) -> Iterator[TextLines]:
    """The lines of a file, or of standard input (`places.open_source`)."""
    live = is_live(source)
    with contextlib.ExitStack() as stack:
        try:
            file = (
                sys.stdin.buffer
                if source == "-"
                else stack.enter_context(Path(source).open("rb", HEAD_BYTES))
            )
        except OSError as error:
            raise DataError(
                f"{source}: the file cannot be read: {error.strerror}. "
                "Give a CSV or JSON lines file, or - for standard input."
            ) from None
        raw = waiting(file, wait) if live else cast(IO[bytes], file)
        if Path(source).suffix.lower() == ".gz":
            raw = cast(IO[bytes], gzip.GzipFile(fileobj=raw))
        where = "standard input" if source == "-" else source
        lines = text_lines(raw, where, options, is_live=live, holds_out=holds_out)
        yield stack.enter_context(lines)


def is_live(source: str) -> bool:
    """Whether rows may come one by one, so that each answer must leave at once."""
    try:
        status = os.fstat(sys.stdin.fileno()) if source == "-" else Path(source).stat()
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(status.st_mode)


def waiting(file: IO[bytes], wait: Wait | None) -> IO[bytes]:
    """The bytes of an open pipe, `wait` called before each read where the system can."""
    if wait is None or os.name != "posix":
        return file
    live = LiveInput(file.fileno(), wait)
    return cast(IO[bytes], io.BufferedReader(live, HEAD_BYTES))


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
