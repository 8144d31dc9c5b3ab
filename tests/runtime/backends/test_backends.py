"""The contract over cell x layers x size x backend, and over drawn specs."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.artifacts import (
    BACKENDS,
    BITWISE,
    load_backend,
    reference_model,
    torch_float32_error,
)
from support.contract import verify_stream_contract
from support.strategies import (
    model_specs,
    partitions,
    random_readings,
    random_weights,
    seeds,
)

from rnnedge_runtime.spec.derived import HOUR_OF_DAY_S, DerivedInput
from rnnedge_runtime.spec.layers import AddLast, Affine, Gru, Linear, Lstm, Rnn
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.weights import Weights
from rnnedge_runtime.streams.model import Model

CELLS = {
    "rnn-tanh": lambda i, h: Rnn(i, h),
    "rnn-relu": lambda i, h: Rnn(i, h, "relu"),
    "gru": Gru,
    "lstm": Lstm,
    "lstm-proj": lambda i, h: Lstm(i, h, proj_size=(h + 1) // 2 if h > 1 else 0),
}
HIDDEN = (1, 7, 17, 31)
LAYERS = (1, 2)


def forecaster(cell: str, num_layers: int, hidden_size: int) -> ModelSpec:
    """What `rnnedge train` makes: scaler, cells, head, inverse scaler, add_last."""
    layers = [Affine(4)]
    for _ in range(num_layers):
        layers.append(CELLS[cell](layers[-1].output_size, hidden_size))
    layers += [
        Linear(layers[-1].output_size, 4),
        Affine(4, inverse=True),
        AddLast((0, 0, 1, 1)),
    ]
    return ModelSpec(
        features=(Feature("a", clip=(-3, 3)), Feature("b", missing="reject")),
        targets=(Target("a"), Target("b")),
        layers=tuple(layers),
        horizon=2,
        derived=(DerivedInput(HOUR_OF_DAY_S),),
        sample_period_s=3600.0,
    )


def verify(
    model: Model, spec: ModelSpec, weights: Weights, rng: np.random.Generator
) -> None:
    readings = random_readings(spec, rng, 24)
    verify_stream_contract(
        model.stream,
        spec,
        rng,
        make_judge=reference_model(spec, weights).stream,
        readings=readings,
        is_bitwise=model.backend in BITWISE,
        float32_error=torch_float32_error(spec, weights, readings),
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("hidden_size", HIDDEN, ids=lambda h: f"H{h}")
@pytest.mark.parametrize("num_layers", LAYERS, ids=lambda n: f"L{n}")
@pytest.mark.parametrize("cell", CELLS)
def test_contract(
    cell: str,
    num_layers: int,
    hidden_size: int,
    backend: str,
    rng: np.random.Generator,
    tmp_path: Path,
) -> None:
    spec = forecaster(cell, num_layers, hidden_size)
    weights = random_weights(spec, rng)
    verify(load_backend(spec, weights, backend, tmp_path), spec, weights, rng)


@settings(max_examples=200)
@given(spec=model_specs(), seed=seeds)
def test_contract_of_drawn_specs_in_the_reference(spec: ModelSpec, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = random_weights(spec, rng)
    model = reference_model(spec, weights)
    verify_stream_contract(
        model.stream, spec, rng, make_judge=model.stream, is_bitwise=True
    )


@pytest.mark.parametrize("backend", ["onnx", "torchscript"])
@settings(max_examples=10)
@given(spec=model_specs(), seed=seeds)
def test_contract_of_drawn_specs(backend: str, spec: ModelSpec, seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = random_weights(spec, rng)
    with tempfile.TemporaryDirectory() as folder:
        model = load_backend(spec, weights, backend, Path(folder))
        verify(model, spec, weights, rng)


@settings(max_examples=50)
@given(spec=model_specs(), seed=seeds, chunks=partitions(30), data=st.data())
def test_any_partition_gives_the_same_bits(
    spec: ModelSpec, seed: int, chunks: list[int], data: st.DataObject
) -> None:
    rng = np.random.default_rng(seed)
    model = reference_model(spec, random_weights(spec, rng))
    readings = random_readings(spec, rng, 30)
    start = data.draw(st.integers(-(10**9), 10**10))
    times = start + np.rint(np.arange(30) * (spec.sample_period_s or 0)).astype("i8")
    stream, first, found = model.stream(), 0, []
    for size in chunks:
        rows = slice(first, first + size)
        found.append(stream.run(readings[rows], times[rows]))
        first += size
    expected = model.stream().run(readings, start if spec.derived else None)
    np.testing.assert_array_equal(np.concatenate(found), expected)
