"""`load` for a generated source: compiled and run here, or read and computed in NumPy."""

from __future__ import annotations

import os
from pathlib import Path

from rnnedge_runtime.backends.numpy_engine import numpy_engine
from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.streams.engine import Engine
from rnnedge_runtime.streams.model import Model

from .reading import read_c_source
from .running import CEngine, find_compiler


def load_c(path: str | os.PathLike[str], *, is_compiled: bool | None = None) -> Model:
    """A generated source as a Model. Compiling runs it: load files you trust.

    Args:
        path: `NAME.c`, the headers beside it.
        is_compiled: True: by the compiler of this machine; False: its weights in NumPy,
            the same bytes; None: compiled where there is a compiler.

    Raises:
        FormatError: the file is not a whole artifact, or cannot be compiled.
    """
    path = Path(path)
    metadata, parameters = read_c_source(path)
    if is_compiled is None:
        is_compiled = bool(find_compiler())
    engine: Engine = (
        CEngine(path, metadata, parameters=parameters)
        if is_compiled
        else numpy_engine(metadata.spec, parameters)
    )
    return Model(metadata, engine, path)


def is_c_source(path: str | os.PathLike[str]) -> bool:
    """Whether a file name is that of a source, not of a header."""
    return Path(path).suffix.lower() == ".c"


def check_is_source(path: str | os.PathLike[str]) -> None:
    """Raise FormatError for a header, which is only part of an artifact."""
    if Path(path).suffix.lower() == ".h":
        raise FormatError(
            f"{Path(path).name}: a header is only part of a model. "
            f"Name the source beside it, {Path(path).stem}.c."
        )
