"""Every kind of layer stands in every table, or there is a reason why not."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest
from support.rnn_cells import CELLS

from rnnedge_runtime.backends import numpy_f32, numpy_w8a16, reference
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.formats.rnne_model import encode_model
from rnnedge_runtime.spec import w8a16_model
from rnnedge_runtime.spec.gate_order import TORCH_GATES_IN_ONNX_ORDER
from rnnedge_runtime.spec.layer_roles import layer_roles
from rnnedge_runtime.spec.layers import (
    LAYER_KINDS,
    RECURRENT_LAYERS,
    Activation,
    AddLast,
    Affine,
    Difference,
    Embedding,
    Layer,
    Linear,
    Opaque,
    Softmax,
)
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.spec_json import spec_from_json, spec_to_json

OPAQUE = {Opaque: "a graph that the backend of its own file runs"}
NO_INTEGERS = {
    **OPAQUE,
    Affine: "taken in by the conversion beside it, or in float",
    Softmax: "in float: it needs exp and a division",
}
TABLES: dict[str, tuple[Mapping[type[Layer], Any], dict[Any, str]]] = {
    "reference": (reference.LAYER_STEPS, OPAQUE),
    "f32.v1 in NumPy": (numpy_f32.LAYER_STEPS, OPAQUE),
    "w8a16.v1 in NumPy": (numpy_w8a16.LAYER_STEPS, NO_INTEGERS),
    "tensors of w8a16.v1": (w8a16_model.LAYER_TENSORS, NO_INTEGERS),
}
EXAMPLES: dict[str, Layer] = {
    layer.kind: layer
    for layer in (
        Affine(2, inverse=True),
        Embedding(3, 2),
        *(make(2, 3) for make in CELLS.values()),
        Linear(2, 2),
        Activation(2, "sigmoid"),
        Softmax(2),
        AddLast((1, 0), is_clipped=False),
        Difference(2, (0,)),
        Opaque(2, 2, (("s", (1,), (0.5,)),), "0" * 64, "sort"),
    )
}


def spec_of(layer: Layer) -> ModelSpec:
    """A model whose first layer it is."""
    features = tuple(Feature(f"x{k}") for k in range(layer.input_size))
    targets = tuple(Target(f"y{k}") for k in range(layer.output_size))
    return ModelSpec(features, targets, (layer,))


@pytest.mark.parametrize("table", TABLES)
def test_every_kind_has_its_row(table: str) -> None:
    rows, reasons = TABLES[table]
    assert set(rows) | set(reasons) == set(LAYER_KINDS.values())
    assert not set(rows) & set(reasons)


def test_every_kind_has_an_example_here() -> None:
    assert {kind: type(layer) for kind, layer in EXAMPLES.items()} == LAYER_KINDS


@pytest.mark.parametrize("kind", LAYER_KINDS)
def test_every_field_goes_through_json(kind: str) -> None:
    spec = spec_of(EXAMPLES[kind])
    assert spec_from_json(spec_to_json(spec), where="test") == spec


def test_codes_are_those_of_one_kind_each() -> None:
    codes = [layer.code for layer in LAYER_KINDS.values() if layer is not Opaque]
    assert sorted(codes) == list(range(1, len(codes) + 1))


@pytest.mark.parametrize("kind", LAYER_KINDS)
def test_a_file_tells_every_form_of_a_kind_apart(kind: str) -> None:
    layer = EXAMPLES[kind]
    plain = {
        field.name: field.default
        for field in dataclasses.fields(layer)
        if field.default is not dataclasses.MISSING
    }
    if not layer.code:
        with pytest.raises(SpecError, match="chains of layers"):
            encode_model(spec_of(layer), "0" * 64)
        return
    forms = {encode_model(spec_of(layer), "0" * 64)}
    if plain and kind != "lstm":
        forms.add(encode_model(spec_of(dataclasses.replace(layer, **plain)), "0" * 64))
        assert len(forms) == 2


@pytest.mark.parametrize("kind", LAYER_KINDS)
def test_every_kind_has_a_role_or_is_refused_by_name(kind: str) -> None:
    layer = EXAMPLES[kind]
    if layer.not_in_integers or kind == "opaque":
        with pytest.raises(SpecError, match="no integer"):
            layer_roles(spec_of(layer))
        return
    (found,) = layer_roles(spec_of(layer))
    assert found.role == "float" or type(layer) in w8a16_model.LAYER_TENSORS


def test_onnx_gates_are_those_of_a_recurrent_layer() -> None:
    for kind, order in TORCH_GATES_IN_ONNX_ORDER.items():
        layer = LAYER_KINDS[kind]
        assert layer in RECURRENT_LAYERS
        assert set(order) == set(range(len(layer.gates)))  # type: ignore[union-attr]
