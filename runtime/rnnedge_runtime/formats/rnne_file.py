"""Reading an `.rnne` artifact with NumPy alone (docs/format.md, ".rnne").

The layout is known here and in the C core.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

from ..errors import (
    FormatError,
    NonFiniteError,
    ShapeError,
    SpecError,
    too_new,
    unfit_file,
)
from ..numerics.f32 import NUMERICS
from ..numerics.w8a16 import INTEGER_NUMERICS
from ..spec.model_spec import ModelSpec
from ..spec.parameters import Parameters, digest_of
from ..spec.spec_json import spec_from_json
from ..spec.w8a16_model import QuantisedModel, Tensor, tensor_types
from ..spec.weights import Weights, canonical_weights, weight_shapes
from .files import read_file
from .metadata import (
    Golden,
    Metadata,
    check_digest,
    check_golden,
    limits_from_json,
)
from .rnne_model import encode_model, encode_ranges, kept_layers, numerics_of

MAGIC = b"\x89RNNE\r\n\x1a"
VERSION = 2
MAX_SECTIONS = 64
CRITICAL = 1
KNOWN_SECTIONS = (
    b"MODL",
    b"WGTS",
    b"SPEC",
    b"GOLD",
    b"LONG",
    b"PROD",
    b"RNGE",
    b"JUDG",
    b"BNDS",
)
REQUIRED_SECTIONS = (b"MODL", b"WGTS", b"SPEC", b"GOLD")

HEADER = struct.Struct("<8sIIIIII")
ENTRY = struct.Struct("<4sIII")
CHECKSUM_AT = 16
_LONG = struct.Struct("<II32s")
LARGEST_LONG_RUN = 10_000


DIGEST_AT = slice(16, 48)


def read_rnne(path: Path) -> tuple[Metadata, Parameters]:
    """Description and canonical weights, or integers, of an artifact, checked in full.

    Raises:
        FormatError: cut short, changed, too new, not an artifact, or its parts do not fit
            each other.
    """
    return parse_rnne(read_file(path), where=path.name)


def parse_rnne(content: bytes, *, where: str) -> tuple[Metadata, Parameters]:
    """As `read_rnne`, from the bytes of a file; `where` names it in messages."""
    sections = read_sections(content, where=where)
    for name in REQUIRED_SECTIONS:
        if name not in sections:
            raise unfit_file(where, f"section {name.decode()} is missing")
    metadata = _metadata(sections, where=where)
    tensors = sections[b"WGTS"]
    parameters: Parameters
    if metadata.is_integer:
        kept = kept_layers(sections[b"MODL"], metadata.spec)
        parameters = _integers(metadata.spec, kept, tensors, where=where)
    else:
        parameters = _weights(metadata.spec, tensors, where=where)
    digest = digest_of(metadata.spec, parameters)
    check_digest("spec and weights", digest, metadata.digest, where=where)
    return metadata, parameters


def read_sections(content: bytes, *, where: str) -> dict[bytes, bytes]:
    """Contents of the known sections by type, after the checks of header and table.

    Raises:
        FormatError: a check of docs/format.md fails; the message names the byte.
    """
    num_sections = _check_header(content, where)
    sections: dict[bytes, bytes] = {}
    end = HEADER.size + num_sections * ENTRY.size
    for k in range(num_sections):
        at = HEADER.size + k * ENTRY.size
        name, flags, offset, size = ENTRY.unpack_from(content, at)
        shown = name.decode("ascii", "backslashreplace")
        if (
            offset % 4
            or offset < end
            or size > len(content) - offset
            or name in sections
        ):
            raise FormatError(
                f"{where}: section {shown} (table entry at byte {at}) claims bytes {offset} "
                f"to {offset + size}, but must lie within {end} and {len(content)} and "
                "appear once. The file is damaged; export it again."
            )
        if flags & ~CRITICAL or (flags & CRITICAL and name not in KNOWN_SECTIONS):
            raise FormatError(
                f"{where}: section {shown} (table entry at byte {at}) is one this rnnedge "
                "does not know and may not skip. "
                "Upgrade with: pip install --upgrade rnnedge."
            )
        sections[name] = content[offset : offset + size]
        end = offset + size
    return sections


def file_checksum(content: bytes) -> int:
    """CRC32 of a file whose checksum field counts as zero."""
    start = zlib.crc32(content[:CHECKSUM_AT])
    return zlib.crc32(content[CHECKSUM_AT + 4 :], zlib.crc32(bytes(4), start))


def _check_header(content: bytes, where: str) -> int:
    """Number of sections."""
    if len(content) < HEADER.size or content[:8] != MAGIC:
        raise FormatError(
            f"{where}: {len(content)} bytes starting with {content[:8]!r} are not an .rnne "
            "file. Pass a file that `rnnedge export` wrote, copied as binary."
        )
    _, version, size, checksum, num_sections, *reserved = HEADER.unpack_from(content)
    if version > VERSION:
        raise too_new(f"{where}: format version", version, VERSION)
    if size != len(content):
        raise FormatError(
            f"{where}: the file has {len(content)} bytes, but states {size}. "
            "It is cut short or was appended to; copy it again or export it again."
        )
    if file_checksum(content) != checksum:
        raise FormatError(
            f"{where}: the checksum of its {size} bytes does not match. "
            "The file was changed; copy it again or export it again."
        )
    table_end = HEADER.size + num_sections * ENTRY.size
    if (
        version < 1
        or size % 4
        or not 1 <= num_sections <= MAX_SECTIONS
        or table_end > size
        or any(reserved)
    ):
        raise unfit_file(
            where,
            f"the header states version {version}, {num_sections} sections and "
            f"{size} bytes, which do not fit together",
        )
    return int(num_sections)


def _metadata(sections: dict[bytes, bytes], *, where: str) -> Metadata:
    spec = spec_from_json(_text(sections, b"SPEC", where), where=where)
    model = sections[b"MODL"]
    if len(model) < DIGEST_AT.stop:
        raise _misfit("MODL", where)
    digest = model[DIGEST_AT].hex()
    numerics = numerics_of(model)
    if numerics not in (NUMERICS, INTEGER_NUMERICS):
        raise FormatError(
            f"{where}: the file uses the arithmetic '{numerics}', this rnnedge computes "
            f"'{NUMERICS}' and '{INTEGER_NUMERICS}'. "
            "Upgrade with: pip install --upgrade rnnedge."
        )
    if b"LONG" in sections:
        _check_long_run(sections[b"LONG"], spec, where=where)
    try:
        kept = kept_layers(model, spec) if numerics == INTEGER_NUMERICS else None
        expected = encode_model(spec, digest, kept)
    except (SpecError, struct.error, OverflowError):
        raise _misfit("SPEC", where) from None
    if model != expected:
        raise _misfit("MODL", where)
    if sections.get(b"RNGE") != (encode_ranges(spec) or None):
        raise _misfit("RNGE", where)
    return Metadata(
        spec=spec,
        digest=digest,
        numerics=numerics,
        golden=_golden(sections[b"GOLD"], spec, where=where),
        producer=_text(sections, b"PROD", where),
        int8_judgement=_text(sections, b"JUDG", where),
        limits=limits_from_json(_text(sections, b"BNDS", where), spec, where=where),
    )


def _golden(section: bytes, spec: ModelSpec, *, where: str) -> Golden:
    values = np.frombuffer(section[: len(section) // 4 * 4], dtype="<f4")
    num_steps = int(values[:1].view("<u4")[0]) if len(values) else 0
    num_x, num_y = num_steps * spec.input_size, num_steps * spec.output_size
    if len(section) != 4 * (1 + num_x + num_y):
        raise _misfit("GOLD", where)
    x = values[1 : 1 + num_x].reshape(num_steps, spec.input_size)
    y = values[1 + num_x :].reshape(num_steps, spec.output_size)
    golden = Golden(x.astype(np.float32), y.astype(np.float32))
    return check_golden(golden, spec, where=where)


def _check_long_run(section: bytes, spec: ModelSpec, *, where: str) -> None:
    if len(section) != _LONG.size + 8 * spec.input_size:
        raise _misfit("LONG", where)
    num_steps = _LONG.unpack_from(section)[0]
    inputs = np.frombuffer(section, dtype="<f4", offset=_LONG.size)
    if not 0 < num_steps <= LARGEST_LONG_RUN or not np.isfinite(inputs).all():
        raise _misfit("LONG", where)


def _weights(spec: ModelSpec, section: bytes, *, where: str) -> Weights:
    shapes = weight_shapes(spec)
    sizes = [int(np.prod(shape, dtype=np.int64)) for shape in shapes.values()]
    if len(section) != 4 * sum(sizes):
        raise _misfit("WGTS", where)
    flat = np.frombuffer(section, dtype="<f4")
    weights: Weights = {}
    start = 0
    for (name, shape), size in zip(shapes.items(), sizes, strict=True):
        weights[name] = flat[start : start + size].reshape(shape)
        start += size
    try:
        return canonical_weights(spec, weights)
    except (ShapeError, NonFiniteError) as error:
        raise FormatError(f"{where}: {error}") from None


def _integers(
    spec: ModelSpec, kept: frozenset[int], section: bytes, *, where: str
) -> QuantisedModel:
    types = tensor_types(spec, kept)
    tensors: dict[str, Tensor] = {}
    at = 0
    for name, (kind, shape) in types.items():
        dtype = np.dtype(kind)
        size = int(np.prod(shape, dtype=np.int64))
        end = at + size * dtype.itemsize
        if end > len(section):
            raise _misfit("WGTS", where)
        stored = np.frombuffer(section, dtype, size, at).reshape(shape)
        tensors[name] = stored.astype(dtype.newbyteorder("="))
        at = end + -end % 4
    if at != len(section):
        raise _misfit("WGTS", where)
    try:
        return QuantisedModel(spec, kept, tensors)
    except FormatError as error:
        raise FormatError(f"{where}: {error}") from None


def _text(sections: dict[bytes, bytes], name: bytes, where: str) -> str:
    try:
        return sections.get(name, b"").rstrip(b"\0").decode()
    except UnicodeDecodeError:
        raise _misfit(name.decode(), where) from None


def _misfit(name: str, where: str) -> FormatError:
    return unfit_file(where, f"section {name} does not fit the model description")
