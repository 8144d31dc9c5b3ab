"""Whether an imported model gives what its file gives in the program that it was made for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.backends.numpy_f32 import Float32Engine
from rnnedge_runtime.errors import ParityError
from rnnedge_runtime.spec.layers import Embedding
from rnnedge_runtime.tolerances import IMPORT_ERROR, IMPORT_STEPS

from ..compare.program import Program
from .step import Imported

Array: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ImportProof:
    """What was found.

    Attributes:
        program: that ran the file.
        num_steps: carried steps that were compared.
        length: steps that were carried; the file gives no output in the others.
        max_error: largest difference.
        limit: what it may be.
        step: where the largest was.
    """

    program: str
    num_steps: int
    length: int
    max_error: float
    limit: float
    step: int


def prove(where: str, imported: Imported, program: Program) -> ImportProof:
    """Stream drawn readings through both.

    Raises:
        ParityError: they differ by more than the limit.
    """
    x = drawn_rows(imported)
    steps, expected = program(x)
    x = x[: int(steps[-1]) + 1]
    y = stream(imported, x)[steps]
    errors = np.abs(y.astype(np.float64) - expected).max(axis=1)
    errors[~np.isfinite(errors)] = np.inf
    worst = int(np.argmax(errors))
    limit = IMPORT_ERROR * max(1.0, float(np.abs(expected).max()))
    found = ImportProof(
        program.name,
        len(steps),
        len(x),
        float(errors[worst]),
        limit,
        int(steps[worst]),
    )
    if found.max_error > limit:
        raise ParityError(
            f"{where}: stepped row by row it differs by {found.max_error:.1e} from what "
            f"{program.name} makes of the file at step {found.step}, the limit is {limit:.1e}. "
            "What it computes over several steps at once cannot stream; write one step of "
            "the model, with its state as inputs and outputs."
        )
    return found


def drawn_rows(imported: Imported, *, num_steps: int = IMPORT_STEPS) -> Array:
    """`[N, I]` readings, or indices where the model looks up rows of a table."""
    rng = np.random.default_rng(0)
    spec = imported.spec
    x: Array = rng.standard_normal((num_steps, spec.input_size)).astype(np.float32)
    tables = [layer for layer in spec.layers if isinstance(layer, Embedding)]
    if tables:
        smallest = min(layer.num_embeddings for layer in tables)
        x = rng.integers(0, smallest, x.shape).astype(np.float32)
    return x


def stream(imported: Imported, x: Array) -> Array:
    """`[N, O]` outputs of the model for rows `[N, I]`, from its initial state."""
    engine = Float32Engine(imported.spec, imported.weights)
    state = [entry.initial_array()[None] for entry in imported.spec.graph_state]
    y: Array = engine.run(x[None], state)[0][0]
    return y
