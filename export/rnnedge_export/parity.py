"""Differences between two ways to compute the same outputs, and what they may be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.engine import Engine
from rnnedge_runtime.spec import ModelSpec
from rnnedge_runtime.tolerances import parity_limit

Array = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Parity:
    """Differences between an artifact and the original on one recording.

    The figures are those of the output that comes closest to its limit.

    Attributes:
        max_error: largest difference, in the output's unit.
        limit: what it may be.
        float32_error: what float32 alone is off by in that target; None if unknown.
        step: where the largest difference was, from 0.
        output: name of the output.
        first_tenth: largest difference in the first tenth of the steps.
        last_tenth: the same in the last tenth: much larger where an error builds up.
        errors: `[T]` difference in that output at every step.
    """

    max_error: float
    limit: float
    float32_error: float | None
    step: int
    output: str
    first_tenth: float
    last_tenth: float
    errors: NDArray[np.float64]

    @property
    def is_within(self) -> bool:
        return self.max_error <= self.limit


def target_errors(spec: ModelSpec, errors: Array) -> NDArray[np.float64]:
    """`errors` `[O]`, each the largest among the outputs of its target.

    Outputs of one target share a unit and a level, those of two targets need not.
    """
    grouped = np.asarray(errors, dtype=np.float64).reshape(len(spec.targets), -1)
    return np.repeat(grouped.max(axis=1), grouped.shape[1])


def output_limits(
    spec: ModelSpec, y: Array, float32_errors: Array | None
) -> NDArray[np.float64]:
    """`[O]` largest difference allowed (`tolerances.parity_limit`), one per target.

    Args:
        spec: the model.
        y: `[T, O]` outputs of the judge.
        float32_errors: `[O]` float32's own error on the same stream; None when unknown.
    """
    known = np.zeros(y.shape[1]) if float32_errors is None else float32_errors
    errors = target_errors(spec, known)
    size = y.shape[1] // len(spec.targets)
    starts = range(0, y.shape[1], size)
    limits = [parity_limit(y[:, k : k + size], errors[k]) for k in starts]
    return np.repeat(limits, size)


def step_through(engine: Engine, spec: ModelSpec, x: NDArray[np.float32]) -> Array:
    """`[T, O]` outputs of an engine, one step at a time from the initial state."""
    stepper = engine.stepper()
    y = np.empty((len(x), spec.output_size), dtype=engine.dtype)
    for row, out in zip(x, y, strict=True):
        stepper.step(row, out)
    return y


def compare(
    y: Array, judge: Array, spec: ModelSpec, float32_errors: Array | None
) -> Parity:
    """How far `y` `[T, O]` is from the judge's, in the output nearest to its limit."""
    errors = np.abs(y.astype(np.float64) - judge)
    errors[~np.isfinite(errors)] = np.inf
    limits = output_limits(spec, judge, float32_errors)
    with np.errstate(divide="ignore", invalid="ignore"):
        worst = int(np.argmax(np.nan_to_num(errors.max(axis=0) / limits)))
    column = errors[:, worst]
    tenth = max(1, len(column) // 10)
    return Parity(
        max_error=float(column.max()),
        limit=float(limits[worst]),
        float32_error=None
        if float32_errors is None
        else float(target_errors(spec, float32_errors)[worst]),
        step=int(np.argmax(column)),
        output=spec.outputs[worst].name,
        first_tenth=float(column[:tenth].max()),
        last_tenth=float(column[-tenth:].max()),
        errors=column,
    )
