"""The encoding of a table's text, found in its first bytes."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from ...errors import DataError
from .byte_lines import ByteLines

HEAD_BYTES = 1 << 16
"""Bytes at the front of a table from which its encoding is told."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ZERO_SHARE = 0.3
_IN_A_WORD = re.compile("[A-Za-z][\udc80-\udcff]|[\udc80-\udcff][A-Za-z]")
_NOT_CP1252 = (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d")


@dataclass(frozen=True, slots=True)
class Encoding:
    """How bytes become text.

    Attributes:
        name: as Python's codecs call it.
        note: what is said of it, "" for UTF-8.
    """

    name: str = "utf-8-sig"
    note: str = ""


@dataclass(slots=True)
class TextLines:
    """Lines of an open text, with what is known of where they come from.

    Attributes:
        lines: with their line ends.
        notes: what was found out on the way here.
        is_live: further lines may not be there yet, so none is read ahead.
        source: of the lines, where many of them may be read at once; None elsewhere.
        number: lines that were given away.
    """

    lines: Iterator[str]
    notes: tuple[str, ...] = ()
    is_live: bool = False
    source: ByteLines | None = None
    number: int = 0
    _is_whole: bool = True

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self.lines)
        self.number += 1
        self._is_whole = line.endswith("\n")
        return line

    def is_after(self, number: int) -> bool:
        """Whether the source goes on right after line `number`."""
        return number == self.number and self._is_whole


def find_encoding(
    head: bytes, *, where: str, given: str | None = None, holds_out: bool = False
) -> Encoding:
    """The encoding of a text that starts with `head`.

    UTF-8, with or without a byte order mark; UTF-16 and UTF-32 by their mark, UTF-16 also
    by its zero bytes; Windows-1252 where the bytes are not UTF-8.

    Args:
        head: the first bytes, all there are or `HEAD_BYTES`.
        holds_out: lines with bytes that are no text are left out, so that a few of them
            under a header in UTF-8 do not tell of another encoding.

    Raises:
        DataError: there is no encoding of the given name.
    """
    if given is not None:
        return Encoding(_known(given, head, where=where))
    for mark, name in _MARKS:
        if head.startswith(mark):
            note = "" if name == "utf-8-sig" else f"The text is {name.upper()}."
            return Encoding(name, note)
    zeros = _by_zeros(head)
    if zeros is not None:
        return Encoding(zeros, f"The text is {zeros.upper()}.")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError as error:
        if holds_out and _is_noise(head):
            return Encoding()
        byte = head[error.start]
        name, spoken = "cp1252", "Windows-1252"
        if any(bad in head for bad in _NOT_CP1252):
            name, spoken = "latin-1", "Latin-1"
        return Encoding(
            name,
            f"The text is not UTF-8 (byte 0x{byte:02x} at {error.start:,}) and is read as "
            f"{spoken} (--encoding).",
        )
    return Encoding()


def _known(name: str, head: bytes, *, where: str) -> str:
    try:
        codec = codecs.lookup(name).name
        "".encode(codec)
    except (LookupError, ValueError, TypeError):
        raise DataError(
            f"{where}: there is no encoding '{name}'. Give --encoding one such as utf-8, "
            "utf-16, cp1252 or latin-1."
        ) from None
    if codec == "utf-8":
        return "utf-8-sig"
    if codec in ("utf-16-le", "utf-16-be") and head[:2] in (
        codecs.BOM_UTF16_LE,
        codecs.BOM_UTF16_BE,
    ):
        return "utf-16"
    if codec == "utf-16" and not head.startswith(
        (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    ):
        return _by_zeros(head) or "utf-16-le"
    return codec


def _is_noise(head: bytes) -> bool:
    """Whether bytes that are not UTF-8 are none of the letters of a word either."""
    first, _, rest = head.lstrip().partition(b"\n")
    try:
        first.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return not first.isascii() or not _IN_A_WORD.search(
        rest.decode("utf-8", "surrogateescape")
    )


def _by_zeros(head: bytes) -> str | None:
    """UTF-16 without a mark: half of the bytes of plain text are zero."""
    size = min(len(head) // 2, 2000)
    if size < 2:
        return None
    first, second = head[0 : 2 * size : 2], head[1 : 2 * size : 2]
    if second.count(0) > _ZERO_SHARE * size and not first.count(0):
        return "utf-16-le"
    if first.count(0) > _ZERO_SHARE * size and not second.count(0):
        return "utf-16-be"
    return None


def peek(file: IO[bytes]) -> bytes:
    """The first bytes of a file, which stay to be read; a pipe waits for one at least."""
    look = getattr(file, "peek", None)
    if look is not None:
        return bytes(look(HEAD_BYTES)[:HEAD_BYTES])
    head = file.read(HEAD_BYTES)
    file.seek(-len(head), io.SEEK_CUR)
    return head


def undecodable_error(error: UnicodeDecodeError, *, where: str) -> DataError:
    """The error of bytes that are no text in the encoding that was found or given."""
    byte = error.object[min(error.start, len(error.object) - 1)]
    name = "UTF-8" if error.encoding.startswith("utf-8") else error.encoding
    other = "cp1252" if name == "UTF-8" else "utf-8"
    return DataError(
        f"{where}: byte 0x{byte:02x} is not {name} text. Name the encoding of the table, "
        f"for example --encoding {other}, or save the table as UTF-8."
    )
