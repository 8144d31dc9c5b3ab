"""Differences between two ways to compute the same outputs, and what they may be."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import ParityError
from rnnedge_runtime.spec.model_spec import ModelSpec

from .runs import Array
from .step_proof import StepParity, excess


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
    where: str, parity: Parity, report: str | os.PathLike[str] | None
) -> ParityError:
    """What to say of an artifact that is not within its limits.

    Args:
        where: what was being done.
        parity: the differences.
        report: the file that holds those of every step, or None.
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
        f"{where}: {found} differs from PyTorch by {figures.max_error:.1e} at step "
        f"{figures.step} (limit {figures.limit:.1e}, {basis}). The artifact was not "
        f"written. {advice}{hint}"
    )
