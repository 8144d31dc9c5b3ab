"""The states of a fleet in the C core: slots that grow, some of them free."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .._native import Fleet
from ..arrays import Array, State
from ..spec.model_spec import ModelSpec
from ..streams.engine import FleetStates
from .native_state import join_state, split_state
from .native_stream import core_inputs

if TYPE_CHECKING:
    from .._native import Model as CoreModel


class NativeFleet(FleetStates):
    """FleetStates (`engine.py`) over a fleet of the C core.

    The core's fleets have a fixed number of slots: a larger one is made when they are used
    up, twice the size.
    """

    def __init__(
        self, spec: ModelSpec, model: CoreModel, count: int, *, is_fast: bool
    ) -> None:
        self._spec = spec
        self._model = model
        self._is_fast = is_fast
        self._capacity = count
        self._fleet = Fleet(model, count, is_fast)
        self._slots = np.arange(count, dtype=np.uint32)  # [N] slot of each row
        self._free: list[int] = []
        self._is_in_order = True

    def step(
        self,
        readings: NDArray[np.float32],
        times: NDArray[np.int64] | None,
        rows: NDArray[np.int64] | None,
        y: Array,
    ) -> None:
        x = core_inputs(self._model, readings, times, self._spec.input_size)
        if rows is not None:
            self._fleet.step(x, y, self._slots[rows])
        elif self._is_in_order:
            self._fleet.step(x, y)
        else:
            self._fleet.step(x, y, self._slots)

    def get(self, row: int) -> tuple[int, State]:
        values = np.empty(self._model.state_size, dtype=np.float32)
        num_steps = self._fleet.get_values(int(self._slots[row]), values)
        return num_steps, split_state(self._spec, values)

    def set(self, row: int, num_steps: int, state: State) -> None:
        self._fleet.set_values(int(self._slots[row]), join_state(state), num_steps)

    def get_many(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.uint64], Array]:
        values = np.empty((len(rows), self._model.state_size), dtype=np.float32)
        num_steps = self._fleet.get_many(self._slots[rows], values)
        return np.frombuffer(num_steps, dtype=np.uint64), values

    def set_many(
        self, rows: NDArray[np.int64], num_steps: NDArray[np.uint64], values: Array
    ) -> None:
        given = np.ascontiguousarray(values, dtype=np.float32)
        steps = np.ascontiguousarray(num_steps, dtype=np.uint64)
        self._fleet.set_many(self._slots[rows], given, steps)

    def add(self, count: int) -> None:
        missing = count - len(self._free)
        if missing > 0:
            self._grow(max(self._capacity + missing, 2 * self._capacity))
        taken, self._free = self._free[:count], self._free[count:]
        for slot in taken:
            self._fleet.reset(slot)
        self._slots = np.append(self._slots, np.array(taken, dtype=np.uint32))
        self._find_order()

    def remove(self, row: int) -> None:
        self._free.append(int(self._slots[row]))
        self._slots = np.delete(self._slots, row)
        self._find_order()

    def _grow(self, capacity: int) -> None:
        larger = Fleet(self._model, capacity, self._is_fast)
        larger.take(self._fleet)
        self._free += range(self._capacity, capacity)
        self._fleet, self._capacity = larger, capacity

    def _find_order(self) -> None:
        in_order = np.arange(len(self._slots), dtype=np.uint32)
        self._is_in_order = bool(np.array_equal(self._slots, in_order))
