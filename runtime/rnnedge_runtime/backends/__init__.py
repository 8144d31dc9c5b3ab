"""The backends by name, and which files each one reads."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

from ..formats.metadata import Metadata
from ..streams.engine import Engine


@dataclass(frozen=True, slots=True)
class Backend:
    """How one backend opens an artifact. Its module is imported when it is first used.

    Attributes:
        suffixes: file name endings it reads.
        opener: module of this package and name of its function.
        is_bitwise: whether a run, its steps and a fleet give the same bits.
    """

    suffixes: tuple[str, ...]
    opener: tuple[str, str]
    is_bitwise: bool = False

    def open(self, path: Path) -> tuple[Metadata, Engine]:
        """Check the file's integrity, then read description and network."""
        module, function = self.opener
        opened: tuple[Metadata, Engine] = getattr(
            importlib.import_module(f"{__name__}.{module}"), function
        )(path)
        return opened


BACKENDS: dict[str, Backend] = {
    "native": Backend((".rnne",), ("native", "open_native"), is_bitwise=True),
    "numpy": Backend((".rnne",), ("numpy_engine", "open_numpy"), is_bitwise=True),
    "onnx": Backend((".onnx",), ("onnx", "open_onnx")),
    "torchscript": Backend((".pt",), ("torchscript", "open_torchscript")),
    "reference": Backend(
        (".rnne", ".onnx"), ("reference", "open_reference"), is_bitwise=True
    ),
}

NOT_LOADED = {
    ".c": "a C source is compiled into a program, not loaded",
    ".wasm": "a WebAssembly module runs in a browser or Node, it is not loaded",
}
"""Endings of artifacts that no backend reads, and why."""


def default_backend(suffix: str) -> str | None:
    """The backend for a file name ending when none is named.

    None for `.pt`, because loading it runs a pickle, and for files that are not artifacts.
    """
    if suffix == ".rnne":
        from .native import has_native

        return "native" if has_native() else "numpy"
    return "onnx" if suffix == ".onnx" else None
