"""What an artifact says of itself and holds, read without onnxruntime, onnx or torch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rnnedge_runtime.artifact_file import check_is_file
from rnnedge_runtime.integrity import read_sealed
from rnnedge_runtime.metadata import (
    Metadata,
    metadata_from_text,
    unreadable_error,
    zip_texts,
)
from rnnedge_runtime.rnne_file import Parameters, read_rnne

from .c_source.reading import read_c_source
from .wasm.reading import is_wasm, read_wasm

_METADATA_PROPS = 14
_KEY, _VALUE = 1, 2
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_NBYTES = {_FIXED64: 8, _FIXED32: 4}


def read_metadata(path: Path) -> Metadata:
    """The description of a whole `.onnx`, `.pt`, `.rnne`, `.c` or `.wasm` artifact.

    Raises:
        FormatError: no such file, cut short, changed, too new or not an artifact.
    """
    check_is_file(path)
    if path.suffix.lower() == ".rnne":
        return read_rnne(path)[0]
    if path.suffix.lower() == ".c":
        return read_c_source(path)[0]
    if is_wasm(path):
        return read_wasm(path)[0]
    content = read_sealed(path)
    read = zip_texts if path.suffix.lower() == ".pt" else _metadata_props
    return metadata_from_text(read(content, where=path.name), where=path.name)


def read_parameters(path: Path) -> Parameters:
    """Weights or integers of an `.rnne`, `.c` or `.wasm` artifact, raising as above."""
    if is_wasm(path):
        return read_wasm(path)[1]
    if path.suffix.lower() == ".c":
        return read_c_source(path)[1]
    return read_rnne(path)[1]


def _metadata_props(content: bytes, *, where: str) -> dict[str, str]:
    """Keys and values of `ModelProto.metadata_props` (onnx.proto, field 14)."""
    try:
        entries = [
            dict(_fields(value))
            for number, value in _fields(content)
            if number == _METADATA_PROPS
        ]
        return {entry[_KEY].decode(): entry[_VALUE].decode() for entry in entries}
    except (KeyError, IndexError, ValueError):
        raise unreadable_error("a readable ONNX model", where=where) from None


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of the length-delimited fields of a protobuf message."""
    offset = 0
    while offset < len(message):
        tag, offset = _varint(message, offset)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == _VARINT:
            _, offset = _varint(message, offset)
        elif wire_type in _FIXED_NBYTES:
            offset += _FIXED_NBYTES[wire_type]
        elif wire_type == _BYTES:
            size, offset = _varint(message, offset)
            if offset + size > len(message):
                raise ValueError("cut short")
            yield number, message[offset : offset + size]
            offset += size
        else:
            raise ValueError("not a protobuf message")


def _varint(message: bytes, offset: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = message[offset]
        offset += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, offset
    raise ValueError("not a varint")
