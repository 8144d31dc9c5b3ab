"""`lru`: a scan for training, steps for devices, and any length of step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.artifacts import torch_model

from rnnedge_export.torch_model.lru import AT_ONCE, scan, scan_all
from rnnedge_export.torch_model.sequence_model import SequenceModel
from rnnedge_runtime.backends.numpy_f32 import Float32Engine
from rnnedge_runtime.backends.reference import ReferenceEngine
from rnnedge_runtime.spec.layers import Linear, Lru, Select
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.spec_json import spec_from_json, spec_to_json
from rnnedge_runtime.tolerances import parity_limit

START = (0.5, -0.25, 0.0, 0.125)
PLAIN = ModelSpec(
    (Feature("a"), Feature("b")), (Target("a"),), (Lru(2, 4, start=START), Linear(4, 1))
)
TIMED = ModelSpec(
    (Feature("a"), Feature("b"), Feature("dt")),
    (Target("a"),),
    (Select(3, (0, 1)), Select(3, (2,)), Lru(2, 4, has_step=True), Linear(4, 1)),
    wiring=((-1,), (-1,), (0, 1), (2,)),
)
SPECS = [PLAIN, TIMED]


def made(spec, seed=0):
    torch.manual_seed(seed)
    model = SequenceModel(spec)
    return model, model.weights()


def start_of(spec, batch):
    return [np.stack([entry.initial_array()] * batch) for entry in spec.graph_state]


@given(st.integers(1, 300), st.integers(0, 2**31))
def test_scan_is_the_recurrence(size, seed):
    generator = torch.Generator().manual_seed(seed)
    a = torch.rand(2, size, 3, generator=generator, dtype=torch.float64)
    b = torch.randn(2, size, 3, generator=generator, dtype=torch.float64)
    h = torch.randn(2, 3, generator=generator, dtype=torch.float64)
    for found in (scan(a, b, h), scan_all(a, b, h, 37)):
        now = h
        for t in range(size):
            now = a[:, t] * now + b[:, t]
            torch.testing.assert_close(found[:, t], now)


@pytest.mark.parametrize("spec", SPECS)
def test_spec_comes_back_from_its_json(spec):
    assert spec_from_json(spec_to_json(spec), where="test") == spec


@pytest.mark.parametrize("spec", SPECS)
def test_float64_is_the_reference(spec):
    _, weights = made(spec)
    module = torch_model(spec, weights).double()
    x = np.random.default_rng(1).normal(size=(2, AT_ONCE + 9, spec.input_size))
    state = start_of(spec, 2)
    y, new = module(torch.from_numpy(x), [torch.from_numpy(h).double() for h in state])
    expected, after = ReferenceEngine(spec, weights).run(x, state)
    limit = parity_limit(expected.reshape(-1, 1))
    assert np.abs(y.detach().numpy() - expected).max() <= limit
    assert np.abs(new[0].detach().numpy() - after[0]).max() <= limit


@pytest.mark.parametrize("spec", SPECS)
def test_run_is_step_to_the_bit(spec):
    engine = Float32Engine(spec, made(spec)[1])
    x = (
        np.random.default_rng(2)
        .normal(size=(3, 50, spec.input_size))
        .astype(np.float32)
    )
    y, last = engine.run(x, start_of(spec, 3))
    for b in range(3):
        state = start_of(spec, 1)
        for t in range(50):
            one, state = engine.run(x[b : b + 1, t : t + 1], state)
            assert one.tobytes() == y[b, t].tobytes()
        assert state[0].tobytes() == last[0][b].tobytes()


@given(st.floats(0, 40), st.floats(0, 40), st.integers(0, 2**31))
def test_two_steps_are_one_of_their_length(first, second, seed):
    engine = ReferenceEngine(TIMED, made(TIMED, seed % 5)[1])
    a, b = np.random.default_rng(seed).normal(size=2)
    whole = np.array([[[a, b, first + second]]])
    parts = np.array([[[a, b, first], [a, b, second]]])
    state = [np.random.default_rng(seed).uniform(-1, 1, (1, 4))]
    y, after = engine.run(parts, state)
    expected, known = engine.run(whole, state)
    np.testing.assert_allclose(after[0], known[0], atol=1e-12)  # tolerance of float64
    np.testing.assert_allclose(y[:, -1], expected[:, -1], atol=1e-12)


def test_a_step_of_length_one_is_the_usual_step():
    _, weights = made(PLAIN)
    timed = {k.replace("layers.1", "layers.3"): v for k, v in weights.items()}
    timed = {k.replace("layers.0", "layers.2"): v for k, v in timed.items()}
    x = np.random.default_rng(3).normal(size=(1, 20, 2))
    state = start_of(PLAIN, 1)
    y, _ = ReferenceEngine(PLAIN, weights).run(x, state)
    with_ones = np.concatenate([x, np.ones((1, 20, 1))], axis=-1)
    found, _ = ReferenceEngine(TIMED, timed).run(with_ones, state)
    assert np.abs(found - y).max() <= parity_limit(y.reshape(-1, 1))


def test_no_time_changes_nothing_and_neither_does_time_that_goes_back():
    engine = Float32Engine(TIMED, made(TIMED)[1])
    x = np.array([[[5, -5, 0], [3, 1, -2]]], dtype=np.float32)
    state = [np.full((1, 4), 0.3, np.float32)]
    assert engine.run(x, state)[1][0].tobytes() == state[0].tobytes()


def test_all_of_its_state_stays_between_minus_one_and_one():
    engine = Float32Engine(TIMED, made(TIMED)[1])
    x = np.random.default_rng(4).normal(size=(4, 200, 3)).astype(np.float32) * 1e3
    assert np.abs(engine.run(x, start_of(TIMED, 4))[1][0]).max() <= 1
