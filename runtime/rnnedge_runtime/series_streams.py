"""The rows of several series in one table, each series through a stream of its own."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NoReturn, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from .errors import FormatError
from .exclusive import copied
from .model import Model
from .snapshot import snapshot_bytes
from .streaming import SERIES_MAGIC, Findings, RowStream
from .tables.rows import Row

SERIES_STREAMS_VERSION = 1
_HEADER = struct.Struct("<4sHHI")
_SIZE = struct.Struct("<I")


class SeriesStreams:
    """A RowStream per value of the series column, made at its first row. Not thread-safe.

    Args:
        model: what to stream; all series share its weights.
        where: name of the table, for messages.
    """

    def __init__(self, model: Model, *, where: str = "rows") -> None:
        self._model = model
        self._where = where
        self._streams: dict[str, RowStream] = {}
        self.findings = Findings()

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise copied(
            "SeriesStreams",
            "other = SeriesStreams(model); other.restore(series.snapshot())",
        )

    def __len__(self) -> int:
        return len(self._streams)

    def items(self) -> Iterator[tuple[str, RowStream]]:
        """Name and stream of every series, in the order of their first rows."""
        yield from self._streams.items()

    def advance(self, row: Row) -> NDArray[np.float32] | None:
        """Take one row of the series that it names (`RowStream.advance`)."""
        name = row.series or ""
        stream = self._streams.get(name)
        if stream is None:
            stream = self._streams[name] = self._stream(name)
        return stream.advance(row)

    def _stream(self, name: str) -> RowStream:
        where = f"{self._where}, series '{name}'"
        stream = RowStream(self._model, where=where, is_one_of_many=True)
        stream.findings = self.findings
        return stream

    def snapshot(self) -> bytes:
        """The row streams of all series (docs/format.md, "Series streams")."""
        parts = [
            _HEADER.pack(SERIES_MAGIC, SERIES_STREAMS_VERSION, 0, len(self._streams))
        ]
        for name, stream in self._streams.items():
            for part in (name.encode(), stream.snapshot()):
                parts += [_SIZE.pack(len(part)), part]
        body = b"".join(parts)
        return body + struct.pack("<I", zlib.crc32(body))

    def restore(self, blob: bytes) -> None:
        """Go on where `snapshot` was taken; series not in it start anew.

        Raises:
            FormatError: cut short, changed, of a newer version, of one series only, or no
                snapshot at all.
            StateError: the snapshot of another model.
        """
        streams = {}
        for name, saved in _unpack(snapshot_bytes(blob)):
            streams[name] = self._stream(name)
            streams[name].restore(saved)
        self._streams = streams


def _unpack(blob: bytes) -> list[tuple[str, bytes]]:
    if blob[:4] != SERIES_MAGIC:
        raise FormatError(
            f"saved state: {len(blob)} bytes starting with {blob[:4]!r} are not the states "
            "of several series. Leave --series out to go on with one series."
        )
    version = int.from_bytes(blob[4:6], "little")
    if version > SERIES_STREAMS_VERSION:
        raise FormatError(
            f"saved state: version {version} is newer than version "
            f"{SERIES_STREAMS_VERSION}, which this rnnedge reads. "
            "Upgrade with: pip install --upgrade rnnedge."
        )
    body, checksum = blob[:-4], blob[-4:]
    if len(body) < _HEADER.size or checksum != struct.pack("<I", zlib.crc32(body)):
        raise FormatError(
            f"saved state: the checksum of its {len(blob)} bytes does not match. "
            "It was cut short or changed; use an older copy, or start without it."
        )
    *_, num_series = _HEADER.unpack_from(body)
    parts, offset = [], _HEADER.size
    while offset + _SIZE.size <= len(body):
        (size,) = _SIZE.unpack_from(body, offset)
        offset += _SIZE.size
        parts.append(body[offset : offset + size])
        offset += size
    if offset != len(body) or len(parts) != 2 * num_series:
        raise FormatError(
            f"saved state: its {len(body)} bytes do not hold {num_series} series. "
            "Use an older copy, or start without it."
        )
    names = [part.decode(errors="replace") for part in parts[::2]]
    return list(zip(names, parts[1::2], strict=True))
