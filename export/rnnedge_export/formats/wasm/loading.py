"""`load` for an exported module: run by Node, or read and computed in NumPy."""

from __future__ import annotations

import os
from pathlib import Path

from rnnedge_runtime.backends.numpy_engine import numpy_engine
from rnnedge_runtime.streams.engine import Engine
from rnnedge_runtime.streams.model import Model

from .reading import read_wasm
from .running import NodeEngine


def load_wasm(path: str | os.PathLike[str], *, is_run: bool = True) -> Model:
    """An exported module as a Model.

    Args:
        path: `NAME.wasm`.
        is_run: True: by Node; False: its weights in NumPy, the same bytes.

    Raises:
        FormatError: the file is not a whole artifact.
        MissingDependencyError: node is not installed.
        BoardError: node does not run it.
    """
    path = Path(path)
    metadata, parameters = read_wasm(path)
    engine: Engine = (
        NodeEngine(path, metadata, parameters=parameters)
        if is_run
        else numpy_engine(metadata.spec, parameters)
    )
    return Model(metadata, engine, path)
