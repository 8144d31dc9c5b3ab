"""Every kind of layer stands in every table, or there is a reason why not."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from rnnedge_runtime.backends import graph_w8a16, numpy_f32, numpy_w8a16, reference
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.formats.gate_order import TORCH_GATES_IN_ONNX_ORDER
from rnnedge_runtime.formats.rnne_model import encode_model
from rnnedge_runtime.spec import w8a16_graph, w8a16_model
from rnnedge_runtime.spec.graph_layers import (
    Combine,
    Concat,
    Constant,
    Depthwise,
    Memory,
    Norm,
    Select,
    Sum,
    Window,
)
from rnnedge_runtime.spec.graph_roles import is_graph
from rnnedge_runtime.spec.layer_roles import layer_roles
from rnnedge_runtime.spec.layers import (
    LAYER_KINDS,
    RECURRENT_LAYERS,
    Activation,
    AddLast,
    Affine,
    Difference,
    Embedding,
    Gru,
    Layer,
    Linear,
    Lru,
    Lstm,
    Opaque,
    Rnn,
    Softmax,
)
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.spec_json import spec_from_json, spec_to_json

OPAQUE = {Opaque: "a graph that the backend of its own file runs"}
TABLES: dict[str, tuple[Mapping[type[Layer], Any], dict[Any, str]]] = {
    "reference": (reference.LAYER_STEPS, OPAQUE),
    "f32.v1 in NumPy": (numpy_f32.LAYER_STEPS, OPAQUE),
    "w8a16.v1 in NumPy": (
        numpy_w8a16.LAYER_STEPS | graph_w8a16.GRAPH_STEPS,
        OPAQUE | {Memory: "part of the walk"},
    ),
    "tensors of w8a16.v1": (
        w8a16_model.LAYER_TENSORS | w8a16_graph.GRAPH_TENSORS,
        OPAQUE,
    ),
}
START = (0.25, -0.5, 0.75)
EXAMPLES: dict[str, Layer] = {
    layer.kind: layer
    for layer in (
        Affine(2, inverse=True),
        Embedding(3, 2),
        Rnn(2, 3, "relu", START),
        Gru(2, 3, START),
        Lstm(2, 3, 2, (*START, 0.0, 1.0)),
        Linear(2, 4, 2),
        Activation(2, "leaky_relu", (0.1,)),
        Softmax(4, 2, is_log=True),
        AddLast((1, 0), is_clipped=False),
        Difference(2, (0,)),
        Opaque(2, 2, (("s", (1,), (0.5,)),), "0" * 64, "sort"),
        Combine(2, "maximum"),
        Concat((2, 2)),
        Select(2, (1, 1, 0)),
        Memory(3, 0, START),
        Window(2, 3, 2),
        Norm(4, 1e-5, 2, is_centred=False),
        Sum(4, 2),
        Depthwise(2, 3),
        Constant(2),
        Lru(1, 3, has_step=True, start=START),
    )
}
"""Every field of each differs from its default."""


def spec_of(layer: Layer) -> ModelSpec:
    """A model that is this layer; it reads nothing but the model input."""
    size = max((1, *layer.input_sizes))
    features = tuple(Feature(f"x{k}") for k in range(size))
    targets = tuple(Target(f"y{k}") for k in range(layer.output_size))
    return ModelSpec(
        features, targets, (layer,), wiring=((-1,) * len(layer.input_sizes),)
    )


def plain_forms(layer: Layer) -> list[Layer]:
    """The layer with one of its fields as it is by default."""
    fields = {
        field.name: field.default
        for field in dataclasses.fields(layer)
        if field.default is not dataclasses.MISSING
    }
    forms = [dataclasses.replace(layer, **{n: v}) for n, v in fields.items()]
    return [form for form in forms if not form.fault()]


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
    if not layer.code:
        with pytest.raises(SpecError, match="chains of layers"):
            encode_model(spec_of(layer), "0" * 64)
        return
    forms = [layer, *plain_forms(layer)]
    assert len({encode_model(spec_of(form), "0" * 64) for form in forms}) == len(forms)


@pytest.mark.parametrize("kind", LAYER_KINDS)
def test_every_kind_has_a_role_or_is_refused_by_name(kind: str) -> None:
    layer = EXAMPLES[kind]
    spec = spec_of(layer)
    if kind == "opaque" or (layer.not_in_integers and not is_graph(spec)):
        with pytest.raises(SpecError, match="no integer"):
            layer_roles(spec)
        return
    (found,) = layer_roles(spec)
    tensors = w8a16_model.LAYER_TENSORS | w8a16_graph.GRAPH_TENSORS
    assert found.role == "float" or type(layer) in tensors


def test_onnx_gates_are_those_of_a_recurrent_layer() -> None:
    for kind, order in TORCH_GATES_IN_ONNX_ORDER.items():
        layer = LAYER_KINDS[kind]
        assert layer in RECURRENT_LAYERS
        assert set(order) == set(range(len(layer.gates)))  # type: ignore[union-attr]
