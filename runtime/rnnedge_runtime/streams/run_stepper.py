"""A Stepper made of `Engine.run`, for engines that gain nothing from bound buffers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, State
from ..spec.model_spec import ModelSpec
from .engine import Engine, initial_state


class RunStepper:
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
