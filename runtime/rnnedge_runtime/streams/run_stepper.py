"""A Stepper made of `Engine.run`, and `Engine.run` made of streams that take many steps."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, State
from ..spec.model_spec import ModelSpec
from .engine import Engine, Stepper, initial_state


class Runner(Stepper, Protocol):
    """A stream that takes many steps in one call."""

    def run(self, x: NDArray[np.float32], y: NDArray[np.float32], /) -> object:
        """Advance by T steps: `x` `[T, I]` to `y` `[T, O]`, both contiguous."""
        ...


def run_streams(
    stream: Runner, x: NDArray[np.float32], state: State, output_size: int
) -> tuple[Array, State]:
    """`Engine.run` by `stream`, one of the B streams after the other."""
    y = np.empty((*x.shape[:2], output_size), dtype=np.float32)
    new_state = [np.empty(tensor.shape, dtype=np.float32) for tensor in state]
    for b, rows in enumerate(np.ascontiguousarray(x, dtype=np.float32)):
        stream.set_state([tensor[b] for tensor in state])
        stream.run(rows, y[b])
        for tensor, value in zip(new_state, stream.get_state(), strict=True):
            tensor[b] = value
    return y, list(new_state)


class RunStepper(Stepper):
    """One stream of `engine`; the state is replaced only when a run has succeeded."""

    def __init__(self, engine: Engine, spec: ModelSpec) -> None:
        self._engine = engine
        self._state = initial_state(spec.graph_state, 1, engine.dtype)

    def step(self, x: NDArray[np.float32], y: Array) -> None:
        outputs, state = self._engine.run(x[None, None], self._state)
        y[:] = outputs[0, 0]
        self._state = state

    def get_state(self) -> State:
        return [tensor[0].copy() for tensor in self._state]

    def set_state(self, state: State) -> None:
        self._state = [np.array(tensor[None], self._engine.dtype) for tensor in state]
