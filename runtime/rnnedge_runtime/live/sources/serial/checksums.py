"""A line that brings its checksum: `$RNN,20.5*4C`, XOR or CRC in hexadecimal after a `*`."""

from __future__ import annotations

import binascii
import zlib
from collections.abc import Callable
from functools import reduce
from operator import xor

from ...payloads.faults import PayloadError, quoted


def _xor(data: bytes) -> int:
    return reduce(xor, data, 0)


_KINDS: dict[str, tuple[Callable[[bytes], int], int]] = {
    "nmea": (_xor, 2),
    "crc16": (lambda data: binascii.crc_hqx(data, 0xFFFF), 4),
    "crc32": (zlib.crc32, 8),
}
CHECKSUMS = ("", *_KINDS)
"""No checksum; XOR of all bytes; CRC-16/IBM-3740 (CCITT from FFFF); CRC-32 as zlib's."""


def checked_line(line: bytes, kind: str) -> bytes:
    """What a line says, without `$` or `!` before it and the checksum after it.

    Args:
        line: with or without its break.
        kind: one of `CHECKSUMS`.

    Raises:
        PayloadError: it has no checksum, or another one.
    """
    if not kind:
        return line
    function, num_digits = _KINDS[kind]
    body, star, given = line.strip().rpartition(b"*")
    body = body[1:] if body[:1] in (b"$", b"!") else body
    shown = quoted(line.strip()[:60].decode("ascii", "replace"))
    if not star or len(given) != num_digits:
        raise PayloadError(
            "checksum",
            f"{shown} does not end in '*' and {num_digits} hexadecimal digits. "
            "Change 'checksum', or what the sensor sends.",
        )
    expected = b"%0*X" % (num_digits, function(body))
    if given.upper() != expected:
        raise PayloadError(
            "checksum",
            f"{shown} has another checksum than {expected.decode()}. Check cable and "
            "'baud', or change 'checksum'.",
        )
    return body
