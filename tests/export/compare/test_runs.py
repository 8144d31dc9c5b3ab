"""A stream through an engine: the same bytes step by step, at once and from a state."""

from __future__ import annotations

import numpy as np
import pytest
from support.rnn_cells import IDS, forecaster
from support.strategies import random_weights

from rnnedge_export.compare.runs import (
    first_difference,
    retake_steps,
    run_through,
    step_through,
    take_steps,
)
from rnnedge_runtime.backends.numpy_f32 import Float32Engine


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("num_steps", [0, 1, 1100])
def test_steps_runs_and_single_steps_are_one(name: str, num_steps: int, rng) -> None:
    spec = forecaster(name, hidden_size=4)
    engine = Float32Engine(spec, random_weights(spec, rng))
    x = rng.standard_normal((num_steps, spec.input_size)).astype(np.float32)
    y = run_through(engine, spec, x)
    assert y.shape == (num_steps, spec.output_size)
    assert first_difference(step_through(engine, spec, x), y) is None
    if not num_steps:
        return
    stepped, taken = take_steps(engine, spec, x)
    assert stepped.tobytes() == y.tobytes()
    again = retake_steps(engine, taken)
    assert again.y.tobytes() == y[taken.at].tobytes()


def test_the_first_step_that_differs_in_a_bit_is_found() -> None:
    y = np.zeros((5, 2), np.float32)
    other = y.copy()
    other[3, 1] = -0.0
    assert first_difference(y, other) == 3
    assert first_difference(y, y.copy()) is None
