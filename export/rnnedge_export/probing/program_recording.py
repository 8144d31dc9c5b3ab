"""A recording whose outputs are those that another program gave for the same stream."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rnnedge_runtime.errors import ParityError
from rnnedge_runtime.tolerances import IMPORT_ERROR

from ..compare.program import Program
from .recording import Recording


def judged_by(recording: Recording, program: Program, name: str) -> Recording:
    """`recording` with the outputs of `program` in the steps that it tells.

    An artifact may differ from them by what it may differ from PyTorch by, and by what the
    two programs differ from each other in the steps until then.

    Args:
        recording: what PyTorch made of the layers that were read.
        program: runs the file.
        name: of the file, for messages.

    Raises:
        ParityError: PyTorch differs from it by more than an import may.
    """
    steps, y = program(recording.x)
    apart = np.zeros(recording.y.shape)
    apart[steps] = np.abs(y.astype(np.float64) - recording.y[steps])
    apart[~np.isfinite(apart)] = np.inf
    allowed = np.maximum(
        recording.limits, IMPORT_ERROR * max(1.0, float(np.abs(y).max(initial=0.0)))
    )
    if (apart > allowed).any():
        t, k = np.unravel_index(int(np.argmax(apart - allowed)), apart.shape)
        raise ParityError(
            f"{name}: output '{recording.spec.outputs[int(k)].name}' differs by "
            f"{apart[t, k]:.1e} from what {program.name} makes of the file at step {t} of "
            f"the verification stream, the limit is {allowed[t, k]:.1e}. No artifact was "
            "written. Where the drawn inputs are unlike those of the model, pass stream= "
            "(`--stream`)."
        )
    judged = recording.y.copy()
    judged[steps] = y
    return replace(
        recording,
        y=judged,
        float32_errors=None,
        limits=recording.limits + np.maximum.accumulate(apart, axis=0),
        judge=program.name,
    )
