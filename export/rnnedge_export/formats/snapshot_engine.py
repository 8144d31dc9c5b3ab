"""Engines of artifacts whose own functions step, save and restore a stream."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.arrays import Array, State
from rnnedge_runtime.formats.metadata import Metadata
from rnnedge_runtime.formats.snapshot import pack_snapshot, unpack_snapshot
from rnnedge_runtime.spec.parameters import Parameters
from rnnedge_runtime.streams.inputs import Inputs
from rnnedge_runtime.streams.run_stepper import run_streams
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
        metadata = self.metadata
        _, state = unpack_snapshot(
            self.save(),
            metadata.spec.state,
            digest=metadata.digest,
            numerics=metadata.numerics,
        )
        return state[: len(metadata.spec.graph_state)]

    def set_state(self, state: State) -> None:
        """As before the first step; the held readings are initial."""
        metadata = self.metadata
        tensors: State = [np.asarray(tensor, np.float32) for tensor in state]
        tensors.append(metadata.spec.state[-1].initial_array())
        self.restore(pack_snapshot(metadata.digest, metadata.numerics, 0, tensors))


class SnapshotEngine(ABC):
    """Such an artifact as an Engine (`rnnedge_runtime.streams.engine`)."""

    dtype: np.dtype[np.floating] = np.dtype(np.float32)

    def __init__(self, metadata: Metadata, parameters: Parameters | None) -> None:
        self.metadata = metadata
        self.spec = metadata.spec
        self.inputs = input_rule(parameters or {}) or Inputs(self.spec)
        self.states = StateRules(parameters or {})

    @abstractmethod
    def stepper(self) -> SnapshotStream:
        """A fresh stream in the initial state."""

    def run(self, x: NDArray[np.float32], state: State) -> tuple[Array, State]:
        """Advance B streams by T steps, one stream after the other."""
        return run_streams(self.stepper(), x, state, self.spec.output_size)
