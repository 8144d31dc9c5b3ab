"""The bytes of a pipe or a file as lines, a file that grows or is rotated included."""

from __future__ import annotations

import contextlib
import os
import select
import stat
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from ....errors import DataError
from ...payloads import MAX_NBYTES
from ..line_splitter import LineSplitter
from .position import find_file, head_of

_NBYTES_A_READ = 1 << 16
_LOOK_AGAIN_S = 0.2


@dataclass(slots=True)
class LineReader:
    """Lines of one file, pipe or device, in the order in which they were written.

    Attributes:
        path: what is read; None for standard input.
        follows: wait for more at the end, and for the next file where a regular one is
            moved away or cut.
        splitter: of the open file; its offset is where the last line given ends.
        head: of the open file, its device and inode; None for what is no regular file.
        num_restarts: times a file was cut or replaced.
    """

    path: Path | None
    follows: bool = False
    splitter: LineSplitter = field(default_factory=LineSplitter, init=False)
    head: tuple[int, int] | None = field(default=None, init=False)
    num_restarts: int = field(default=0, init=False)
    _descriptor: int = field(default=-1, init=False)

    def open(self, offset: int = 0, head: tuple[int, int] | None = None) -> None:
        """Begin, at `offset` where the file of `head` is there and has as much.

        Raises:
            DataError: it cannot be read.
        """
        path = self.path and find_file(self.path, head)
        if path is None:
            if sys.stdin is None:
                raise DataError("standard input is closed. Name a file or a pipe.")
            self._descriptor = sys.stdin.fileno()
        else:
            try:
                self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            except OSError as error:
                raise DataError(
                    f"{self.path}: it cannot be read: {error.strerror}. Give a file, a "
                    "pipe, or - for standard input."
                ) from None
        status = os.fstat(self._descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise DataError(f"{self.path}: it is a folder. Give a file or a pipe.")
        self.head = head_of(status) if stat.S_ISREG(status.st_mode) else None
        if self.head is not None and head == self.head and offset <= status.st_size:
            os.lseek(self._descriptor, offset, os.SEEK_SET)
            self.splitter.restart(offset)

    def read(self, timeout_s: float) -> list[bytes] | None:
        """Lines that have come, with their breaks; None at the end.

        The last line of what ends has no break.
        """
        until = time.monotonic() + timeout_s
        while True:
            found = self._bytes(max(0.0, until - time.monotonic()))
            if found is None:
                return self.splitter.last() or None
            lines = self.splitter.take(found)
            if lines or time.monotonic() >= until:
                return lines
            if not found:
                time.sleep(min(_LOOK_AGAIN_S, max(0.0, until - time.monotonic())))

    def first_line(self) -> bytes:
        """The first line of the open regular file, wherever the reading is."""
        found = os.pread(self._descriptor, MAX_NBYTES, 0)
        return found[: found.find(b"\n") + 1]

    def close(self) -> None:
        """Let go of the file; standard input stays."""
        if self.path is not None and self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def _bytes(self, timeout_s: float) -> bytes | None:
        """What is there; b"" where nothing is yet, None at the end."""
        try:
            if self.head is None and not self._is_ready(timeout_s):
                return b""
            found = os.read(self._descriptor, _NBYTES_A_READ)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise DataError(
                f"{self.path or 'standard input'}: it cannot be read any further: "
                f"{error.strerror}. Check the device that it comes from."
            ) from None
        if found or not self.follows or self.path is None:
            return found or None
        return b"" if self.head is None else self._next_file(self.path)

    def _is_ready(self, timeout_s: float) -> bool:
        return bool(select.select([self._descriptor], [], [], timeout_s)[0])

    def _next_file(self, path: Path) -> bytes:
        """Go to the file that has taken the place of the open one, or to its start."""
        at = os.lseek(self._descriptor, 0, os.SEEK_CUR)
        if os.fstat(self._descriptor).st_size < at:
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            self._restart()
            return b""
        with contextlib.suppress(OSError):  # moved away, and nothing there yet
            if head_of(path.stat()) == self.head:
                return b""
            last = os.read(self._descriptor, _NBYTES_A_READ)  # written as it was moved
            if last:
                return last
            if self.splitter.rest:
                return b"\n"
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            os.close(self._descriptor)
            self._descriptor = descriptor
            self.head = head_of(os.fstat(descriptor))
            self._restart()
        return b""

    def _restart(self) -> None:
        self.num_restarts += 1
        self.splitter.restart()
