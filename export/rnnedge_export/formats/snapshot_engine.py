"""Engines of artifacts whose own functions step, save and restore a stream."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.arrays import Array, State
from rnnedge_runtime.formats.metadata import Metadata
from rnnedge_runtime.spec.parameters import Parameters
from rnnedge_runtime.streams.engine_runs import StreamEngine
from rnnedge_runtime.streams.state_rules import StateRules
from rnnedge_runtime.streams.w8a16_inputs import input_rule


class SnapshotStream(ABC):
    """One stream of the model `metadata`; its state is had by snapshots. Not thread-safe."""

    metadata: Metadata

    @abstractmethod
    def step(self, x: NDArray[np.float32], y: Array) -> None:
        """One step: `[I]` to `[O]`."""

    @abstractmethod
    def run_into(self, x: NDArray[np.float32], y: NDArray[np.float32]) -> None:
        """Steps `[T, I]` to `[T, O]`, contiguous both."""

    def run(
        self, x: NDArray[np.float32], y: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """`[T, O]` outputs of `[T, I]` inputs, in `y` where it is given."""
        if y is None:
            y = np.empty((len(x), self.metadata.spec.output_size), np.float32)
        self.run_into(np.ascontiguousarray(x, np.float32), y)
        return y

    @abstractmethod
    def save(self) -> bytes:
        """A snapshot."""

    @abstractmethod
    def restore(self, blob: bytes) -> int:
        """0, or why a snapshot was refused."""

    def get_state(self) -> State:
        _, state = self.metadata.unpack(self.save())
        return state[: len(self.metadata.spec.graph_state)]

    def set_state(self, state: State) -> None:
        """As before the first step; the held readings are initial."""
        tensors: State = [np.asarray(tensor, np.float32) for tensor in state]
        tensors.append(self.metadata.spec.state[-1].initial_array())
        self.restore(self.metadata.pack(0, tensors))


class SnapshotEngine(StreamEngine, ABC):
    """Such an artifact as an Engine."""

    def __init__(self, metadata: Metadata, parameters: Parameters | None) -> None:
        super().__init__(metadata.spec, input_rule(parameters or {}))
        self.metadata = metadata
        self.states = StateRules(parameters or {})

    @abstractmethod
    def stepper(self) -> SnapshotStream:
        """A fresh stream in the initial state."""
