"""Integers beside float on an input that stays as it is, for a long time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.streams.engine import Engine, initial_state

_CHUNK = 10_000


def quiet_difference(
    spec: ModelSpec,
    engines: tuple[Engine, Engine],
    row: NDArray[np.float32],
    num_steps: int,
    *,
    prelude: NDArray[np.float32] | None = None,
) -> NDArray[np.float64]:
    """`[O]` largest difference of two engines while one model input is held.

    A state that is rounded can settle elsewhere, or creep, where a float state does not.

    Args:
        spec: the model.
        engines: what is compared.
        row: `[I]` the input that is held.
        num_steps: for how long.
        prelude: `[T, I]` inputs that come before, not compared.
    """
    states = [initial_state(spec.graph_state, 1, np.float32) for _ in engines]
    largest = np.zeros(spec.output_size)
    if prelude is not None:
        states = [
            engine.run(prelude[None], state)[1]
            for engine, state in zip(engines, states, strict=True)
        ]
    for start in range(0, num_steps, _CHUNK):
        chunk = np.tile(row, (1, min(_CHUNK, num_steps - start), 1))
        found = []
        for i, engine in enumerate(engines):
            y, states[i] = engine.run(chunk, states[i])
            found.append(y[0].astype(np.float64))
        largest = np.maximum(largest, np.abs(found[1] - found[0]).max(axis=0))
    return largest
