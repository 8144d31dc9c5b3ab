"""Differences between two ways to compute the same outputs, and what they may be."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import ParityError
from rnnedge_runtime.spec.model_spec import ModelSpec

from .exact_steps import ExactSteps
from .runs import Array, Taken


@dataclass(frozen=True, slots=True)
class StepParity:
    """The step that comes closest to its limit.

    Attributes:
        max_error: its difference.
        limit: what that may be.
        step: where, from 0.
        where: `output 'NAME'`, or `state 'NAME'[k]`.
        num_steps: how many steps were judged.
    """

    max_error: float
    limit: float
    step: int
    where: str
    num_steps: int

    @property
    def is_within(self) -> bool:
        return self.max_error <= self.limit


@dataclass(frozen=True, slots=True)
class Parity:
    """Differences between an artifact and the original on one recording.

    The figures are those of the output that comes closest to its limit.

    Attributes:
        max_error: largest difference, in the output's unit.
        limit: what it may be there; infinite where the carried run proves nothing.
        float32_error: what float32 alone is off by in that output; None if unknown.
        step: where the largest difference was, from 0.
        output: name of the output.
        first_tenth: largest difference in the first tenth of the steps.
        last_tenth: the same in the last tenth: much larger where an error builds up.
        errors: `[T]` difference in that output at every step.
        steps: single steps from the original's own state; None where they have no limit.
    """

    max_error: float
    limit: float
    float32_error: float | None
    step: int
    output: str
    first_tenth: float
    last_tenth: float
    errors: NDArray[np.float64]
    steps: StepParity | None = None

    @property
    def is_within(self) -> bool:
        is_carried = self.max_error <= self.limit
        return is_carried and (self.steps is None or self.steps.is_within)


def judge_taken(exact: ExactSteps, taken: Taken) -> StepParity:
    """Steps beside the float64 steps of the same model, layer by layer."""
    found = exact.step(taken.x, taken.before, taken.after)
    values = [taken.y, *taken.after]
    expected = [found.y, *found.state]
    limits = [found.y_bound, *found.state_bounds]
    return nearest(exact.spec, taken.at, values, expected, limits)


def nearest(
    spec: ModelSpec,
    at: NDArray[np.int64],
    values: Sequence[Array],
    expected: Sequence[Array],
    limits: Sequence[Array],
) -> StepParity:
    """What comes closest to its limit, among y and the state tensors `[S, ...]` each."""
    worst: tuple[float, StepParity] | None = None
    for k, (value, wanted, limit) in enumerate(
        zip(values, expected, limits, strict=True)
    ):
        flat = value.reshape(len(at), -1).astype(np.float64)
        errors = np.abs(flat - wanted.reshape(len(at), -1))
        errors[~np.isfinite(errors)] = np.inf
        allowed = np.broadcast_to(limit.reshape(-1, flat.shape[1]), flat.shape)
        if not errors.size:
            continue
        ratios = excess(errors, allowed)
        row, column = np.unravel_index(int(np.argmax(ratios)), ratios.shape)
        if worst is None or ratios[row, column] > worst[0]:
            where = f"output '{spec.outputs[int(column)].name}'" if k == 0 else ""
            where = where or f"state '{spec.graph_state[k - 1].name}'[{column}]"
            figures = float(errors[row, column]), float(allowed[row, column])
            worst = (
                float(ratios[row, column]),
                StepParity(*figures, int(at[row]), where, len(at)),
            )
    assert worst is not None
    return worst[1]


def excess(errors: Array, limits: Array) -> NDArray[np.float64]:
    """Errors over their limits; 0 where there is no error."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(errors == 0, 0.0, np.nan_to_num(errors / limits, nan=np.inf))


def target_errors(spec: ModelSpec, errors: Array) -> NDArray[np.float64]:
    """`errors` `[O]`, each the largest among the outputs of its target.

    Outputs of one target share a unit and a level, those of two targets need not.
    """
    grouped = np.asarray(errors, dtype=np.float64).reshape(len(spec.targets), -1)
    return np.repeat(grouped.max(axis=1), grouped.shape[1])


def compare(
    y: Array,
    judge: Array,
    spec: ModelSpec,
    limits: Array,
    *,
    float32_errors: Array | None = None,
    steps: StepParity | None = None,
) -> Parity:
    """How far `y` `[T, O]` is from the judge's, in the output nearest to its limit.

    Args:
        y: outputs.
        judge: `[T, O]` what they should be.
        spec: the model.
        limits: `[T, O]` or `[O]` what the difference may be, at every step.
        float32_errors: `[O]` float32's own error on the same stream; None when unknown.
        steps: kept with the result.
    """
    errors = np.abs(y.astype(np.float64) - judge)
    errors[~np.isfinite(errors)] = np.inf
    allowed = np.broadcast_to(limits, errors.shape)
    ratios = excess(errors, allowed)
    worst = int(np.argmax(ratios.max(axis=0)))
    column = errors[:, worst]
    step = int(np.argmax(column))
    if column[step] <= allowed[step, worst] and ratios[:, worst].max() > 1:
        step = int(np.argmax(ratios[:, worst]))
    tenth = max(1, len(column) // 10)
    return Parity(
        max_error=float(column[step]),
        limit=float(allowed[step, worst]),
        float32_error=None if float32_errors is None else float(float32_errors[worst]),
        step=step,
        output=spec.outputs[worst].name,
        first_tenth=float(column[:tenth].max()),
        last_tenth=float(column[-tenth:].max()),
        errors=column,
        steps=steps,
    )


def parity_error(
    where: str,
    parity: Parity,
    report: str | os.PathLike[str] | None,
    judge: str = "PyTorch",
) -> ParityError:
    """What to say of an artifact that is not within its limits.

    Args:
        where: what was being done.
        parity: the differences.
        report: the file that holds those of every step, or None.
        judge: the program that it differs from.
    """
    steps = parity.steps
    found, basis = f"output '{parity.output}'", "the rounding of all steps, carried"
    figures: Parity | StepParity = parity
    advice = "Where the drawn inputs are unlike those of the model, pass stream=. "
    if steps is not None and not steps.is_within:
        figures, found, advice = steps, steps.where, ""
        basis = "the rounding of one step from PyTorch's state"
    hint = (
        f"See every step in {os.fspath(report)}."
        if report is not None
        else "Run again with --report parity.json to see every step."
    )
    return ParityError(
        f"{where}: {found} differs from {judge} by {figures.max_error:.1e} at step "
        f"{figures.step} (limit {figures.limit:.1e}, {basis}). The artifact was not "
        f"written. {advice}{hint}"
    )
