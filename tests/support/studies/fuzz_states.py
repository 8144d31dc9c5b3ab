"""Saved states of row streams, changed at random with their checksums made right again."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable

import numpy as np

from rnnedge_runtime.errors import DataError, FormatError, StateError
from rnnedge_runtime.live.row_stream import RowStream
from rnnedge_runtime.live.saved_rows import MAGIC, SERIES_MAGIC
from rnnedge_runtime.live.series_streams import SeriesStreams
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.tables.rows.row import Row

EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 2**31 - 1, 2**31)
EXTREMES += (2**32 - 1, 2**52, 2**63 - 1, 2**63, 2**64 - 1, 0x7FF0 << 48, 0x7FF8 << 48)
_HEADER_NBYTES = 36


def samples(model: Model, num_rows: int = 5) -> list[bytes]:
    """Saved states of one series and of two, after some rows."""
    one, many = RowStream(model), SeriesStreams(model)
    rng = np.random.default_rng(0)
    found = [one.snapshot(), many.snapshot()]
    for k in range(num_rows):
        one.advance(row(model, k, rng))
        many.advance(row(model, k, rng, "a" if k % 2 else "b"))
    return [*found, one.snapshot(), many.snapshot()]


def row(
    model: Model, k: int, rng: np.random.Generator, series: str | None = None
) -> Row:
    """Row `k`, one period after row `k - 1`."""
    readings = rng.normal(size=model.spec.num_features).astype(np.float32)
    period_s = model.spec.sample_period_s or 60.0
    time_us = 1_357_020_000_000_000 + round(k * period_s * 1e6)
    return Row(k + 1, "", time_us, readings, series)


def mutated(blob: bytes, rng: random.Random) -> bytes:
    """A state with a few fields, bytes or parts changed, all checksums right."""
    changed = bytearray(blob)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        rng.choice((_set_byte, _set_field, _set_header, _cut, _repeat))(changed, rng)
    return seal(bytes(changed))


def seal(blob: bytes) -> bytes:
    """The checksums of a state made right: of its snapshot, of each series, its own."""
    if blob[:4] == SERIES_MAGIC:
        return _seal_series(blob)
    if blob[:4] != MAGIC or len(blob) < _HEADER_NBYTES + 8:
        return blob[:-4] + struct.pack("<I", zlib.crc32(blob[:-4]))
    (size,) = struct.unpack_from("<I", blob, _HEADER_NBYTES - 4)
    start = _HEADER_NBYTES + 4 * size
    inner = blob[start:-4]
    if len(inner) > 8:
        blob = blob[:start] + seal(inner) + blob[-4:]
    return blob[:-4] + struct.pack("<I", zlib.crc32(blob[:-4]))


def check(model: Model, blob: bytes) -> bool:
    """Restore a state, and step it where it is taken; whether it is.

    Raises:
        AssertionError: it was refused and changed the stream, or does not work.
        Exception: any other than FormatError and StateError is a fault.
    """
    is_taken = False
    kinds: tuple[Callable[[Model], RowStream | SeriesStreams], ...]
    kinds = (RowStream, SeriesStreams)
    for kind in kinds:
        stream = kind(model)
        before = stream.snapshot()
        try:
            stream.restore(blob)
        except (FormatError, StateError):
            assert stream.snapshot() == before
            continue
        is_taken = True
        rng = np.random.default_rng(0)
        last_us = getattr(stream, "last_time_us", None)
        series = None if kind is RowStream else "a"
        for k in range(3):
            one = row(model, k, rng, series)
            if last_us is None or last_us <= (one.time_us or 0):
                _advance(stream, one)
        again = kind(model)
        again.restore(stream.snapshot())
        assert again.snapshot() == stream.snapshot()
    return is_taken


def _advance(stream: RowStream | SeriesStreams, one: Row) -> None:
    try:
        stream.advance(one)
    except DataError as error:
        if not error.reason:
            raise


def _set_byte(blob: bytearray, rng: random.Random) -> None:
    if blob:
        blob[rng.randrange(len(blob))] = rng.randrange(256)


def _set_field(blob: bytearray, rng: random.Random) -> None:
    at, size = rng.randrange(max(1, len(blob))), rng.choice((2, 4, 8))
    value = rng.choice(EXTREMES) & (1 << 8 * size) - 1
    blob[at : at + size] = value.to_bytes(size, "little")


def _set_header(blob: bytearray, rng: random.Random) -> None:
    at, size = rng.choice(((4, 2), (6, 2), (8, 8), (16, 8), (24, 8), (32, 4), (8, 4)))
    value = rng.choice((*EXTREMES, rng.getrandbits(64))) & (1 << 8 * size) - 1
    blob[at : at + size] = value.to_bytes(size, "little")


def _cut(blob: bytearray, rng: random.Random) -> None:
    at = rng.randrange(max(1, len(blob)))
    del blob[at : at + rng.choice((1, 4, 16, len(blob)))]


def _repeat(blob: bytearray, rng: random.Random) -> None:
    at, size = rng.randrange(max(1, len(blob))), rng.choice((1, 4, 16))
    blob[at:at] = blob[at : at + size]


def _seal_series(blob: bytes) -> bytes:
    parts, offset, end = [blob[:12]], 12, len(blob) - 4
    is_state = False
    while offset + 4 <= end:
        (size,) = struct.unpack_from("<I", blob, offset)
        part = blob[offset + 4 : min(offset + 4 + size, end)]
        is_whole = is_state and len(part) == size > 8
        parts += [blob[offset : offset + 4], seal(part) if is_whole else part]
        offset, is_state = offset + 4 + len(part), not is_state
    body = b"".join([*parts, blob[offset:end]])
    return body + struct.pack("<I", zlib.crc32(body))
