"""Whole-file integrity: a SHA-256 that is part of the file it protects.

The file carries the 64 hex digits behind a fixed marker, and the hash is taken over the file
with those digits blanked: every byte is covered, and nothing has to be parsed to check it.
An `.onnx` file holds them in its metadata, a TorchScript file in the comment of its zip.
Integrity, not authenticity: anyone who can change the file can change the digits.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..errors import FormatError
from .files import read_file

MARKER = b"rnnedge-sha256:"
BLANK_DIGITS = b"0" * 64
BLANK_SEAL = (MARKER + BLANK_DIGITS).decode()


def seal(content: bytes) -> bytes:
    """`content`, which holds BLANK_SEAL once, with the digits of its hash filled in."""
    start = _digits_start(content, where="seal")
    digits = hashlib.sha256(content).hexdigest().encode()
    return content[:start] + digits + content[start + len(digits) :]


def check_seal(content: bytes, *, where: str) -> None:
    """Raise FormatError unless the digits in `content` are those of its hash."""
    start = _digits_start(content, where=where)
    end = start + len(BLANK_DIGITS)
    blanked = content[:start] + BLANK_DIGITS + content[end:]
    if hashlib.sha256(blanked).hexdigest().encode() != content[start:end]:
        raise _damaged(where)


def read_sealed(path: Path) -> bytes:
    """The content of a sealed file, checked before anything parses it.

    Raises:
        FormatError: the file cannot be read, or its seal is broken.
    """
    content = read_file(path)
    check_seal(content, where=path.name)
    return content


def _digits_start(content: bytes, *, where: str) -> int:
    if content.count(MARKER) != 1:
        raise FormatError(
            f"{where}: the checksum of an rnnedge artifact was found "
            f"{content.count(MARKER)} times, expected once. The file is cut short, changed "
            "or not written by rnnedge; copy it again or export it again."
        )
    start = content.index(MARKER) + len(MARKER)
    if start + len(BLANK_DIGITS) > len(content):
        raise _damaged(where)
    return start


def _damaged(where: str) -> FormatError:
    return FormatError(
        f"{where}: the checksum does not match the content. "
        "The file is cut short or changed; copy it again or export it again."
    )
