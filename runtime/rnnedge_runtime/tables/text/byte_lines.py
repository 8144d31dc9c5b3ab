"""The bytes of a text, given away line by line, so that those ahead can be read as a block."""

from __future__ import annotations

import io
from typing import Any

AHEAD_NBYTES = 1 << 18
"""Bytes that `ByteLines.ahead` reads at once."""

_READ_NBYTES = 1 << 16


class ByteLines(io.BufferedIOBase):
    """A buffered stream for `io.TextIOWrapper`, which never holds more than one line of it.

    Args:
        file: buffered stream that has `read1`; it is left open.
    """

    def __init__(self, file: Any) -> None:
        super().__init__()
        self._file = file
        self._data = b""
        self._at = 0
        self._failure: Exception | None = None
        self._is_ended = False

    def readable(self) -> bool:
        """It is."""
        return True

    def read1(self, size: int = -1, /) -> bytes:
        """What is left of a line, at most `size` bytes; empty at the end."""
        if self._at == len(self._data):
            self._fill(1)
            if self._at == len(self._data) and self._failure is not None:
                raise self._failure
        start = self._at
        stop = len(self._data) if size < 0 else start + size
        end = self._data.find(b"\n", start, stop) + 1 or min(stop, len(self._data))
        self._at = end
        return self._data[start:end]

    def ahead(self) -> tuple[bytes, int]:
        """Bytes, and where in them the next line starts; few of them only at the end."""
        if len(self._data) - self._at < _READ_NBYTES:
            self._fill(AHEAD_NBYTES)
        return self._data, self._at

    def skip_to(self, at: int) -> None:
        """Go on in what `ahead` gave from a byte on."""
        self._at = at

    def _fill(self, least: int) -> None:
        """Have so many bytes, if there are; a failure is told when they are used up."""
        parts, number = [self._data[self._at :]], len(self._data) - self._at
        try:
            while number < least and not self._is_ended and self._failure is None:
                found = self._file.read1(_READ_NBYTES)
                parts.append(found)
                number += len(found)
                self._is_ended = not found
        except Exception as error:
            self._failure = error
        self._data, self._at = b"".join(parts), 0
