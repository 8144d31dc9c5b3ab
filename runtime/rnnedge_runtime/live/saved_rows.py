"""Saved row streams as bytes (docs/format.md, "Row stream" and "Series streams").

All of a saved state is checked here before any of it is used.
"""

from __future__ import annotations

import math
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError, too_new
from ..streams.model import Model
from ..tables.time_grid import SlotClock

MAGIC = b"RNNR"
SERIES_MAGIC = b"RNNM"
ROW_STREAM_VERSION = 2
SERIES_STREAMS_VERSION = 1
FIRST_TIME_US, LAST_TIME_US = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The years 1 to 9999, as many as dates can be written of."""

MOST_STEPS = 2**62
"""Steps of a stream from which it can still go on as long again."""

_HEADER = struct.Struct("<4sHHdqqI")
_HEADER_1 = struct.Struct("<4sHHqqqI")
_SERIES_HEADER = struct.Struct("<4sHHI")
_SIZE = struct.Struct("<I")
_HAS_CLOCK, _HAS_FORECAST = 1, 2


SavedRows = tuple[SlotClock | None, NDArray[np.float32] | None, bytes]
"""Of a row stream: the place in time of its last row, None before one with a time; `[O]` the
forecast of that row, None where it is not known; the snapshot of the stream."""


def pack_rows(saved: SavedRows) -> bytes:
    """The bytes of a saved row stream."""
    clock, forecast, snapshot = saved
    flags = _HAS_CLOCK * (clock is not None) + _HAS_FORECAST * (forecast is not None)
    place = (clock.late_us, clock.slot, clock.time_us) if clock else (0.0, 0, 0)
    size = 0 if forecast is None else len(forecast)
    body = _HEADER.pack(MAGIC, ROW_STREAM_VERSION, flags, *place, size)
    body += b"" if forecast is None else forecast.astype("<f4").tobytes()
    return sealed(body + snapshot)


def unpack_rows(blob: bytes, model: Model) -> SavedRows:
    """A saved row stream of a model, or the snapshot of a Stream, checked in full.

    Raises:
        FormatError: cut short, changed, of another version, a field that cannot be.
        StateError: the state of another model.
    """
    if blob[:4] == SERIES_MAGIC:
        raise FormatError(
            "saved state: it holds several series, expected one. "
            "Name the column that tells them apart with --series COLUMN."
        )
    if blob[:4] != MAGIC:
        _check_snapshot(blob, model)
        return None, None, blob
    version = check_version(blob, ROW_STREAM_VERSION)
    check_sum(blob, _HEADER.size)
    header = _HEADER_1 if version < ROW_STREAM_VERSION else _HEADER
    _, _, flags, phase, slot, time_us, size = header.unpack_from(blob)
    if flags & ~(_HAS_CLOCK | _HAS_FORECAST):
        raise impossible(f"its flags are {flags}, the largest are 3")
    expected = model.spec.output_size if flags & _HAS_FORECAST else 0
    if size != expected:
        raise impossible(f"its forecast has {size} values, expected {expected}")
    end = _HEADER.size + 4 * size
    if end > len(blob) - 4:
        raise impossible(f"its forecast ends at byte {end} of {len(blob)}")
    clock = None
    if flags & _HAS_CLOCK:
        late_us = float(phase)
        if late_us == 0 and math.copysign(1, late_us) < 0:
            raise impossible("its last row came -0 us late")
        period_us = (model.spec.sample_period_s or 0.0) * 1e6
        if version < ROW_STREAM_VERSION:  # there the phase is the time of slot 0
            late_us = time_us - (phase + slot * period_us)
        clock = _checked_clock(model, late_us, slot, time_us)
    elif version == ROW_STREAM_VERSION and (phase or slot or time_us):
        raise impossible("it has a place in time, but its flags say that there is none")
    forecast = None
    if flags & _HAS_FORECAST:
        forecast = np.frombuffer(blob, "<f4", size, _HEADER.size).astype(np.float32)
    snapshot = blob[end:-4]
    _check_snapshot(snapshot, model)
    return clock, forecast, snapshot


def pack_series(streams: dict[str, bytes]) -> bytes:
    """The bytes of the saved row streams of several series."""
    parts = [_SERIES_HEADER.pack(SERIES_MAGIC, SERIES_STREAMS_VERSION, 0, len(streams))]
    for name, saved in streams.items():
        for part in (name.encode(), saved):
            parts += [_SIZE.pack(len(part)), part]
    return sealed(b"".join(parts))


def unpack_series(blob: bytes) -> dict[str, bytes]:
    """Saved row streams by series; they are not checked yet.

    Raises:
        FormatError: as `unpack_rows`, or of one series only.
    """
    if blob[:4] != SERIES_MAGIC:
        raise FormatError(
            f"saved state: {len(blob)} bytes starting with {blob[:4]!r} are not the states "
            "of several series. Leave --series out to go on with one series."
        )
    check_version(blob, SERIES_STREAMS_VERSION)
    check_sum(blob, _SERIES_HEADER.size)
    body = blob[:-4]
    _, _, flags, num_series = _SERIES_HEADER.unpack_from(body)
    if flags:
        raise impossible(f"its flags are {flags}, expected 0")
    parts, offset = [], _SERIES_HEADER.size
    while offset + _SIZE.size <= len(body):
        (size,) = _SIZE.unpack_from(body, offset)
        offset += _SIZE.size
        parts.append(body[offset : offset + size])
        offset += size
    if offset != len(body) or len(parts) != 2 * num_series:
        raise impossible(f"its {len(body)} bytes do not hold {num_series} series")
    try:
        names = [part.decode() for part in parts[::2]]
    except UnicodeDecodeError:
        raise impossible("the name of a series is not UTF-8") from None
    if len(set(names)) < len(names):
        raise impossible("two series have the same name")
    return dict(zip(names, parts[1::2], strict=True))


def _checked_clock(model: Model, late_us: float, slot: int, time_us: int) -> SlotClock:
    period_s = model.spec.sample_period_s
    if period_s is None:
        raise impossible("it has a place in time, but the model has no period")
    period_us = period_s * 1e6
    if not FIRST_TIME_US <= time_us <= LAST_TIME_US:
        raise impossible(f"the time of its last row, {time_us} us, is in no year")
    if not 0 <= slot <= 2 * (LAST_TIME_US - FIRST_TIME_US) / period_us + 2:
        raise impossible(f"its last row is in slot {slot} of {period_s:g} s")
    if not (math.isfinite(late_us) and abs(late_us) <= period_us):
        raise impossible(
            f"its last row came {late_us:g} us late, more than a period of {period_s:g} s"
        )
    return SlotClock(period_s, time_us, slot, late_us)


def _check_snapshot(blob: bytes, model: Model) -> None:
    num_steps, state = model.metadata.unpack(blob)
    if num_steps > MOST_STEPS:
        raise impossible(f"it counts {num_steps} steps, the largest is {MOST_STEPS}")
    for entry, tensor in zip(model.spec.state, state, strict=True):
        if not np.isfinite(tensor).all():
            raise impossible(f"its tensor '{entry.name}' holds NaN or infinity")


def check_version(blob: bytes, newest: int) -> int:
    """The version that a saved state says, 1 to `newest`."""
    version = int.from_bytes(blob[4:6], "little")
    if version > newest:
        raise too_new("saved state: version", version, newest)
    if version < 1 <= len(blob) - 6:
        raise impossible(f"it states version {version}, expected 1 to {newest}")
    return version


def check_sum(blob: bytes, header_size: int) -> None:
    """Raise FormatError unless the checksum at the end is that of what precedes."""
    if len(blob) < header_size + 4 or sealed(blob[:-4]) != blob:
        raise FormatError(
            f"saved state: the checksum of its {len(blob)} bytes does not match. "
            "It was cut short or changed; use an older copy, or start without it."
        )


def sealed(body: bytes) -> bytes:
    """The bytes with their checksum behind them."""
    return body + struct.pack("<I", zlib.crc32(body))


def impossible(what: str) -> FormatError:
    """The error of a field that cannot be."""
    return FormatError(
        f"saved state: {what}. It was not written by rnnedge; use an older copy, or start "
        "without it."
    )
