"""The backends by name, and which files each one reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..engine import Engine
from ..metadata import Metadata
from .float32 import open_numpy
from .native import has_native, open_native
from .onnx import open_onnx
from .reference import open_reference
from .torchscript import open_torchscript


@dataclass(frozen=True, slots=True)
class Backend:
    """How one backend opens an artifact.

    Attributes:
        suffixes: file name endings it reads.
        open: checks the file's integrity, then reads description and network. Imports what
            it needs beyond numpy inside the call.
    """

    suffixes: tuple[str, ...]
    open: Callable[[Path], tuple[Metadata, Engine]]


BACKENDS: dict[str, Backend] = {
    "native": Backend((".rnne",), open_native),
    "numpy": Backend((".rnne",), open_numpy),
    "onnx": Backend((".onnx",), open_onnx),
    "torchscript": Backend((".pt",), open_torchscript),
    "reference": Backend((".rnne", ".onnx"), open_reference),
}


def default_backend(suffix: str) -> str | None:
    """The backend for a file name ending when none is named.

    None for `.pt`, because loading it runs a pickle, and for files that are not artifacts.
    """
    if suffix == ".rnne":
        return "native" if has_native() else "numpy"
    return "onnx" if suffix == ".onnx" else None
