"""What an artifact says of itself, read without onnxruntime, onnx or torch."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.integrity import read_sealed
from rnnedge_runtime.metadata import Metadata, metadata_from_text
from rnnedge_runtime.rnne_file import read_rnne

_EXTRA = "/extra/"
_METADATA_PROPS = 14
_KEY, _VALUE = 1, 2
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_NBYTES = {_FIXED64: 8, _FIXED32: 4}


def read_metadata(path: Path) -> Metadata:
    """The description of a whole `.onnx`, `.pt` or `.rnne` artifact.

    Raises:
        FormatError: no such file, cut short, changed, too new or not an artifact.
    """
    if not path.is_file():
        raise FormatError(
            f"{path}: there is no such file. Name a file that `rnnedge export` wrote."
        )
    if path.suffix.lower() == ".rnne":
        return read_rnne(path)[0]
    content = read_sealed(path)
    read = _extra_files if path.suffix.lower() == ".pt" else _metadata_props
    return metadata_from_text(read(content, path.name), where=path.name)


def _extra_files(content: bytes, where: str) -> dict[str, str]:
    """The text files that lie beside the module in a TorchScript zip."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return {
                name.split(_EXTRA, 1)[1]: archive.read(name).decode()
                for name in archive.namelist()
                if _EXTRA in name
            }
    except (zipfile.BadZipFile, ValueError):
        raise _unreadable(where, "a zip, as a TorchScript file is") from None


def _metadata_props(content: bytes, where: str) -> dict[str, str]:
    """Keys and values of `ModelProto.metadata_props` (onnx.proto, field 14)."""
    try:
        entries = [
            dict(_fields(value))
            for number, value in _fields(content)
            if number == _METADATA_PROPS
        ]
        return {entry[_KEY].decode(): entry[_VALUE].decode() for entry in entries}
    except (KeyError, IndexError, ValueError):
        raise _unreadable(where, "a readable ONNX model") from None


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


def _unreadable(where: str, what: str) -> FormatError:
    return FormatError(
        f"{where}: the file is not {what}. "
        "Give it the ending it was exported with, or export it again."
    )
