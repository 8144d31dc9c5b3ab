"""Bytes as they come to whole lines, no longer than a payload may be."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..payloads import MAX_NBYTES


@dataclass(slots=True)
class LineSplitter:
    """Lines out of pieces of bytes.

    Attributes:
        offset: bytes up to the end of the last line given.
        rest: bytes of a line that has not ended.
    """

    offset: int = 0
    rest: bytearray = field(default_factory=bytearray)
    _is_cut: bool = field(default=False, init=False)

    def take(self, found: bytes) -> list[bytes]:
        """The lines that these bytes end, with their breaks.

        Of a line longer than `MAX_NBYTES` so much and one byte more is given, so that it
        is seen to be too long, and the rest is left out.
        """
        self.rest += found
        end = self.rest.rfind(b"\n") + 1
        whole = bytes(self.rest[:end])
        lines = [line + b"\n" for line in whole.split(b"\n")[:-1]]
        del self.rest[:end]
        self.offset += end
        if self._is_cut and lines:
            lines.pop(0)
            self._is_cut = False
        if self._is_cut:
            self.offset += len(self.rest)
            self.rest.clear()
        elif len(self.rest) > MAX_NBYTES:
            lines.append(bytes(self.rest[: MAX_NBYTES + 1]))
            self.offset += len(self.rest)
            self.rest.clear()
            self._is_cut = True
        return lines

    def last(self) -> list[bytes]:
        """What came after the last break, where nothing more comes."""
        last = bytes(self.rest)
        self.restart(self.offset + len(last))
        return [last] if last else []

    def restart(self, offset: int = 0) -> None:
        """Begin at another place."""
        self.offset = offset
        self.rest.clear()
        self._is_cut = False
