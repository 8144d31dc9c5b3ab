"""A stream through an engine: step by step, many steps at once, and the steps judged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.streams.engine import Engine, initial_state
from rnnedge_runtime.tolerances import JUDGED_STEPS

from .verification_stream import Inputs

Array = NDArray[np.floating]
_FIRST_STEPS = 16
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Taken:
    """Steps that an engine took on a stream.

    Attributes:
        at: `[S]` which.
        x: `[S, I]` its inputs.
        before: `[S, ...]` each, the state before them, in `ModelSpec.graph_state` order.
        y: `[S, O]` its outputs.
        after: the state after them.
    """

    at: NDArray[np.int64]
    x: Inputs
    before: list[Array]
    y: Array
    after: list[Array]


def judged_steps(num_steps: int) -> NDArray[np.int64]:
    """The first steps of a stream, and JUDGED_STEPS evenly spread ones."""
    spread = np.linspace(0, num_steps - 1, min(JUDGED_STEPS, num_steps))
    first = np.arange(min(_FIRST_STEPS, num_steps))
    return np.unique(np.concatenate([first, spread.astype(np.int64)]))


def step_through(engine: Engine, spec: ModelSpec, x: Inputs) -> Array:
    """`[T, O]` outputs of an engine, one step at a time from the initial state."""
    return take_steps(engine, spec, x, np.empty(0, np.int64))[0]


def take_steps(
    engine: Engine, spec: ModelSpec, x: Inputs, at: NDArray[np.int64] | None = None
) -> tuple[Array, Taken]:
    """As `step_through`; and what the engine did at `at`, None for where steps are judged."""
    at = judged_steps(len(x)) if at is None else at
    stepper = engine.stepper()
    y = np.empty((len(x), spec.output_size), dtype=engine.dtype)
    is_judged = np.zeros(len(x), dtype=bool)
    is_judged[at] = True
    before, after = [], []
    for row, out, must in zip(x, y, is_judged.tolist(), strict=True):
        if must:
            before.append(stepper.get_state())
            stepper.step(row, out)
            after.append(stepper.get_state())
        else:
            stepper.step(row, out)
    return y, Taken(at, x[at], stacked(before), y[at], stacked(after))


def run_through(
    engine: Engine, spec: ModelSpec, x: Inputs, cuts: Sequence[int] | None = None
) -> Array:
    """`[T, O]` outputs of an engine, many steps at once from the initial state.

    Args:
        engine: of the model.
        spec: of the model.
        x: `[T, I]` its inputs.
        cuts: steps at which a new call begins; None is for calls of 500 steps.
    """
    state = initial_state(spec.graph_state, 1, engine.dtype)
    y = np.empty((len(x), spec.output_size), dtype=engine.dtype)
    starts = range(0, len(x), _CHUNK) if cuts is None else (0, *cuts)
    for start, end in pairwise((*starts, len(x))):
        y[None, start:end], state = engine.run(x[None, start:end], state)
    return y


def side_by_side(
    engine: Engine, quick: Engine, spec: ModelSpec, x: Inputs
) -> Array | None:
    """As `run_through`, in segments side by side that start at states of a quick engine.

    None where a segment ends in another state than the next one starts at.
    """
    size = math.isqrt(len(x))
    count = len(x) // max(size, 1)
    state, starts = initial_state(spec.graph_state, 1, engine.dtype), []
    for k in range(count):
        starts.append(state)
        _, state = quick.run(x[None, k * size : (k + 1) * size], state)
    if not starts:
        return run_through(engine, spec, x)
    before = [np.concatenate(tensors) for tensors in zip(*starts, strict=True)]
    y, after = engine.run(x[: count * size].reshape(count, size, -1), before)
    for start, end in zip(before, after, strict=True):
        if start[1:].tobytes() != end[:-1].tobytes():
            return None
    rest, _ = engine.run(x[None, count * size :], [tensor[-1:] for tensor in after])
    return np.concatenate([y.reshape(count * size, -1), rest[0]])


def first_difference(y: Array, expected: Array) -> int | None:
    """The first step at which two float32 `[T, O]` differ in a bit; None where none does."""
    differs = (y.view(np.uint32) != expected.view(np.uint32)).any(axis=1)
    return int(np.argmax(differs)) if differs.any() else None


def retake_steps(engine: Engine, taken: Taken) -> Taken:
    """The same steps by another engine, from the same states."""
    y, after = engine.run(taken.x[:, None], taken.before)
    return Taken(taken.at, taken.x, taken.before, y[:, 0], after)


def stacked(states: Sequence[Sequence[Array]]) -> list[Array]:
    """`[S, ...]` each of S states."""
    return [np.stack(tensors) for tensors in zip(*states, strict=True)]
