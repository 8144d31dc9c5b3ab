"""Any artifact in the backend that `verify` runs it in."""

from __future__ import annotations

import os
from pathlib import Path

from rnnedge_runtime.backends import BACKENDS
from rnnedge_runtime.loading import load
from rnnedge_runtime.streams.model import Model

from .c.loading import check_is_source, is_c_source, load_c
from .wasm.loading import load_wasm
from .wasm.reading import is_wasm


def open_artifact(path: str | os.PathLike[str], backend: str | None) -> Model:
    """A C source compiled, WebAssembly in node, any other by `backend` where that reads it.

    Raises:
        FormatError: a file that is not a whole artifact.
        MissingDependencyError: the backend's package is not installed.
    """
    check_is_source(path)
    if is_c_source(path):
        return load_c(path)
    if is_wasm(Path(path)):
        return load_wasm(path)
    return load(path, _backend_for(os.fspath(path), backend))


def _backend_for(path: str, backend: str | None) -> str | None:
    known = BACKENDS.get(backend or "")
    if known is not None and not path.lower().endswith(known.suffixes):
        return None
    return backend
