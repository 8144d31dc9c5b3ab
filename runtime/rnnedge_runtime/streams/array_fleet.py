"""The states of a fleet in arrays, for engines without fleets of their own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, State
from ..spec.model_spec import ModelSpec
from .engine import Engine, FleetStates, initial_state, inputs_of
from .inputs import is_missing, pass_missing


class ArrayFleet(FleetStates):
    """FleetStates (`engine.py`) whose step is one `Engine.run` of many streams."""

    def __init__(self, engine: Engine, spec: ModelSpec, count: int) -> None:
        self._engine = engine
        self._spec = spec
        self._state = initial_state(spec.graph_state, count, engine.dtype)
        self._inputs = inputs_of(engine, spec)
        (held,) = initial_state(spec.state[-1:], count, np.float32)
        self._held = self._inputs.readings(held)  # [N, F]
        self._num_steps = np.zeros(count, dtype=np.uint64)  # [N]

    def step(
        self,
        readings: NDArray[np.float32],
        times: NDArray[np.int64] | None,
        rows: NDArray[np.int64] | None,
        y: Array,
    ) -> None:
        if not len(readings):
            return
        if rows is None:
            rows = np.arange(len(readings), dtype=np.int64)
        missing = is_missing(self._spec.features, readings)
        held = self._inputs.readings(np.where(missing, self._held[rows], readings))
        taken = held
        if self._spec.passes_missing:
            taken = pass_missing(self._spec.features, readings, held)
        x = self._inputs.rows(taken, times)
        state = [tensor[rows] for tensor in self._state]
        outputs, state = self._engine.run(x[:, None], state)
        y[:] = outputs[:, 0]
        for tensor, new in zip(self._state, state, strict=True):
            tensor[rows] = new
        self._held[rows] = held
        self._num_steps[rows] += 1

    def get(self, row: int) -> tuple[int, State]:
        state = [tensor[row].copy() for tensor in (*self._state, self._held)]
        return int(self._num_steps[row]), state

    def set(self, row: int, num_steps: int, state: State) -> None:
        for tensor, value in zip(self._state, state[:-1], strict=True):
            tensor[row] = value
        self._held[row] = self._inputs.readings(state[-1].astype(np.float32))
        self._num_steps[row] = num_steps

    def add(self, count: int) -> None:
        new = ArrayFleet(self._engine, self._spec, count)
        state = [
            np.concatenate([tensor, added])
            for tensor, added in zip(self._state, new._state, strict=True)
        ]
        held = np.concatenate([self._held, new._held])
        num_steps = np.concatenate([self._num_steps, new._num_steps])
        self._state, self._held, self._num_steps = state, held, num_steps

    def remove(self, row: int) -> None:
        self._state = [np.delete(tensor, row, axis=0) for tensor in self._state]
        self._held = np.delete(self._held, row, axis=0)
        self._num_steps = np.delete(self._num_steps, row)
