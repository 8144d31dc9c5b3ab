"""A file that grows by whole lines, a pipe, or standard output."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path

from ....errors import DataError
from ....formats.files import what_to_do

_NBYTES_LOOKED_BACK = 1 << 16
_NBYTES_KNOWN = 1 << 22


class Appending:
    """What lines are written to.

    Args:
        path: of the file; None for standard output.

    Attributes:
        is_regular: whether it is a file on a disk.

    Raises:
        DataError: it cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        if path is None:
            if sys.stdout is None:
                raise DataError("standard output is closed. Name a file as the sink.")
            sys.stdout.flush()
            self._descriptor = sys.stdout.fileno()
        else:
            try:
                flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
                if path.exists() and not path.is_file():
                    flags = os.O_WRONLY
                self._descriptor = os.open(path, flags, 0o666)
            except OSError as error:
                raise DataError(
                    f"{path}: the file cannot be written: {error.strerror}. "
                    f"{what_to_do(error)}"
                ) from None
        self.is_regular = stat.S_ISREG(os.fstat(self._descriptor).st_mode)
        if self.is_regular and path is not None:
            self._cut_half_a_line()

    @property
    def nbytes(self) -> int:
        """Bytes of a file; 0 of a pipe."""
        return os.fstat(self._descriptor).st_size if self.is_regular else 0

    def write(self, data: bytes) -> None:
        """Write all of it; of a file, all or nothing.

        Raises:
            OSError: it cannot be written.
        """
        size = self.nbytes
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError:
            if self.is_regular:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._descriptor, size)
            raise

    def sync(self) -> None:
        """Put it on the disk."""
        os.fsync(self._descriptor)

    def last_lines(self) -> set[str]:
        """The last some thousand lines of a file."""
        if not self.is_regular or self._path is None:
            return set()
        size = self.nbytes
        start = max(0, size - _NBYTES_KNOWN)
        found = os.pread(self._descriptor, size - start, start)
        return set(found.decode(errors="replace").split("\n"))

    def close(self) -> None:
        """Let go of the file; standard output stays."""
        if self._path is not None:
            os.close(self._descriptor)

    def _cut_half_a_line(self) -> None:
        size = end = self.nbytes
        while end:
            start = max(0, end - _NBYTES_LOOKED_BACK)
            found = os.pread(self._descriptor, end - start, start).rfind(b"\n") + 1
            end = start + found
            if found:
                break
        if end < size:
            os.ftruncate(self._descriptor, end)
