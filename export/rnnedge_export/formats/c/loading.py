"""`load` for a generated source: compiled and run here, or read and computed in NumPy."""

from __future__ import annotations

import os
from pathlib import Path

from rnnedge_runtime.backends.numpy_engine import numpy_engine
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
