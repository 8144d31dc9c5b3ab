"""Snapshots: the state of one stream as bytes (docs/format.md, "Snapshot").

Little-endian: magic `RNNS`, uint16 version, uint16 number of tensors, 16 bytes of the model
digest, 16 bytes of numerics name padded with zeros, uint64 step count, then per tensor
uint32 element type (0 float32, 1 float64), uint32 number of values and the values, then the
CRC32 of all that precedes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np

from ..arrays import State
from ..errors import FormatError, StateError, too_new
from ..spec.model_spec import StateEntry

MAGIC = b"RNNS"
SNAPSHOT_VERSION = 1
MAX_STEPS = 2**63 - 1
_HEADER = struct.Struct("<4sHH16s16sQ")
_STEPS_AT = 40
_TENSOR = struct.Struct("<II")
_DTYPES = ("<f4", "<f8")


def pack_snapshot(digest: str, numerics: str, num_steps: int, state: State) -> bytes:
    """The snapshot of `state`, one stream's tensors in the order of `ModelSpec.state`."""
    parts = [
        _HEADER.pack(
            MAGIC,
            SNAPSHOT_VERSION,
            len(state),
            bytes.fromhex(digest)[:16],
            numerics.encode(),
            num_steps,
        )
    ]
    for tensor in state:
        code = 1 if tensor.dtype == np.float64 else 0
        parts += [
            _TENSOR.pack(code, tensor.size),
            tensor.astype(_DTYPES[code]).tobytes(),
        ]
    body = b"".join(parts)
    return body + struct.pack("<I", zlib.crc32(body))


def unpack_snapshot(
    blob: bytes, entries: Sequence[StateEntry], *, digest: str, numerics: str
) -> tuple[int, State]:
    """Step count and tensors of a snapshot, checked in full before anything is returned.

    Raises:
        FormatError: cut short, changed, of a newer version, or not as the format says.
        StateError: the snapshot of another model or of other numerics.
    """
    blob = snapshot_bytes(blob)
    if len(blob) < _HEADER.size + 4 or blob[:4] != MAGIC:
        raise FormatError(
            f"snapshot: {len(blob)} bytes starting with {blob[:4]!r} are not a snapshot. "
            "Pass the bytes that Stream.snapshot() returned."
        )
    body, (checksum,) = blob[:-4], struct.unpack("<I", blob[-4:])
    _, version, num_tensors, model, name, num_steps = _HEADER.unpack_from(body)
    if version > SNAPSHOT_VERSION:
        raise too_new("snapshot: version", version, SNAPSHOT_VERSION)
    if zlib.crc32(body) != checksum:
        raise FormatError(
            f"snapshot: the checksum of its {len(blob)} bytes does not match. "
            "It was cut short or changed; use an older snapshot or reset the stream."
        )
    if version < 1:
        raise _not_ours(f"it states version {version}, expected {SNAPSHOT_VERSION}")
    if model != bytes.fromhex(digest)[:16] or name.rstrip(b"\0") != numerics.encode():
        found = name.rstrip(b"\0").decode(errors="replace")
        raise StateError(
            f"snapshot: it belongs to model {model.hex()} ({found}), "
            f"but this stream runs model {digest[:32]} ({numerics}). "
            "Load the artifact it was taken from, or reset the stream."
        )
    if num_steps > MAX_STEPS:
        raise _not_ours(
            f"its step count {num_steps} at byte {_STEPS_AT} is wrong, the largest "
            f"is {MAX_STEPS}"
        )
    if num_tensors != len(entries):
        raise _not_ours(
            f"it holds {num_tensors} tensors, but the model's state consists of "
            f"{len(entries)}"
        )
    return num_steps, _unpack_tensors(body, entries)


def snapshot_bytes(blob: bytes | bytearray | memoryview) -> bytes:
    """`blob` as bytes.

    Raises:
        FormatError: it is not bytes, for example text or the path of a file.
    """
    try:
        return bytes(memoryview(blob))
    except TypeError:
        raise FormatError(
            f"snapshot: {type(blob).__name__} was given, expected bytes. "
            "Pass what snapshot() returned; of a file, Path.read_bytes()."
        ) from None


def _unpack_tensors(body: bytes, entries: Sequence[StateEntry]) -> State:
    state: State = []
    offset = _HEADER.size
    for entry in entries:
        tensor_at = f"tensor '{entry.name}' at byte {offset}"
        if offset + _TENSOR.size > len(body):
            raise _not_ours(f"{tensor_at} is missing")
        code, size = _TENSOR.unpack_from(body, offset)
        if code >= len(_DTYPES):
            raise _not_ours(
                f"{tensor_at} has the unknown element type {code}, expected 0 (float32) "
                "or 1 (float64)"
            )
        if size != entry.size:
            needed = f"but the model needs {entry.size}"
            raise _not_ours(f"{tensor_at} has {size} values, {needed}")
        dtype = np.dtype(_DTYPES[code])
        start, offset = offset, offset + _TENSOR.size + size * dtype.itemsize
        if offset > len(body):
            end = f"ends at byte {offset}, past the last, {len(body)}"
            raise _not_ours(f"{tensor_at} {end}")
        tensor = np.frombuffer(body, dtype, size, start + _TENSOR.size)
        state.append(tensor.reshape(entry.shape).astype(dtype.newbyteorder("=")))
    if offset != len(body):
        raise _not_ours(
            f"{len(body) - offset} bytes follow the last tensor at byte {offset}, "
            "expected none"
        )
    return state


def _not_ours(what: str) -> FormatError:
    return FormatError(
        f"snapshot: {what}. It was not written by rnnedge; take a new snapshot."
    )
