"""Artifacts taken apart and put together again, checksums made right: what a changer can do."""

from __future__ import annotations

import contextlib
import io
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Callable

from rnnedge_export.formats.rnne.writing import assemble
from rnnedge_export.formats.wasm.building import SECTION
from rnnedge_export.formats.wasm.module import _sections, custom_section, leb128
from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.formats.protobuf import varint
from rnnedge_runtime.formats.rnne_file import (
    CHECKSUM_AT,
    CRITICAL,
    file_checksum,
    read_sections,
)
from rnnedge_runtime.formats.seal import BLANK_DIGITS, MARKER, seal

_DIGITS = re.compile(re.escape(MARKER) + rb"[0-9a-f]{64}")
_METADATA = 14


def resealed(content: bytes) -> bytes:
    """A sealed file with its SHA-256 made again; as it is where it holds no whole seal."""
    blank = _DIGITS.sub(MARKER + BLANK_DIGITS, content, count=1)
    with contextlib.suppress(FormatError):
        return seal(blank)
    return content


def resummed(content: bytes) -> bytes:
    """An `.rnne` file with its size and CRC32 made again."""
    if len(content) < 20:
        return content
    changed = bytearray(content)
    struct.pack_into("<I", changed, 12, len(changed))
    struct.pack_into("<I", changed, CHECKSUM_AT, file_checksum(bytes(changed)))
    return bytes(changed)


def resigned(content: bytes, suffix: str) -> bytes:
    """`resummed` or `resealed`, by the kind of file."""
    return resummed(content) if suffix == ".rnne" else resealed(content)


def with_sections(
    content: bytes, change: Callable[[dict[bytes, bytes]], object]
) -> bytes:
    """An `.rnne` file whose sections `change` has changed."""
    sections = read_sections(content, where="good")
    change(sections)
    return assemble(
        [
            (name, CRITICAL if name in (b"MODL", b"WGTS") else 0, section)
            for name, section in sections.items()
        ]
    )


def protobuf_fields(message: bytes) -> list[tuple[int, int, bytes]]:
    """Number, wire type and content of the fields of a message."""
    fields, at = [], 0
    while at < len(message):
        tag, at = varint(message, at)
        if tag & 7 == 2:
            size, at = varint(message, at)
        else:
            assert tag & 7 == 0
            size = varint(message, at)[1] - at
        fields.append((tag >> 3, tag & 7, message[at : at + size]))
        at += size
    return fields


def protobuf_message(fields: list[tuple[int, int, bytes]]) -> bytes:
    """The inverse."""
    return b"".join(
        leb128(number << 3 | wire) + (leb128(len(body)) if wire == 2 else b"") + body
        for number, wire, body in fields
    )


def onnx_texts(content: bytes) -> dict[str, str]:
    """`metadata_props`."""
    entries = [
        [body.decode() for _, _, body in protobuf_fields(body)]
        for number, _, body in protobuf_fields(content)
        if number == _METADATA
    ]
    return dict(entries)


def with_texts(
    content: bytes, suffix: str, change: Callable[[dict[str, str]], object]
) -> bytes:
    """An `.onnx` or `.pt` file whose texts `change` has changed, sealed again."""
    if suffix == ".onnx":
        texts = onnx_texts(content)
        change(texts)
        fields = [f for f in protobuf_fields(content) if f[0] != _METADATA]
        for key, value in texts.items():
            entry = [(1, 2, key.encode()), (2, 2, value.encode())]
            fields.append((_METADATA, 2, protobuf_message(entry)))
        return resealed(protobuf_message(fields))
    members = zip_members(content)
    texts = {
        name.split("/extra/", 1)[1]: body.decode()
        for name, body in members.items()
        if "/extra/" in name
    }
    change(texts)
    kept = {name: body for name, body in members.items() if "/extra/" not in name}
    extra = {f"archive/extra/{name}": body.encode() for name, body in texts.items()}
    return zipped(extra | kept, zip_comment(content))


def zip_members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zip_comment(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.comment


def zipped(members: dict[str, bytes], comment: bytes, method: int = 0) -> bytes:
    """A zip of members, sealed in its comment."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
        archive.comment = comment
    return resealed(file.getvalue())


def with_spec(content: bytes, suffix: str, change: Callable[[dict], object]) -> bytes:
    """A file whose description in JSON `change` has changed, signed again."""

    def changed(text: str) -> str:
        spec = json.loads(text)
        change(spec)
        return json.dumps(spec, separators=(",", ":"), sort_keys=True)

    if suffix == ".rnne":

        def change_section(sections: dict[bytes, bytes]) -> None:
            text = sections[b"SPEC"].rstrip(b"\0").decode()
            sections[b"SPEC"] = changed(text).encode()

        return with_sections(content, change_section)

    def change_texts(texts: dict[str, str]) -> None:
        texts["rnnedge.spec"] = changed(texts["rnnedge.spec"])

    return with_texts(content, suffix, change_texts)


def with_about(content: bytes, change: Callable[[dict], object]) -> bytes:
    """A `.wasm` file whose description `change` has changed."""
    *_, (_, body) = _sections(content)
    start = len(content) - len(body) - len(leb128(len(body))) - 1
    about = json.loads(body[1 + len(SECTION) :])
    change(about)
    text = json.dumps(about, separators=(",", ":")).encode()
    return resealed(content[:start] + custom_section(SECTION, text))


def snapshot_resummed(blob: bytes) -> bytes:
    """A snapshot or state with its CRC32 made again."""
    return blob[:-4] + struct.pack("<I", zlib.crc32(blob[:-4]))
