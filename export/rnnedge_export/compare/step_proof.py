"""Single steps beside the float64 step from the same state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
