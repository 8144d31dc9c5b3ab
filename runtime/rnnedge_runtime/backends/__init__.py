"""The backends by name, and which files each one reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..engine import Engine
from ..metadata import Metadata
from .float32 import open_numpy
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
    "onnx": Backend((".onnx",), open_onnx),
    "torchscript": Backend((".pt",), open_torchscript),
    "numpy": Backend((".rnne",), open_numpy),
    "reference": Backend((".onnx", ".rnne"), open_reference),
}

DEFAULT_BACKENDS: dict[str, str] = {".onnx": "onnx", ".rnne": "numpy"}
"""By file name ending; `.pt` is not here, because loading it runs a pickle."""
