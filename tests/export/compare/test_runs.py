"""A stream through an engine: the same bytes step by step, at once and from a state."""

from __future__ import annotations

import numpy as np
import pytest
from support.artifacts import quantised_model
from support.rnn_cells import IDS, forecaster
from support.strategies import random_weights

from rnnedge_export.compare.runs import (
    first_difference,
    retake_steps,
    run_through,
    side_by_side,
    step_through,
    take_steps,
)
from rnnedge_runtime.backends.numpy_f32 import Float32Engine
from rnnedge_runtime.backends.numpy_w8a16 import IntegerEngine


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


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("num_steps", [0, 1, 2, 1100])
def test_segments_side_by_side_are_one_run(name: str, num_steps: int, rng) -> None:
    spec = forecaster(name, hidden_size=4)
    weights = random_weights(spec, rng)
    engine = Float32Engine(spec, weights)
    x = rng.standard_normal((num_steps, spec.input_size)).astype(np.float32)
    y = side_by_side(engine, engine, spec, x)
    assert y is not None
    assert y.tobytes() == run_through(engine, spec, x).tobytes()
    bias = next(weight for key, weight in weights.items() if key.endswith("bias_hh"))
    bias += np.float32(2**-20)
    liar = Float32Engine(spec, weights)
    assert num_steps < 1100 or side_by_side(engine, liar, spec, x) is None


def test_integers_side_by_side_are_counted_as_one_run(rng) -> None:
    spec = forecaster("lstm-L1", hidden_size=4)
    model = quantised_model(spec, random_weights(spec, rng))
    x = 1000 * rng.standard_normal((500, spec.input_size)).astype(np.float32)
    alone, segments = IntegerEngine(model), IntegerEngine(model)
    y = run_through(alone, spec, x)
    found = side_by_side(segments, IntegerEngine(model), spec, x)
    assert found is not None
    assert found.tobytes() == y.tobytes()
    assert segments.saturations == alone.saturations


def test_the_first_step_that_differs_in_a_bit_is_found() -> None:
    y = np.zeros((5, 2), np.float32)
    other = y.copy()
    other[3, 1] = -0.0
    assert first_difference(y, other) == 3
    assert first_difference(y, y.copy()) is None
