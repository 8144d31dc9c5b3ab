"""Engines of what takes one stream, or one step of it, at a time."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, State
from .engine import Engine, Stepper


class GraphEngine(Engine):
    """An engine of a graph in float32; an opaque one takes one step of one stream."""

    def run(self, x: NDArray[np.float32], state: State) -> tuple[Array, State]:
        state = [tensor.astype(np.float32, copy=False) for tensor in state]
        if not self.spec.is_opaque:
            return self._call(x, state)
        y = np.empty((*x.shape[:2], self.spec.output_size), dtype=np.float32)
        new_state = [tensor.copy() for tensor in state]
        for b in range(x.shape[0]):
            carried = [np.asarray(tensor[b]) for tensor in state]
            for t in range(x.shape[1]):
                y[b, t : t + 1], carried = self._call(x[b : b + 1, t : t + 1], carried)
            for tensor, value in zip(new_state, carried, strict=True):
                tensor[b] = value
        return y, new_state

    def _call(self, x: NDArray[np.float32], state: State) -> tuple[Array, State]:
        """The graph once: `[B, T, I]`, of an opaque one `[1, 1, I]`, and its own state."""
        raise NotImplementedError


class Runner(Stepper, Protocol):
    """A stream that takes many steps in one call."""

    def run(self, x: NDArray[np.float32], y: NDArray[np.float32], /) -> object:
        """Advance by T steps: `x` `[T, I]` to `y` `[T, O]`, both contiguous."""
        ...


class StreamEngine(Engine):
    """An engine whose runs are those of one stream in float32 after the other."""

    def run(self, x: NDArray[np.float32], state: State) -> tuple[Array, State]:
        stream = self.stepper()
        y = np.empty((*x.shape[:2], self.spec.output_size), dtype=np.float32)
        new_state = [np.empty(tensor.shape, dtype=np.float32) for tensor in state]
        for b, rows in enumerate(np.ascontiguousarray(x, dtype=np.float32)):
            stream.set_state([tensor[b] for tensor in state])
            stream.run(rows, y[b])
            for tensor, value in zip(new_state, stream.get_state(), strict=True):
                tensor[b] = value
        return y, list(new_state)

    def stepper(self) -> Runner:
        raise NotImplementedError
