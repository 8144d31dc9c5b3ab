"""The proof that an artifact is the model: carried steps beside PyTorch, and single ones.

Every step is judged from PyTorch's own state, by what float32 may be off by in one step; the
carried run by what the network makes of that (ADR 0012). What was read out of the module is
judged in the same way: PyTorch's own steps must be those of the float64 reference.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.formats.metadata import Golden, Limits
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.streams.engine import Engine
from rnnedge_runtime.tolerances import GOLDEN_STEPS, PURITY_STEPS

from ..capture.original import Original
from ..compare.carrying import carry
from ..compare.exact_steps import ExactSteps
from ..compare.parity import StepParity, judge_taken, nearest
from ..compare.runs import Taken, judged_steps, retake_steps, stacked
from ..compare.state_layout import in_spec_order, taken_by_reference
from ..compare.verification_stream import Inputs
from ..module.reasons import impure
from ..torch_model.sequence_model import SequenceModel
from .opaque_limits import opaque_limits

Float64 = NDArray[np.float64]


class DivergedError(SpecError):
    """The module gives numbers that are not finite."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What the original did on the stream, step by step.

    Attributes:
        spec: the model.
        x: `[T, I]` model inputs, finite and within the clip.
        y: `[T, O]` float32 outputs of the module.
        float32_errors: `[O]` largest error of each output against float64; None where the
            module does not run in float64.
        limits: `[T, O]` what an artifact may differ by from `y`.
        is_bounded: False where the network amplifies rounding until it fills the state, so
            that only single steps prove something.
        taken: the judged steps; None where the module's state is not found in the spec's.
        own: PyTorch's steps beside the float64 ones of what was read out of it; None
            where nothing was.
        exact: what the steps are judged by; None of an opaque module.
        step_limits: of an opaque module, those of `y` and of each state tensor.
        judge: the program that gave `y`.
    """

    spec: ModelSpec
    x: Inputs
    y: NDArray[np.float32]
    float32_errors: Float64 | None
    limits: Float64
    is_bounded: bool
    taken: Taken | None
    own: StepParity | None = None
    exact: ExactSteps | None = None
    step_limits: tuple[Float64, ...] = ()
    judge: str = "PyTorch"

    @property
    def golden(self) -> Golden:
        """The first steps, which every artifact carries."""
        return Golden(self.x[:GOLDEN_STEPS], self.y[:GOLDEN_STEPS])

    @property
    def stored_limits(self) -> Limits:
        """What every artifact carries of the limits."""
        golden = self.limits[:GOLDEN_STEPS].max(axis=0)
        carried = self.limits.max(axis=0)
        if not self.is_bounded:
            carried = np.full_like(carried, np.inf)
        return Limits(golden.astype(np.float32), carried.astype(np.float32))

    def judge_steps(self, engine: Engine) -> StepParity | None:
        """Steps of an engine from PyTorch's states; None where these are not known."""
        if self.taken is None:
            return None
        found = retake_steps(engine, self.taken)
        if self.exact is not None:
            parity, own = judge_taken(self.exact, found), self.own
            is_own = own is not None and not own.is_within and parity.is_within
            return own if is_own else parity
        y, expected = ([steps.y, *steps.after] for steps in (found, self.taken))
        return nearest(self.spec, found.at, y, expected, self.step_limits)


def record(original: Original, x: Inputs, *, has_limit: bool = True) -> Recording:
    """Step the original through `x`, and find out what an artifact may differ by.

    Args:
        original: the module.
        x: `[T, I]` model inputs.
        has_limit: whether the carried run has one. Without, a SequenceModel takes its steps
            in windows: other roundings, less time.

    Raises:
        SpecError: a state tensor of an opaque module never changes, an output is not
            finite, or the outputs depend on more than the inputs and the state.
    """
    if not has_limit and type(original.module) is SequenceModel:
        y, taken = _through_windows(original.module, x)
        starts = taken.at
    else:
        y, taken = _step_through(original, x)
        starts = np.arange(len(x))
    _check_finite("output is not finite at step", y, np.arange(len(y)))
    for k, tensor in enumerate(taken.after):
        _check_finite(f"state tensor {k} is not finite after step", tensor, taken.at)
    cuts = np.append(starts, len(x))
    _check_pure(original, x, y, cuts[cuts <= PURITY_STEPS])
    spec = original.spec
    if spec.is_opaque:
        errors, limits, is_bounded, of_steps = opaque_limits(original, x, y, taken)
        return Recording(
            spec, x, y, errors, limits, is_bounded, taken, step_limits=of_steps
        )
    exact = ExactSteps(spec, original.weights)
    placed = in_spec_order(exact, taken)
    carried = carry(exact, x, placed or taken_by_reference(exact, x))
    return Recording(
        spec,
        x,
        y,
        np.abs(y - carried.y).max(axis=0),
        2 * carried.limits,
        carried.is_bounded,
        placed,
        judge_taken(exact, placed) if placed else None,
        exact,
    )


def _check_finite(
    found: str, values: NDArray[np.floating], at: NDArray[np.int64]
) -> None:
    is_odd = ~np.isfinite(values).reshape(len(values), -1).all(axis=1)
    if is_odd.any():
        raise DivergedError(
            f"export: the module's {found} {at[np.argmax(is_odd)]} of the verification "
            "stream. Train it again, or pass stream= with inputs like those it was trained "
            "on."
        )


def _step_through(original: Original, x: Inputs) -> tuple[NDArray[np.float32], Taken]:
    """Outputs `[T, O]`, and the judged steps with the state as the module has it."""
    step = original.step_function(torch.float32)
    initial = original.initial_state(torch.float32)
    state = original.initial_state(torch.float32)
    idle = list(range(len(initial))) if original.spec.is_opaque else []
    y = np.empty((len(x), original.spec.output_size), dtype=np.float32)
    at = judged_steps(len(x))
    is_judged = np.zeros(len(x), dtype=bool)
    is_judged[at] = True
    before, after = [], []
    with torch.inference_mode():
        for t, row in enumerate(torch.from_numpy(x)[:, None, None].unbind()):
            if is_judged[t]:
                before.append([tensor.numpy().copy() for tensor in state])
            out, state = step(row, state)
            y[t] = out[0, 0].numpy()
            if is_judged[t]:
                after.append([tensor.numpy().copy() for tensor in state])
            idle = [k for k in idle if torch.equal(initial[k], state[k])]
    if idle:
        raise SpecError(
            f"export: state tensor {idle[0]} did not change in {len(x)} steps of a varying "
            "stream, so it carries nothing. Return the new state, or make the tensor a "
            "buffer of the module."
        )
    return y, Taken(at, x[at], stacked(before), y[at], stacked(after))


def _through_windows(
    model: SequenceModel, x: Inputs
) -> tuple[NDArray[np.float32], Taken]:
    """As `_step_through`; judged steps are one batch, others in windows between them."""
    at, rows = judged_steps(len(x)), torch.from_numpy(x)
    sizes = np.diff(at, append=len(x)).tolist()
    state, states, outputs = model.initial_state(1), [], []
    with torch.inference_mode():
        for window in rows[None].split(sizes, dim=1):
            states.append(state)
            out, state = model(window, state)
            outputs.append(out[0].numpy())
        before = [torch.cat(tensors) for tensors in zip(*states, strict=True)]
        out, after = model(rows[at, None], before)
    given, new = ([tensor.numpy() for tensor in side] for side in (before, after))
    return np.concatenate(outputs), Taken(at, x[at], given, out[:, 0].numpy(), new)


def _check_pure(
    original: Original,
    x: Inputs,
    y: NDArray[np.float32],
    cuts: NDArray[np.int64],
) -> None:
    """Run the module once more, in turns with another stream, and compare bits.

    Whatever it keeps outside its state is left by the first pass or by the other stream.

    Args:
        original: the module.
        x: `[T, I]` the stream.
        y: `[T, O]` outputs of the first pass.
        cuts: where its first windows, of one step or of more, began and ended.

    Raises:
        SpecError: an output differs from `y`.
    """
    step = original.step_function(torch.float32)
    state = original.initial_state(torch.float32)
    other = original.initial_state(torch.float32)
    rows, sizes = torch.from_numpy(x[: cuts[-1]]), np.diff(cuts).tolist()
    pairs = zip(cuts[:-1], rows.split(sizes), rows.flip(0).split(sizes), strict=True)
    with torch.inference_mode():
        for t, window, turned in pairs:
            out, state = step(window[None], state)
            if out[0].numpy().tobytes() != y[t : t + len(window)].tobytes():
                raise impure(
                    f"{type(original.module).__name__}, stepped twice through the same "
                    f"inputs, gives other outputs at step {t}"
                )
            _, other = step(turned[None], other)
