"""The states of a fleet in arrays, for engines without fleets of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, State
from .engine import Engine, FleetStates, initial_state
from .inputs import is_missing, pass_missing


class ArrayFleet(FleetStates):
    """FleetStates (`engine.py`) whose step is one `Engine.run` of many streams."""

    def __init__(self, engine: Engine, count: int) -> None:
        self._engine = engine
        self._spec = spec = engine.spec
        self._inputs = engine.inputs
        *state, held = initial_state(spec.state, count, engine.dtype)
        held = self._inputs.readings(held.astype(np.float32))  # [N, F]
        num_steps = np.zeros(count, dtype=np.uint64)  # [N]
        self._arrays: list[NDArray[Any]] = [*state, held, num_steps]

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
        *before, last, num_steps = (array[rows] for array in self._arrays)
        missing = is_missing(self._spec.features, readings)
        held = self._inputs.readings(np.where(missing, last, readings))
        taken = held
        if self._spec.passes_missing:
            taken = pass_missing(self._spec.features, readings, held)
        x = self._inputs.rows(taken, times)
        outputs, after = self._engine.run(x[:, None], before)
        y[:] = outputs[:, 0]
        held = self._inputs.held_after(held, outputs[:, 0])
        self._put(rows, [*after, held, num_steps + np.uint64(1)])

    def get(self, row: int) -> tuple[int, State]:
        *state, num_steps = (array[row].copy() for array in self._arrays)
        return int(num_steps), state

    def set(self, row: int, num_steps: int, state: State) -> None:
        *graph, held = state
        held = self._inputs.readings(held.astype(np.float32))
        self._put(row, [*graph, held, np.uint64(num_steps)])

    def get_many(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.uint64], Array]:
        *state, num_steps = (array[rows] for array in self._arrays)
        flat = [
            tensor.reshape(len(rows), entry.size)
            for tensor, entry in zip(state, self._spec.state, strict=True)
        ]
        return num_steps, np.concatenate(flat, axis=1, dtype=self._engine.dtype)

    def set_many(
        self, rows: NDArray[np.int64], num_steps: NDArray[np.uint64], values: Array
    ) -> None:
        ends = np.cumsum([entry.size for entry in self._spec.state])[:-1]
        *graph, held = (
            part.reshape(len(rows), *entry.shape)
            for part, entry in zip(
                np.split(values, ends, axis=1), self._spec.state, strict=True
            )
        )
        held = self._inputs.readings(held.astype(np.float32))
        self._put(rows, [*graph, held, num_steps])

    def add(self, count: int) -> None:
        new = ArrayFleet(self._engine, count)._arrays
        self._arrays = [
            np.concatenate(pair) for pair in zip(self._arrays, new, strict=True)
        ]

    def remove(self, row: int) -> None:
        self._arrays = [np.delete(array, row, axis=0) for array in self._arrays]

    def _put(self, rows: int | NDArray[np.int64], values: Sequence[Any]) -> None:
        for array, value in zip(self._arrays, values, strict=True):
            array[rows] = value
