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

_NBYTES_A_READ = 1 << 16
_LOOK_AGAIN_S = 0.2


@dataclass(slots=True)
class LineReader:
    """Lines of one file, pipe or device, in the order in which they were written.

    Attributes:
        path: what is read; None for standard input.
        follows: wait for more at the end of a regular file, and for the next file where
            it is moved away or cut.
        offset: bytes of the open file up to the end of the last line given.
        head: of the open file, its device and inode; None for what is no regular file.
        num_restarts: times a file was cut or replaced.
    """

    path: Path | None
    follows: bool = False
    offset: int = field(default=0, init=False)
    head: tuple[int, int] | None = field(default=None, init=False)
    num_restarts: int = field(default=0, init=False)
    _descriptor: int = field(default=-1, init=False)
    _rest: bytearray = field(default_factory=bytearray, init=False)
    _is_cut: bool = field(default=False, init=False)

    def open(self, offset: int = 0, head: tuple[int, int] | None = None) -> None:
        """Begin, at `offset` where the file is the one of `head` and has as much.

        Raises:
            DataError: it cannot be read.
        """
        path = self.path if head is None else self._moved(head)
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
        self.head = None
        if stat.S_ISREG(status.st_mode):
            self.head = status.st_dev, status.st_ino
            if head == self.head and offset <= status.st_size:
                self.offset = os.lseek(self._descriptor, offset, os.SEEK_SET)

    def read(self, timeout_s: float) -> list[bytes] | None:
        """Lines that have come, with their breaks; None at the end.

        The last line of what ends has no break. One longer than `MAX_NBYTES` is cut after
        one byte more, and its rest left out.
        """
        until = time.monotonic() + timeout_s
        while True:
            found = self._bytes(max(0.0, until - time.monotonic()))
            if found is None:
                rest = bytes(self._rest)
                self._rest.clear()
                self.offset += len(rest)
                return [rest] if rest else None
            lines = self._split(found)
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

    def _moved(self, head: tuple[int, int]) -> Path | None:
        """The file of `head` in the folder, under another name too; else the path."""
        if self.path is None:
            return None
        with contextlib.suppress(OSError):
            for path in [self.path, *self.path.parent.iterdir()]:
                status = path.lstat()
                if (status.st_dev, status.st_ino) == head:
                    return path
        return self.path

    def _bytes(self, timeout_s: float) -> bytes | None:
        """What is there; b"" where nothing is yet, None at the end."""
        if self.head is None and not self._is_ready(timeout_s):
            return b""
        try:
            found = os.read(self._descriptor, _NBYTES_A_READ)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise DataError(
                f"{self.path or 'standard input'}: it cannot be read any further: "
                f"{error.strerror}. Check the device that it comes from."
            ) from None
        if found:
            return found
        if not self.follows or self.path is None:
            return None
        return b"" if self.head is None else self._next_file()

    def _is_ready(self, timeout_s: float) -> bool:
        return bool(select.select([self._descriptor], [], [], timeout_s)[0])

    def _next_file(self) -> bytes:
        """Go to the file that has taken the place of the open one, or to its start."""
        assert self.path is not None
        size = os.fstat(self._descriptor).st_size
        at = os.lseek(self._descriptor, 0, os.SEEK_CUR)
        if size < at:
            self._restart()
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            return b""
        try:
            status = self.path.stat()
            if (status.st_dev, status.st_ino) == self.head:
                return b""
            last = os.read(self._descriptor, _NBYTES_A_READ)
            if last:
                return last
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return b""  # moved away, and nothing there yet
        os.close(self._descriptor)
        self._descriptor = descriptor
        status = os.fstat(descriptor)
        last = bytes(self._rest) + b"\n" if self._rest else b""
        self._restart()
        self.head = status.st_dev, status.st_ino
        self.offset = -len(last)
        return last

    def _restart(self) -> None:
        self.num_restarts += 1
        self.offset = 0
        self._is_cut = False
        self._rest.clear()

    def _split(self, found: bytes) -> list[bytes]:
        self._rest += found
        end = self._rest.rfind(b"\n") + 1
        whole = bytes(self._rest[:end])
        lines = [line + b"\n" for line in whole.split(b"\n")[:-1]]
        del self._rest[:end]
        self.offset += end
        if self._is_cut and lines:
            lines.pop(0)
            self._is_cut = False
        if self._is_cut:
            self.offset += len(self._rest)
            self._rest.clear()
        elif len(self._rest) > MAX_NBYTES:
            lines.append(bytes(self._rest[: MAX_NBYTES + 1]))
            self.offset += len(self._rest)
            self._rest.clear()
            self._is_cut = True
        return lines
