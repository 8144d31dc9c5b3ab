"""What an ONNX artifact says of itself, read without onnxruntime and onnx."""

from __future__ import annotations

from pathlib import Path

from rnnedge_runtime.formats.metadata import (
    Metadata,
    metadata_from_text,
    unreadable_error,
)
from rnnedge_runtime.formats.protobuf import Message, fields
from rnnedge_runtime.formats.seal import read_sealed

_METADATA_PROPS = 14
_KEY, _VALUE = 1, 2


def read_onnx_metadata(path: Path) -> Metadata:
    """The description of a whole `.onnx` artifact.

    Raises:
        FormatError: cut short, changed, too new or not an artifact.
    """
    texts = _metadata_props(read_sealed(path), where=path.name)
    return metadata_from_text(texts, where=path.name)


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
