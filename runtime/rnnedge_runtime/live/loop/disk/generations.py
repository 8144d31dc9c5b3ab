"""A saved state of all streams as one file: whose it is, the streams, the undelivered.

Layout: `RNNG`, version, size of a JSON text, sizes of the streams and of the outcomes,
these three, then CRC32 of all that precedes.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ....errors import FormatError, StateError, too_new
from ....formats.files import replacing

MAGIC = b"RNNG"
SAVED_VERSION = 1
_START = struct.Struct("<4sHHIQQ")
_SIZE = struct.Struct("<I")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Saved:
    """All that a run goes on from.

    Attributes:
        model: digest of the model.
        sequence: of the last batch that the streams took.
        names: of the series, by number.
        delivered: by sink, up to which sequence all forecasts had arrived.
        streams: bytes of the streams.
        outcomes: packed outcomes that some sink still lacks, oldest first.
    """

    model: str
    sequence: int
    names: tuple[str, ...]
    delivered: dict[str, int]
    streams: bytes
    outcomes: tuple[bytes, ...] = ()


def write_saved(path: Path, saved: Saved) -> int:
    """Write one file, whole or not at all, on the disk when this returns; its size.

    Raises:
        OSError: it cannot be written.
    """
    nbytes = checksum = 0
    with replacing(path) as file:
        for part in _parts(saved):
            for start in range(0, len(part), _CHUNK):
                piece = part[start : start + _CHUNK]
                checksum = zlib.crc32(piece, checksum)
                nbytes += file.write(piece)
        file.write(struct.pack("<I", checksum))
    return nbytes + 4


def read_saved(path: Path, *, model: str | None) -> Saved:
    """A saved state, checked in full.

    Args:
        path: of the file.
        model: digest of the model that it has to be of; None: of any.

    Raises:
        FormatError: cut short, changed, of a newer version, or no saved state.
        StateError: of another model.
        OSError: it cannot be read.
    """
    content = path.read_bytes()
    if len(content) < _START.size + 4 or content[:4] != MAGIC:
        raise FormatError(f"{len(content)} bytes are no saved state")
    version = int.from_bytes(content[4:6], "little")
    if version > SAVED_VERSION:
        raise too_new("saved state: version", version, SAVED_VERSION)
    view = memoryview(content)
    if zlib.crc32(view[:-4]) != int.from_bytes(content[-4:], "little"):
        raise FormatError(
            f"the checksum of its {len(content)} bytes does not match, so it was cut short "
            "or changed"
        )
    _, _, _, size, streams_size, outcomes_size = _START.unpack_from(content)
    ends = [_START.size, size, streams_size, outcomes_size]
    if sum(ends) + 4 != len(content):
        raise FormatError(f"its parts do not fill its {len(content)} bytes")
    at = _START.size
    saved = _saved_of(
        content[at : at + size],
        content[at + size : at + size + streams_size],
        tuple(_pieces(content[at + size + streams_size : -4])),
    )
    if model is not None and saved.model != model:
        raise StateError(
            f"it belongs to model {saved.model[:32]}, this artifact is model {model[:32]}"
        )
    return saved


def _parts(saved: Saved) -> Iterator[bytes]:
    about = {
        "model": saved.model,
        "sequence": saved.sequence,
        "names": saved.names,
        "delivered": saved.delivered,
    }
    text = json.dumps(about, separators=(",", ":")).encode()
    outcomes_size = sum(_SIZE.size + len(blob) for blob in saved.outcomes)
    yield _START.pack(
        MAGIC, SAVED_VERSION, 0, len(text), len(saved.streams), outcomes_size
    )
    yield text
    yield saved.streams
    for blob in saved.outcomes:
        yield _SIZE.pack(len(blob))
        yield blob


def _saved_of(text: bytes, streams: bytes, outcomes: tuple[bytes, ...]) -> Saved:
    try:
        about = json.loads(text)
        return Saved(
            str(about["model"]),
            int(about["sequence"]),
            tuple(str(name) for name in about["names"]),
            {str(key): int(value) for key, value in about["delivered"].items()},
            streams,
            outcomes,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise FormatError("it does not say whose it is") from None


def _pieces(content: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(content):
        if at + _SIZE.size > len(content):
            raise FormatError("its last forecasts are cut short")
        (size,) = _SIZE.unpack_from(content, at)
        at += _SIZE.size
        if at + size > len(content):
            raise FormatError("its last forecasts are cut short")
        yield content[at : at + size]
        at += size


def numbered(folder: Path, kind: str, ending: str = "") -> dict[int, Path]:
    """Files of a kind, such as `state-7.rnns`, by their number, ascending."""
    found = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            start, middle, rest = entry.name.partition("-")
            number = rest.removesuffix(ending) if ending else rest
            is_number = number.isascii() and number.isdigit() and len(number) <= 18
            if start == kind and middle and rest.endswith(ending) and is_number:
                found[int(number)] = Path(entry.path)
    return dict(sorted(found.items()))
