"""Running a graph that takes one step of one stream, as an engine of many of both."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, State

OneStep = Callable[[NDArray[np.float32], State], tuple[Array, State]]


def run_one_by_one(
    one_step: OneStep, x: NDArray[np.float32], state: State, output_size: int
) -> tuple[Array, State]:
    """`Engine.run` by a call per step and stream.

    Args:
        one_step: takes `[1, 1, I]` and the state in the shapes of the graph, gives
            `[1, 1, O]` and the new state.
        x: `[B, T, I]`.
        state: `[B, ...]` each, an axis more than the graph's; not changed.
        output_size: O.
    """
    y = np.empty((*x.shape[:2], output_size), dtype=np.float32)
    new_state = [tensor.copy() for tensor in state]
    for b in range(x.shape[0]):
        carried = [np.asarray(tensor[b]) for tensor in state]
        for t in range(x.shape[1]):
            y[b, t : t + 1], carried = one_step(x[b : b + 1, t : t + 1], carried)
        for tensor, value in zip(new_state, carried, strict=True):
            tensor[b] = value
    return y, new_state
