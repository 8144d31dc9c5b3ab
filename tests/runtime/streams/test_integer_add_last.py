"""A float `add_last` behind integers adds the reading as its integer stands for it."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from support.artifacts import quantised_model
from support.strategies import random_weights, seeds

from rnnedge_runtime.backends.numpy_w8a16 import IntegerEngine
from rnnedge_runtime.spec.layers import AddLast, Linear, Rnn
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target

SPEC = ModelSpec(
    (Feature("a"),), (Target("a"),), (Rnn(1, 2), Linear(2, 1), AddLast((0,)))
)


@settings(max_examples=10)
@given(seeds)
def test_the_reading_itself_does_not_pass(seed: int) -> None:
    """The engine added the float it was given, a Stream the one it held."""
    rng = np.random.default_rng(seed)
    model = quantised_model(SPEC, random_weights(SPEC, rng), frozenset({2}))
    engine = IntegerEngine(model)
    x = rng.normal(size=(1, 20, 1)).astype(np.float32)
    as_held = engine.inputs.readings(x[0])[None]
    state = [np.zeros((1, 2), np.float32)]
    y, expected = engine.run(x, state)[0], engine.run(as_held, state)[0]
    assert y.tobytes() == expected.tobytes()
