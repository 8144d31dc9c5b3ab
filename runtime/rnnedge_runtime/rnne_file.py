"""Reading an `.rnne` artifact with NumPy alone (docs/format.md, ".rnne").

The layout is known here and in the C core; `encode_model` gives the bytes of section `MODL`
for a spec, which both the writer and the reader's check use.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

from .artifact_file import read_file
from .errors import FormatError, NonFiniteError, ShapeError, SpecError
from .input_handling import CLIP_NONE
from .layers import (
    Activation,
    AddLast,
    Affine,
    Embedding,
    Gru,
    Layer,
    Linear,
    Lstm,
    Rnn,
    Softmax,
)
from .metadata import Golden, Metadata
from .spec import ModelSpec
from .spec_json import spec_from_json
from .weights import NUMERICS, Weights, canonical_weights, model_digest, weight_shapes

MAGIC = b"\x89RNNE\r\n\x1a"
VERSION = 1
MAX_SECTIONS = 64
CRITICAL = 1
KNOWN_SECTIONS = (b"MODL", b"WGTS", b"SPEC", b"GOLD", b"LONG", b"PROD")
REQUIRED_SECTIONS = (b"MODL", b"WGTS", b"SPEC", b"GOLD")

HEADER = struct.Struct("<8sIIIIII")
ENTRY = struct.Struct("<4sIII")
CHECKSUM_AT = 16
_MODEL = struct.Struct("<16s32sIIII")
_FEATURE = struct.Struct("<Ifff")
_DERIVED = struct.Struct("<IIq")
_LAYER = struct.Struct("<IIIII")
_LONG = struct.Struct("<II32s")

_KINDS: dict[type, int] = {
    Affine: 1,
    Embedding: 2,
    Rnn: 3,
    Gru: 4,
    Lstm: 5,
    Linear: 6,
    Activation: 7,
    Softmax: 8,
    AddLast: 9,
}
_VARIANTS = {"tanh": 0, "relu": 1, "sigmoid": 2}


def read_rnne(path: Path) -> tuple[Metadata, Weights]:
    """Description and canonical weights of an artifact, checked in full.

    Raises:
        FormatError: cut short, changed, too new, not an artifact, or its parts do not fit
            each other.
    """
    return parse_rnne(read_file(path), where=path.name)


def parse_rnne(content: bytes, *, where: str) -> tuple[Metadata, Weights]:
    """As `read_rnne`, from the bytes of a file; `where` names it in messages."""
    sections = read_sections(content, where=where)
    for name in REQUIRED_SECTIONS:
        if name not in sections:
            raise FormatError(
                f"{where}: section {name.decode()} is missing. "
                "The file was not written by rnnedge; export it again."
            )
    metadata = _metadata(sections, where=where)
    weights = _weights(metadata.spec, sections[b"WGTS"], where=where)
    digest = model_digest(metadata.spec, weights, numerics=metadata.numerics)
    if digest != metadata.digest:
        raise FormatError(
            f"{where}: spec and weights have digest {digest[:12]}, but the file states "
            f"{metadata.digest[:12]}. The file was changed; export it again."
        )
    return metadata, weights


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


def encode_model(spec: ModelSpec, digest: str, numerics: str = NUMERICS) -> bytes:
    """The content of section `MODL`.

    Raises:
        SpecError: the spec holds a graph that is not a chain of layers.
    """
    parts = [
        _MODEL.pack(
            numerics.encode(),
            bytes.fromhex(digest),
            spec.num_features,
            len(spec.derived),
            spec.output_size,
            len(spec.layers),
        )
    ]
    for feature in spec.features:
        low, high = feature.clip or (-CLIP_NONE, CLIP_NONE)
        rejects = int(feature.missing == "reject")
        parts.append(_FEATURE.pack(rejects, low, high, feature.initial))
    parts += [_DERIVED.pack(item.period_s, 0, item.offset_s) for item in spec.derived]
    parts += [_encode_layer(layer) for layer in spec.layers]
    return b"".join(parts)


def _encode_layer(layer: Layer) -> bytes:
    variant, hidden_size, tail = 0, 0, b""
    match layer:
        case Affine():
            variant = int(layer.inverse)
        case Embedding():
            hidden_size = layer.num_embeddings
        case Rnn():
            variant, hidden_size = _VARIANTS[layer.nonlinearity], layer.hidden_size
        case Gru():
            hidden_size = layer.hidden_size
        case Lstm():
            variant, hidden_size = int(layer.proj_size > 0), layer.hidden_size
        case Activation():
            variant = _VARIANTS[layer.function]
        case AddLast():
            tail = struct.pack(f"<{len(layer.sources)}I", *layer.sources)
        case Linear() | Softmax():
            pass
        case _:
            raise SpecError(
                f".rnne: the native format holds chains of layers, not '{layer.kind}'. "
                "Export the model to ONNX."
            )
    kind = _KINDS[type(layer)]
    sizes = (layer.input_size, layer.output_size, hidden_size)
    return _LAYER.pack(kind, variant, *sizes) + tail


def _check_header(content: bytes, where: str) -> int:
    """Number of sections."""
    if len(content) < HEADER.size or content[:8] != MAGIC:
        raise FormatError(
            f"{where}: {len(content)} bytes starting with {content[:8]!r} are not an .rnne "
            "file. Pass a file that `rnnedge export` wrote, copied as binary."
        )
    _, version, size, checksum, num_sections, *reserved = HEADER.unpack_from(content)
    if version > VERSION:
        raise FormatError(
            f"{where}: format version {version} is newer than version {VERSION}, which "
            "this rnnedge reads. Upgrade with: pip install --upgrade rnnedge."
        )
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
        raise FormatError(
            f"{where}: the header states version {version}, {num_sections} sections and "
            f"{size} bytes, which do not fit together. The file was not written by "
            "rnnedge; export it again."
        )
    return int(num_sections)


def _metadata(sections: dict[bytes, bytes], *, where: str) -> Metadata:
    spec = spec_from_json(_text(sections, b"SPEC", where), where=where)
    model = sections[b"MODL"]
    if len(model) < _MODEL.size:
        raise _misfit("MODL", where)
    digest = model[16:48].hex()
    numerics = model[:16].rstrip(b"\0").decode("ascii", "backslashreplace")
    if numerics != NUMERICS:
        raise FormatError(
            f"{where}: the file uses the arithmetic '{numerics}', this rnnedge computes "
            f"'{NUMERICS}'. Upgrade with: pip install --upgrade rnnedge."
        )
    if b"LONG" in sections:
        _check_long_run(sections[b"LONG"], spec, where=where)
    try:
        expected = encode_model(spec, digest)
    except (SpecError, struct.error, OverflowError):
        raise _misfit("SPEC", where) from None
    if model != expected:
        raise _misfit("MODL", where)
    return Metadata(
        spec=spec,
        digest=digest,
        numerics=numerics,
        golden=_golden(sections[b"GOLD"], spec, where=where),
        producer=_text(sections, b"PROD", where),
    )


def _golden(section: bytes, spec: ModelSpec, *, where: str) -> Golden:
    values = np.frombuffer(section[: len(section) // 4 * 4], dtype="<f4")
    num_steps = int(values[:1].view("<u4")[0]) if len(values) else 0
    num_x, num_y = num_steps * spec.input_size, num_steps * spec.output_size
    if len(section) != 4 * (1 + num_x + num_y):
        raise _misfit("GOLD", where)
    x = values[1 : 1 + num_x].reshape(num_steps, spec.input_size)
    y = values[1 + num_x :].reshape(num_steps, spec.output_size)
    return Golden(x.astype(np.float32), y.astype(np.float32))


def _check_long_run(section: bytes, spec: ModelSpec, *, where: str) -> None:
    if len(section) != _LONG.size + 8 * spec.input_size:
        raise _misfit("LONG", where)
    num_steps = _LONG.unpack_from(section)[0]
    inputs = np.frombuffer(section, dtype="<f4", offset=_LONG.size)
    if num_steps == 0 or not np.isfinite(inputs).all():
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


def _text(sections: dict[bytes, bytes], name: bytes, where: str) -> str:
    try:
        return sections.get(name, b"").rstrip(b"\0").decode()
    except UnicodeDecodeError:
        raise _misfit(name.decode(), where) from None


def _misfit(name: str, where: str) -> FormatError:
    return FormatError(
        f"{where}: section {name} does not fit the model description. "
        "The file was not written by rnnedge; export it again."
    )
