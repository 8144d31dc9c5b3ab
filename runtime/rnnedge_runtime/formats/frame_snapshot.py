"""Snapshots in the middle of a frame: the rows that wait, around a snapshot of the network.

Little-endian: magic `RNNF`, uint16 version, uint16 zero, uint32 number of values, the
values of these rows as float32, the snapshot after the last frame, then the CRC32 of all
that precedes. Between two frames it is the snapshot alone, as the C core takes it.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from ..errors import FormatError, too_new
from ..spec.model_spec import ModelSpec
from .snapshot import snapshot_bytes

MAGIC = b"RNNF"
FRAME_VERSION = 1
_HEADER = struct.Struct("<4sHHI")


def pack_frame(snapshot: bytes, rows: NDArray[np.float32]) -> bytes:
    """The snapshot of a stream with rows `[n, F]` that wait for the rest of their frame."""
    if not len(rows):
        return snapshot
    header = _HEADER.pack(MAGIC, FRAME_VERSION, 0, rows.size)
    body = header + rows.astype("<f4").tobytes() + snapshot
    return body + struct.pack("<I", zlib.crc32(body))


def unpack_frame(blob: bytes, spec: ModelSpec) -> tuple[bytes, NDArray[np.float32]]:
    """The snapshot of the network, and the rows `[n, F]` that wait; any other as it is.

    Raises:
        FormatError: cut short, changed, of a newer version, or rows that make no part of a
            frame of the model.
    """
    blob = snapshot_bytes(blob)
    size = spec.by_row.num_features
    if blob[:4] != MAGIC or spec.rows_per_step == 1:
        return blob, np.empty((0, size), dtype=np.float32)
    if len(blob) < _HEADER.size + 4 or zlib.crc32(blob[:-4]) != int.from_bytes(
        blob[-4:], "little"
    ):
        raise FormatError(
            f"snapshot: the checksum of its {len(blob)} bytes does not match. "
            "It was cut short or changed; use an older snapshot or reset the stream."
        )
    _, version, zero, num_values = _HEADER.unpack_from(blob)
    if version > FRAME_VERSION:
        raise too_new("snapshot: version", version, FRAME_VERSION)
    num_rows, rest = divmod(num_values, size)
    end = _HEADER.size + 4 * num_values
    if (
        version < 1
        or zero
        or rest
        or not 1 <= num_rows < spec.rows_per_step
        or end > len(blob) - 4
    ):
        raise FormatError(
            f"snapshot: it holds {num_values} values of a frame not yet full, expected "
            f"fewer than {spec.rows_per_step} rows of {size}. It was not written by "
            "rnnedge; take a new snapshot."
        )
    rows = np.frombuffer(blob, "<f4", num_values, _HEADER.size).astype(np.float32)
    return blob[end:-4], rows.reshape(num_rows, size)
