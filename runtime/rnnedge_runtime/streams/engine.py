"""What a backend provides: the network as a pure function, and a fast single step.

An engine knows tensors only. Holding missing readings, derived inputs, snapshots, forecasts
and fleets are built on it once, in `stream.py` and `fleet.py`, for all backends; one that has
quicker ones of its own (`OwnStreams`, `make_fleet`) takes only the checks and the forecasts
from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..arrays import Array, State
from ..spec.model_spec import ModelSpec, StateEntry
from .inputs import Inputs

if TYPE_CHECKING:
    from .state_rules import StateRules


def initial_state(
    entries: Sequence[StateEntry], batch_size: int, dtype: DTypeLike
) -> State:
    """The state of `batch_size` streams before their first step, `[B, ...]` each."""
    return [
        np.repeat(entry.initial_array()[None].astype(dtype), batch_size, axis=0)
        for entry in entries
    ]


class Stepper(Protocol):
    """The graph state of one stream and the buffers to advance it. Not thread-safe."""

    def step(self, x: NDArray[np.float32], y: Array) -> None:
        """Advance by one step: `x` `[I]` model input, `y` `[O]` written in full.

        A call that raises leaves the state as it was.
        """
        ...

    def get_state(self) -> State:
        """Copies of the graph state, one stream's tensors in `ModelSpec.graph_state` order."""
        ...

    def set_state(self, state: State) -> None:
        """Copy the tensors in; converted to the engine's element type."""
        ...


class Engine:
    """A loaded model in one backend. Immutable; threads may share it.

    Args:
        spec: of the model.
        inputs: how readings become model inputs, where not as in `f32.v1`.

    Attributes:
        backend: name of the backend.
        dtype: element type of its state and outputs.
        spec: of the model.
        inputs: how readings become its inputs.
        states: what it keeps of a state that is set; None: any number of its type.
    """

    backend: str
    dtype: np.dtype[np.floating] = np.dtype(np.float32)
    states: StateRules | None = None

    def __init__(self, spec: ModelSpec, inputs: Inputs | None = None) -> None:
        self.spec = spec
        self.inputs = inputs or Inputs(spec)

    def run(self, x: NDArray[np.float32], state: State) -> tuple[Array, State]:
        """Advance B streams by T steps.

        Args:
            x: `[B, T, I]` model inputs.
            state: graph state, `[B, ...]` each; not changed.

        Returns:
            `[B, T, O]` outputs and the new state.
        """
        raise NotImplementedError

    def stepper(self) -> Stepper:
        """A fresh stream in the initial state."""
        return RunStepper(self)

    def make_fleet(self, count: int, *, is_fast: bool) -> FleetStates | None:
        """`count` rows in the initial state; None where it has no fleets of its own.

        Args:
            is_fast: whether multiplications may be fused with additions.
        """
        return None


class RunStepper(Stepper):
    """One stream of `engine`; the state is replaced only when a run has succeeded."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._state = initial_state(engine.spec.graph_state, 1, engine.dtype)

    def step(self, x: NDArray[np.float32], y: Array) -> None:
        outputs, state = self._engine.run(x[None, None], self._state)
        y[:] = outputs[0, 0]
        self._state = state

    def get_state(self) -> State:
        return [tensor[0].copy() for tensor in self._state]

    def set_state(self, state: State) -> None:
        self._state = [np.array(tensor[None], self._engine.dtype) for tensor in state]


class LastStep(NamedTuple):
    """What a forecast starts from.

    Attributes:
        output: `[O]` of the last step.
        state: the graph state after it.
        time: of that step.
        held: `[F]` last accepted readings.
    """

    output: Array
    state: State
    time: int
    held: NDArray[np.float32]


class FleetStates(Protocol):
    """The states of N streams by row, 0 to N - 1, and their step. Not thread-safe."""

    def step(
        self,
        readings: NDArray[np.float32],
        times: NDArray[np.int64] | None,
        rows: NDArray[np.int64] | None,
        y: NDArray[np.float32] | Array,
    ) -> None:
        """Advance by one reading each.

        Args:
            readings: `[n, F]`, missing values only where they are to be held.
            times: `[n]` Unix seconds; None without derived inputs.
            rows: `[n]` distinct rows; None for the first n.
            y: `[n, O]`, written in full, of the engine's element type.
        """
        ...

    def get(self, row: int) -> tuple[int, State]:
        """Step count and copies of the tensors of one row, in `ModelSpec.state` order."""
        ...

    def set(self, row: int, num_steps: int, state: State) -> None:
        """Copy step count and tensors in."""
        ...

    def get_many(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.uint64], Array]:
        """Step counts `[n]` and states of n rows, their tensors flat and joined: `[n, S]`."""
        ...

    def set_many(
        self, rows: NDArray[np.int64], num_steps: NDArray[np.uint64], values: Array
    ) -> None:
        """Copy step counts and states of n distinct rows in, as `get_many` gives them."""
        ...

    def add(self, count: int) -> None:
        """Append `count` rows in the initial state."""
        ...

    def remove(self, row: int) -> None:
        """Delete a row; those behind it move up."""
        ...
