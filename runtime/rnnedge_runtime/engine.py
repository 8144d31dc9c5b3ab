"""What a backend provides: the network as a pure function, and a fast single step.

An engine knows tensors only. Holding missing readings, derived inputs, snapshots, forecasts
and fleets are built on it once, in `stream.py` and `fleet.py`, for all backends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .spec import StateEntry

Array = NDArray[np.floating]
State = list[Array]


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


class Engine(Protocol):
    """A loaded model in one backend. Immutable; threads may share it.

    Attributes:
        backend: name of the backend.
        dtype: element type of its state and outputs.
    """

    backend: str
    dtype: np.dtype[np.floating]

    def run(self, x: NDArray[np.float32], state: State) -> tuple[Array, State]:
        """Advance B streams by T steps.

        Args:
            x: `[B, T, I]` model inputs.
            state: graph state, `[B, ...]` each; not changed.

        Returns:
            `[B, T, O]` outputs and the new state.
        """
        ...

    def stepper(self) -> Stepper:
        """A fresh stream in the initial state."""
        ...


def initial_state(
    entries: Sequence[StateEntry], batch_size: int, dtype: DTypeLike
) -> State:
    """The state of `batch_size` streams before their first step, `[B, ...]` each."""
    return [
        np.repeat(entry.initial_array()[None].astype(dtype), batch_size, axis=0)
        for entry in entries
    ]
