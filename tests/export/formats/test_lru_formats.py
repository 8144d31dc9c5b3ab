"""`lru` in every format: alone, in a chain, and in a graph with the length of its step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from support import programs
from support.artifacts import describe, inputs_of, torch_model
from support.c_models import FUSED_GCC, WARNINGS, compiled, drawn_model, write_c
from support.strategies import random_readings, random_weights

from rnnedge_export.compare.carrying import carry
from rnnedge_export.compare.exact_steps import ExactSteps
from rnnedge_export.compare.runs import run_through
from rnnedge_export.compare.state_layout import taken_by_reference
from rnnedge_export.formats.onnx.graph import build_onnx
from rnnedge_runtime.backends.numpy_f32 import Float32Engine
from rnnedge_runtime.backends.reference import ReferenceEngine
from rnnedge_runtime.spec.layers import Affine, Linear, Lru, Select
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.streams.engine import initial_state

SIZES = (1, 3, 4, 7, 16)
COMPILERS = {
    "gcc": ("gcc", "-O1", *WARNINGS),
    "plain": ("gcc", "-std=c99", "-DRNNE_PLAIN_C"),
    "fused": FUSED_GCC,
}


def chain(hidden: int) -> ModelSpec:
    start = tuple(np.linspace(-0.5, 0.5, hidden, dtype=np.float32).tolist())
    layers = (
        Affine(2),
        Lru(2, hidden, start=start),
        Lru(hidden, 3),
        Linear(3, 1),
        Affine(1, inverse=True),
    )
    return ModelSpec((Feature("a"), Feature("b")), (Target("a"),), layers)


def timed(hidden: int) -> ModelSpec:
    """The second feature is the length of the step."""
    return ModelSpec(
        (Feature("a"), Feature("dt", initial=1.0)),
        (Target("a"),),
        (
            Select(2, (1,)),
            Lru(2, hidden, has_step=True),
            Lru(hidden, hidden, has_step=True),
            Linear(hidden, 1),
        ),
        wiring=((-1,), (-1, 0), (1, 0), (2,)),
    )


SPECS = [make(size) for make in (chain, timed) for size in SIZES]


def stream_of(spec: ModelSpec, seed: int, size: int = 60) -> np.ndarray:
    readings = random_readings(spec, np.random.default_rng(seed), size)
    return inputs_of(spec, readings).astype(np.float32)


@pytest.mark.parametrize("name", COMPILERS)
def test_generated_c_gives_the_bytes_of_numpy(name: str, tmp_path: Path) -> None:
    programs.require(COMPILERS[name][0])
    models = [drawn_model(spec, seed) for seed, spec in enumerate(SPECS)]
    paths = [
        write_c(m.spec, m.weights, f"m{k}", tmp_path) for k, m in enumerate(models)
    ]
    engines = compiled(paths, tmp_path, COMPILERS[name])
    for model, engine in zip(models, engines, strict=True):
        stream = engine.stepper()
        y = np.full((len(model.x), engine.spec.output_size), np.nan, np.float32)
        for row, out in zip(model.x, y, strict=True):
            assert engine.call("step", stream._state, row.copy(), out) == 0
        assert y.tobytes() == model.y.tobytes(), model.spec


@pytest.mark.parametrize("spec", SPECS)
def test_onnx_and_pytorch_are_within_the_limits_of_the_judge(spec: ModelSpec) -> None:
    weights = random_weights(spec, np.random.default_rng(1))
    x = stream_of(spec, 1)
    exact = ExactSteps(spec, weights)
    carried = carry(exact, x, taken_by_reference(exact, x))
    assert carried.is_bounded
    assert all(carried.has_changed)
    expected = run_through(ReferenceEngine(spec, weights), spec, x)
    assert np.abs(carried.y - expected).max() < 1e-12
    session = onnxruntime.InferenceSession(build_onnx(describe(spec, weights), weights))
    module = torch.jit.script(torch_model(spec, weights))
    for chunk in (1, 7, len(x)):
        for found in (
            of_onnx(session, spec, x, chunk),
            of_torch(module, spec, x, chunk),
        ):
            assert (np.abs(found - expected) <= carried.limits).all(), chunk


def of_onnx(session, spec, x, chunk):
    names = [entry.name for entry in spec.graph_state]
    state = initial_state(spec.graph_state, 1, np.float32)
    parts = []
    for t in range(0, len(x), chunk):
        feeds = {"x": x[None, t : t + chunk], **dict(zip(names, state, strict=True))}
        y, *state = session.run(["y", *(f"{name}_out" for name in names)], feeds)
        parts.append(y[0])
    return np.concatenate(parts)


def of_torch(module, spec, x, chunk):
    state = [
        torch.from_numpy(value)
        for value in initial_state(spec.graph_state, 1, np.float32)
    ]
    parts = []
    with torch.no_grad():
        for t in range(0, len(x), chunk):
            y, state = module(torch.from_numpy(x[None, t : t + chunk]), state)
            parts.append(y[0].numpy())
    return np.concatenate(parts)


def test_bounds_hold_for_single_steps() -> None:
    """Each single step of NumPy is within its bound."""
    for spec in SPECS:
        weights = random_weights(spec, np.random.default_rng(2))
        x = stream_of(spec, 2)
        exact, engine = ExactSteps(spec, weights), Float32Engine(spec, weights)
        state = initial_state(spec.graph_state, 1, np.float32)
        for row in x:
            before = [value.copy() for value in state]
            y, state = engine.run(row[None, None], state)
            steps = exact.step(row[None], before)
            assert (np.abs(y[0] - steps.y) <= steps.y_bound).all()
            for found, value, bound in zip(
                state, steps.state, steps.state_bounds, strict=True
            ):
                assert (np.abs(found - value) <= bound).all()
