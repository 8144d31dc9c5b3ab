"""Batches, outcomes and records as bytes, little-endian (docs/format.md, "State folder").

They come back bit for bit: NaN and signed zeros too.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ....errors import FormatError
from ..nouns import Batch, Outcome

_RECORD = struct.Struct("<qIIIH")
_OUTCOME = struct.Struct("<QqIII")
_SIZE = struct.Struct("<I")
_NUMBER = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class Record:
    """One batch in the journal.

    Attributes:
        batch: what the streams took.
        names: of the series that came with it, in the order of their numbers.
        delivered: by sink, up to which sequence all forecasts had arrived before it.
    """

    batch: Batch
    names: tuple[str, ...] = ()
    delivered: tuple[int, ...] = ()


def pack_record(
    batch: Batch, names: Sequence[str] = (), delivered: Sequence[int] = ()
) -> bytes:
    """The bytes of a record."""
    size, width = batch.values.shape
    parts = [_RECORD.pack(batch.now_us, size, width, len(names), len(delivered))]
    parts += [_NUMBER.pack(number) for number in delivered]
    for name in names:
        text = name.encode("utf-8", "surrogatepass")
        parts += [_SIZE.pack(len(text)), text]
    parts += [
        np.ascontiguousarray(batch.series, "<i4").tobytes(),
        np.ascontiguousarray(batch.time_us, "<i8").tobytes(),
        np.ascontiguousarray(batch.values, "<f4").tobytes(),
    ]
    return b"".join(parts)


def unpack_record(blob: bytes) -> Record:
    """A record, checked against its length.

    Raises:
        FormatError: its parts do not fill it.
    """
    try:
        now_us, size, width, num_names, num_sinks = _RECORD.unpack_from(blob)
        at = _RECORD.size
        delivered = struct.unpack_from(f"<{num_sinks}Q", blob, at)
        at += 8 * num_sinks
        names = []
        for _ in range(num_names):
            (length,) = _SIZE.unpack_from(blob, at)
            at += _SIZE.size
            if at + length > len(blob):
                raise _wrong("record", blob)
            names.append(blob[at : at + length].decode("utf-8", "surrogatepass"))
            at += length
    except (struct.error, UnicodeDecodeError):
        raise _wrong("record", blob) from None
    if at + size * (12 + 4 * width) != len(blob):
        raise _wrong("record", blob)
    series = np.frombuffer(blob, "<i4", size, at).astype(np.int32)
    at += 4 * size
    time_us = np.frombuffer(blob, "<i8", size, at).astype(np.int64)
    at += 8 * size
    values = np.frombuffer(blob, "<f4", size * width, at).astype(np.float32)
    batch = Batch(now_us, series, time_us, values.reshape(size, width))
    return Record(batch, tuple(names), delivered)


def pack_outcome(outcome: Outcome) -> bytes:
    """The bytes of an outcome; what answers the source is not kept."""
    size, width = outcome.readings.shape
    return b"".join(
        (
            _OUTCOME.pack(
                outcome.sequence, outcome.now_us, size, width, outcome.values.shape[1]
            ),
            np.ascontiguousarray(outcome.series, "<i4").tobytes(),
            np.ascontiguousarray(outcome.time_us, "<i8").tobytes(),
            np.ascontiguousarray(outcome.readings, "<f4").tobytes(),
            np.ascontiguousarray(outcome.values, "<f4").tobytes(),
        )
    )


def unpack_outcome(blob: bytes, *, is_late: bool = False) -> Outcome:
    """An outcome, checked against its length; its rows are -1.

    Raises:
        FormatError: its parts do not fill it.
    """
    if len(blob) < _OUTCOME.size:
        raise _wrong("outcome", blob)
    sequence, now_us, size, width, outputs = _OUTCOME.unpack_from(blob)
    if _OUTCOME.size + size * (12 + 4 * width + 4 * outputs) != len(blob):
        raise _wrong("outcome", blob)
    at = _OUTCOME.size
    series = np.frombuffer(blob, "<i4", size, at).astype(np.int32)
    at += 4 * size
    time_us = np.frombuffer(blob, "<i8", size, at).astype(np.int64)
    at += 8 * size
    readings = np.frombuffer(blob, "<f4", size * width, at).astype(np.float32)
    at += 4 * size * width
    values = np.frombuffer(blob, "<f4", size * outputs, at).astype(np.float32)
    return Outcome(
        sequence,
        now_us,
        series,
        time_us,
        readings.reshape(size, width),
        values.reshape(size, outputs),
        np.full(size, -1, np.int32),
        is_late,
    )


def _wrong(what: str, blob: bytes) -> FormatError:
    return FormatError(
        f"state folder: the parts of a saved {what} do not fill its {len(blob)} bytes. It "
        "was not written by rnnedge; use an older copy, or start without it."
    )
