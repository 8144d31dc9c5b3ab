"""What an artifact says of itself and holds, read without onnxruntime, onnx or torch."""

from __future__ import annotations

from pathlib import Path

from rnnedge_runtime.formats.files import check_is_file
from rnnedge_runtime.formats.metadata import (
    Metadata,
    metadata_from_text,
    unreadable_error,
    zip_texts,
)
from rnnedge_runtime.formats.protobuf import Message, fields
from rnnedge_runtime.formats.rnne_file import read_rnne
from rnnedge_runtime.formats.seal import read_sealed
from rnnedge_runtime.spec.parameters import Parameters

from .c.reading import read_c_source
from .wasm.reading import is_wasm, read_wasm

_METADATA_PROPS = 14
_KEY, _VALUE = 1, 2


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
            dict(fields(value))
            for number, value in fields(content)
            if number == _METADATA_PROPS and isinstance(value, bytes)
        ]
        return {_text(entry[_KEY]): _text(entry[_VALUE]) for entry in entries}
    except (KeyError, ValueError):
        raise unreadable_error("a readable ONNX model", where=where) from None


def _text(value: int | Message) -> str:
    if isinstance(value, int):
        raise ValueError("not a text")
    return bytes(value).decode()
