"""The TorchScript engine. The one place of the runtime that imports torch, in a call.

A TorchScript file holds a pickle: loading one from an unknown origin can run any code, so
this backend is never chosen by default. Integrity is checked before torch sees the file.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, State
from ..errors import FormatError, first_line, require
from ..formats.metadata import Metadata, metadata_from_text, zip_texts
from ..formats.seal import read_sealed
from ..spec.model_spec import ModelSpec
from ..streams.engine import Engine, initial_state
from ..streams.run_stepper import RunStepper
from .one_by_one import run_one_by_one


def open_torchscript(path: Path) -> tuple[Metadata, Engine]:
    """Description and engine of a `.pt` artifact.

    Raises:
        FormatError: the file is damaged, too new, not an artifact, or its module does not
            return what its description says.
        MissingDependencyError: torch is not installed.
    """
    content = read_sealed(path)
    texts = zip_texts(content, where=path.name)
    metadata = metadata_from_text(texts, where=path.name)
    torch = require(
        "torch",
        extra="train",
        purpose=f"Running {path.name} (backend 'torchscript')",
    )
    try:
        module = torch.jit.load(io.BytesIO(content), map_location="cpu").eval()
    except Exception as error:  # torch.jit.load raises errors of many types
        raise FormatError(
            f"{path.name}: torch {torch.__version__} cannot load the module: "
            f"{first_line(error)}. Upgrade torch, or export the model again."
        ) from None
    engine = TorchScriptEngine(torch, module, metadata.spec)
    _check_wiring(engine, metadata.spec, where=path.name)
    return metadata, engine


class TorchScriptEngine:
    """A scripted module as an Engine (`engine.py`)."""

    backend = "torchscript"
    dtype: np.dtype[np.floating] = np.dtype(np.float32)

    def __init__(self, torch: Any, module: Any, spec: ModelSpec) -> None:
        self._torch = torch
        self._module = module
        self._spec = spec

    def run(self, x: NDArray[np.float32], state: State) -> tuple[Array, State]:
        """Advance B streams by T steps (`engine.Engine.run`)."""
        state = [tensor.astype(np.float32, copy=False) for tensor in state]
        if self._spec.is_opaque:
            return run_one_by_one(self._call, x, state, self._spec.output_size)
        return self._call(x, state)

    def stepper(self) -> RunStepper:
        """A fresh stream in the initial state."""
        return RunStepper(self, self._spec)

    def _call(self, x: NDArray[np.float32], state: State) -> tuple[Array, State]:
        torch = self._torch
        # Copies, because an output of the module may share memory with an input.
        tensors = [torch.from_numpy(np.array(part, order="C")) for part in (x, *state)]
        with torch.inference_mode():
            y, new_state = self._module(tensors[0], tensors[1:])
        return y.numpy(), [tensor.numpy() for tensor in new_state]


def _check_wiring(engine: TorchScriptEngine, spec: ModelSpec, *, where: str) -> None:
    """Raise FormatError unless one step gives outputs and state of the spec's shapes."""
    state = initial_state(spec.graph_state, 1, np.float32)
    x = np.zeros((1, 1, spec.input_size), dtype=np.float32)
    try:
        y, new_state = engine.run(x, state)
        found = [array.shape for array in (y, *new_state)]
    except Exception as error:  # scripted code raises errors of many types
        raise FormatError(
            f"{where}: the module fails on one step of zeros: {first_line(error)}. "
            "The file was not written by rnnedge; export it again."
        ) from None
    expected = [(1, 1, spec.output_size), *(tensor.shape for tensor in state)]
    if found != expected:
        raise FormatError(
            f"{where}: one step returns arrays of shapes {found}, but the description "
            f"asks for {expected}. The file was not written by rnnedge; export it again."
        )
