"""The journal: what the streams took, record by record, on the disk before anybody is told.

A file starts with `RNNJ` and its version, then come records: length, CRC32, content. The
first record says in JSON whose it is. What follows a record that is cut short or changed
is no part of the journal.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import time
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ....errors import FormatError, too_new
from ....formats.files import sync_to_disk
from .packing import Record, unpack_record

MAGIC = b"RNNJ"
JOURNAL_VERSION = 1
_START = struct.Struct("<4sHH")
_FRAME = struct.Struct("<II")

_sync = getattr(os, "fdatasync", os.fsync)


@dataclass(frozen=True, slots=True)
class JournalHead:
    """Whose a journal is.

    Attributes:
        generation: of the snapshot that it goes on from.
        sequence: of the last batch before it.
        model: digest of the model.
        sinks: names of the sinks in the order in which records count them.
    """

    generation: int
    sequence: int
    model: str
    sinks: tuple[str, ...]


class Journal:
    """A journal that is written; a record is on the disk when `append` returns.

    Args:
        path: of a new file.
        head: its first record.

    Attributes:
        nbytes: its size.
        sync_s: how long the last few thousand writes took to reach the disk, in seconds.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, path: Path, head: JournalHead) -> None:
        self.path = path
        self.sync_s: deque[float] = deque(maxlen=4096)
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        self._file = os.open(path, flags, 0o666)
        try:
            self.nbytes = 0
            start = _START.pack(MAGIC, JOURNAL_VERSION, 0)
            content = json.dumps(asdict(head)).encode()
            self._put(start + _framed(content))
            sync_to_disk(path.parent)
        except OSError:
            self.close()
            raise

    def append(self, content: bytes) -> None:
        """Add one record.

        Raises:
            OSError: it could not be written; the journal is as it was before.
        """
        self._put(_framed(content))

    def _put(self, blob: bytes) -> None:
        start_s = time.perf_counter()
        try:
            done, view = 0, memoryview(blob)
            while done < len(view):
                done += _write_at(self._file, view[done:], self.nbytes + done)
            _sync(self._file)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self.nbytes)
            raise
        self.nbytes += len(blob)
        self.sync_s.append(time.perf_counter() - start_s)

    def close(self) -> None:
        """Leave the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


@dataclass(slots=True)
class SavedJournal:
    """A journal that is read.

    Attributes:
        path: of the file.
        head: whose it is.
        content: all of the file.
        num_unused: bytes at its end that are no whole record, known once it was read.
    """

    path: Path
    head: JournalHead
    content: bytes
    num_unused: int = 0

    @classmethod
    def read(cls, path: Path) -> SavedJournal:
        """Read a file.

        Raises:
            FormatError: it is of another kind or a newer version, or starts with no whole
                record.
            OSError: it cannot be read.
        """
        content = path.read_bytes()
        if len(content) < _START.size or content[:4] != MAGIC:
            raise FormatError(f"{len(content)} bytes are no journal")
        version = int.from_bytes(content[4:6], "little")
        if version > JOURNAL_VERSION:
            raise too_new("journal: version", version, JOURNAL_VERSION)
        for first, _ in _records(content):
            return cls(path, _head_of(first), content)
        raise FormatError("its first record is cut short or changed")

    def records(self) -> Iterator[Record]:
        """The whole records in order; `num_unused` is set after the last."""
        end = _START.size
        for number, (content, after) in enumerate(_records(self.content)):
            if number:
                try:
                    record = unpack_record(content)
                except FormatError:
                    break
                yield record
            end = after
        self.num_unused = len(self.content) - end


def _framed(content: bytes) -> bytes:
    return _FRAME.pack(len(content), zlib.crc32(content)) + content


def _records(content: bytes) -> Iterator[tuple[bytes, int]]:
    """Content and end of each record, up to the first that is not whole."""
    at = _START.size
    while at + _FRAME.size <= len(content):
        size, checksum = _FRAME.unpack_from(content, at)
        at += _FRAME.size
        record = content[at : at + size]
        if not size or len(record) < size or zlib.crc32(record) != checksum:
            return  # no record is empty, but the end of a torn file may be zeros
        at += size
        yield record, at


def _head_of(content: bytes) -> JournalHead:
    try:
        fields: dict[str, Any] = json.loads(content)
        return JournalHead(
            int(fields["generation"]),
            int(fields["sequence"]),
            str(fields["model"]),
            tuple(str(name) for name in fields["sinks"]),
        )
    except (ValueError, KeyError, TypeError, UnicodeDecodeError):
        raise FormatError("its first record does not say whose it is") from None


def _write_at(file: int, content: memoryview, offset: int) -> int:
    if hasattr(os, "pwrite"):
        return os.pwrite(file, content, offset)
    os.lseek(file, offset, os.SEEK_SET)
    return os.write(file, content)
