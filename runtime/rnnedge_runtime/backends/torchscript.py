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
from ..errors import FormatError, first_line, require, unfit_file
from ..formats.metadata import Metadata, metadata_from_text, zip_texts
from ..formats.seal import read_sealed
from ..spec.model_spec import ModelSpec
from ..streams.engine import Engine, initial_state
from ..streams.engine_runs import GraphEngine


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


class TorchScriptEngine(GraphEngine):
    """A scripted module as an Engine (`engine.py`)."""

    backend = "torchscript"

    def __init__(self, torch: Any, module: Any, spec: ModelSpec) -> None:
        super().__init__(spec)
        self._torch = torch
        self._module = module

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
        reason = f"the module fails on one step of zeros: {first_line(error)}"
        raise unfit_file(where, reason) from None
    expected = [(1, 1, spec.output_size), *(tensor.shape for tensor in state)]
    if found != expected:
        shapes = f"arrays of shapes {found}, but the description asks for {expected}"
        raise unfit_file(where, f"one step returns {shapes}")
