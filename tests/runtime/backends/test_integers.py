"""The arithmetic `w8a16.v1` and its NumPy engine."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.artifacts import integer_rnne, quantised_model, quantised_models
from support.contract import verify_stream_contract
from support.strategies import random_readings, random_weights, seeds

from rnnedge_runtime.backends.numpy_w8a16 import IntegerEngine
from rnnedge_runtime.errors import FormatError, SpecError
from rnnedge_runtime.formats.metadata import Golden, Metadata
from rnnedge_runtime.formats.rnne_file import parse_rnne
from rnnedge_runtime.numerics import w8a16 as numerics
from rnnedge_runtime.spec.layer_roles import layer_roles
from rnnedge_runtime.spec.layers import Gru, Linear, Lstm, Softmax
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.streams.w8a16_inputs import IntegerInputs
from rnnedge_runtime.tolerances import INTEGER_FUNCTION_UNITS

DOCUMENT = Path(__file__).parents[3] / "docs" / "numerics.md"


def in_memory(model: QuantisedModel) -> Model:
    golden = Golden(
        np.zeros((1, model.spec.input_size), np.float32),
        np.zeros((1, model.spec.output_size), np.float32),
    )
    metadata = Metadata(
        model.spec, model.digest, numerics.INTEGER_NUMERICS, golden, "tests"
    )
    return Model(metadata, IntegerEngine(model))


@settings(max_examples=12)
@given(model=quantised_models(2), seed=seeds)
def test_contract(model: QuantisedModel, seed: int) -> None:
    make_stream = in_memory(model).stream
    verify_stream_contract(
        make_stream,
        model.spec,
        np.random.default_rng(seed),
        make_judge=make_stream,
        is_bitwise=True,
    )


@settings(max_examples=2)
@given(model=quantised_models(2))
def test_a_file_holds_the_whole_model(model: QuantisedModel) -> None:
    content = integer_rnne(model)
    metadata, read = parse_rnne(content, where="file")
    assert isinstance(read, QuantisedModel)
    assert (read.spec, read.kept, read.digest) == (
        model.spec,
        model.kept,
        metadata.digest,
    )
    for name, tensor in model.tensors.items():
        assert read.tensors[name].dtype == tensor.dtype
        np.testing.assert_array_equal(read.tensors[name], tensor)
    assert integer_rnne(read) == content


@settings(max_examples=12)
@given(model=quantised_models(2), seed=seeds)
def test_readings_turn_into_the_same_integers_again(
    model: QuantisedModel, seed: int
) -> None:
    if not model.roles[0].is_first:
        return
    rng = np.random.default_rng(seed)
    inputs = IntegerInputs(model)
    readings = inputs.readings(random_readings(model.spec, rng, 30))
    assert inputs.readings(readings).tobytes() == readings.tobytes()
    if model.spec.derived:
        times = rng.integers(-(2**40), 2**40, 30)
        columns = slice(model.spec.num_features, None)
        found = inputs.to_integers(inputs.derived(times), columns)
        np.testing.assert_array_equal(found, inputs.derived_integers(times))


def test_functions_are_within_their_bounds_and_never_fall() -> None:
    u = np.arange(-numerics.LARGEST_VALUE, numerics.LARGEST_VALUE + 1)
    tanh = numerics.tanh_q(u)
    assert np.abs(tanh - 32768 * np.tanh(u / 4096)).max() < INTEGER_FUNCTION_UNITS
    assert (np.diff(tanh) >= 0).all()
    np.testing.assert_array_equal(tanh, -tanh[::-1])
    gate = numerics.gate_q(u)
    exact = 65536 / (1 + np.exp(-u / 2048))
    assert np.abs(gate - exact).max() < 2 * INTEGER_FUNCTION_UNITS
    assert (np.diff(gate) >= 0).all()
    assert gate[0] == 1
    assert gate[-1] == 65536
    turn = np.arange(0, 2**32, 9973, dtype=np.uint64)
    pairs = numerics.sine_cosine_q(turn.astype(np.uint32))
    for found, function in zip(pairs, (np.sin, np.cos), strict=True):
        expected = 32768 * function(turn * (2 * np.pi / 2**32))
        assert np.abs(found - expected).max() < INTEGER_FUNCTION_UNITS + 1


def test_the_document_has_the_tables() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for name in ("VALUE", "SLOPE", "BEND"):
        table = getattr(numerics, f"TANH_{name}")
        block = re.search(rf"^    {name}((?:\s+-?\d+)+)$", text, re.MULTILINE)
        assert block is not None
        stated = [int(word) for word in block[1].split()]
        filler = [numerics.LARGEST_VALUE if name == "VALUE" else 0]
        assert tuple(stated + filler * (len(table) - len(stated))) == table


def test_a_slow_gate_settles() -> None:
    """A 16-bit state would stop (1 - u) * (h - n) = 0.5 / 32768 away."""
    spec = ModelSpec((Feature("a"),), (Target("a"),), (Gru(1, 1), Linear(1, 1)))
    weights = random_weights(spec, np.random.default_rng(0))
    for name, tensor in weights.items():
        tensor[...] = 1.0 if name == "layers.1.weight" else 0.0
    weights["layers.0.bias_ih"][:] = [0.0, 6.5, 1.0]  # update gate 0.9985, n = tanh 1
    engine = IntegerEngine(quantised_model(spec, weights))
    x = np.zeros((1, 20_000, 1), np.float32)
    _, (h,) = engine.run(x, [np.zeros((1, 1), np.float32)])
    assert abs(float(h[0, 0]) - np.tanh(1.0)) < 2 * INTEGER_FUNCTION_UNITS / 32768


def test_a_layer_without_an_integer_form_is_named() -> None:
    spec = ModelSpec(
        (Feature("a"),), (Target("a"),), (Lstm(1, 3), Linear(3, 1), Softmax(1))
    )
    with pytest.raises(SpecError, match=r"layer 2 \(softmax\).*--keep-float 2"):
        layer_roles(spec)
    kept = layer_roles(spec, frozenset({2}))
    assert [part.role for part in kept] == ["integer", "integer", "float"]


@settings(max_examples=20)
@given(model=quantised_models(2), data=st.data())
def test_tensors_out_of_range_are_refused(
    model: QuantisedModel, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(model.tensors)))
    tensor = model.tensors[name].copy()
    if tensor.dtype == np.int8:
        tensor.flat[0] = -128
    elif tensor.dtype == np.int32:
        tensor.flat[-1] = -(2**31)
    elif tensor.dtype == np.int16:
        tensor.flat[0] = -32768
    else:
        tensor.flat[0] = np.inf
    with pytest.raises(FormatError, match=re.escape(f"'{name}'")):
        dataclasses.replace(model, tensors={**model.tensors, name: tensor})
