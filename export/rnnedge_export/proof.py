"""The proof that an artifact is the model: 10,000 carried steps beside PyTorch.

The limit comes from the module itself: PyTorch float32 against the same module in float64
on the same stream. Weights that were read out of the module play no part in it, so a wrong
weight cannot widen the limit that would find it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.metadata import Golden
from rnnedge_runtime.tolerances import GOLDEN_STEPS

from .parity import output_limits
from .subject import Subject
from .verification_stream import Inputs


@dataclass(frozen=True, slots=True)
class Recording:
    """What the original did on the stream, step by step.

    Attributes:
        x: `[T, I]` model inputs, finite and within the clip.
        y: `[T, O]` float32 outputs of the module.
        float32_errors: `[O]` largest error of each output against the module in float64;
            None where the module does not run in float64.
    """

    x: Inputs
    y: NDArray[np.float32]
    float32_errors: NDArray[np.float64] | None

    @property
    def golden(self) -> Golden:
        """The first steps, which every artifact carries."""
        return Golden(self.x[:GOLDEN_STEPS], self.y[:GOLDEN_STEPS])


def record(subject: Subject, x: Inputs) -> Recording:
    """Step the original through `x` in float32 and, where it can, in float64.

    Raises:
        SpecError: a state tensor of an opaque module never changes, or an output is not
            finite.
    """
    y = _step_through(subject, x)
    finite = np.isfinite(y).all(axis=1)
    if not finite.all():
        raise SpecError(
            f"export: the module's output is not finite at step {int(np.argmin(finite))} "
            "of the verification stream. Train it again, or pass stream= with inputs like "
            "those it was trained on."
        )
    try:
        exact = _run_float64(subject, x)
    except Exception:  # a user's module may hold constants that stay float32
        return Recording(x, y, None)
    return Recording(x, y, np.abs(y - exact).max(axis=0))


def module_keeps_promise(subject: Subject, recording: Recording) -> float | None:
    """How far a user's module in one call of many steps is from its own single steps.

    Returns:
        The largest difference on the golden steps where it is above the limit, else None;
        None too where the module takes one step at a time only.
    """
    golden, user = recording.golden, subject.user
    if user is None:
        return None
    sequence = torch.from_numpy(golden.x)[None].expand(len(user.x), -1, -1)
    try:
        with torch.inference_mode():
            y = user.call(sequence, subject.initial_state(torch.float32))[0][0].numpy()
    except Exception:  # the module is the user's: any error may come
        return None
    if y.size != golden.y.size:
        return None
    errors = np.abs(y.reshape(golden.y.shape) - golden.y).max(axis=0)
    limits = output_limits(subject.spec, recording.y, recording.float32_errors)
    is_equal = bool((errors <= limits).all())
    return None if is_equal else float(errors.max())


def _step_through(subject: Subject, x: Inputs) -> NDArray[np.float32]:
    step = subject.step_function(torch.float32)
    initial = subject.initial_state(torch.float32)
    state = subject.initial_state(torch.float32)
    has_changed = [not subject.spec.is_opaque] * len(initial)
    y = np.empty((len(x), subject.spec.output_size), dtype=np.float32)
    with torch.inference_mode():
        for t, row in enumerate(torch.from_numpy(x)):
            out, state = step(row[None, None], state)
            y[t] = out[0, 0].numpy()
            if not all(has_changed):
                pairs = zip(initial, state, strict=True)
                now = [not torch.equal(*pair) for pair in pairs]
                has_changed = [a or b for a, b in zip(has_changed, now, strict=True)]
    if not all(has_changed):
        raise SpecError(
            f"export: state tensor {has_changed.index(False)} did not change in {len(x)} "
            "steps of a varying stream, so it carries nothing. Return the new state, or "
            "make the tensor a buffer of the module."
        )
    return y


def _run_float64(subject: Subject, x: Inputs) -> NDArray[np.float64]:
    step = subject.step_function(torch.float64)
    state = subject.initial_state(torch.float64)
    inputs = torch.from_numpy(x).double()
    y = np.empty((len(x), subject.spec.output_size))
    with torch.inference_mode():
        if subject.user is None:
            return np.asarray(step(inputs[None], state)[0][0].numpy())
        for t, row in enumerate(inputs):
            out, state = step(row[None, None], state)
            y[t] = out[0, 0].numpy()
    return y
