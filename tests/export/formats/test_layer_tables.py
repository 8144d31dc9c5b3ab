"""Every kind of layer has a row in the tables of each writer, or a reason why not."""

from __future__ import annotations

import pytest

from rnnedge_export.formats.c import cells
from rnnedge_export.formats.c.f32 import layers as f32_layers
from rnnedge_export.formats.c.f32 import packing as f32_packing
from rnnedge_export.formats.c.w8a16 import graph_layers as w8a16_graph_layers
from rnnedge_export.formats.c.w8a16 import layers as w8a16_layers
from rnnedge_export.formats.c.w8a16 import packing as w8a16_packing
from rnnedge_export.formats.onnx import cells as onnx_cells
from rnnedge_export.formats.onnx import graph
from rnnedge_export.torch_model import modules
from rnnedge_runtime.spec.layers import LAYER_KINDS, RecurrentLayer

KINDS = set(LAYER_KINDS.values())
CELLS = {kind for kind in KINDS if issubclass(kind, RecurrentLayer)}
GRAPH = {"opaque": "a graph of its own is no chain of layers"}
FLOAT_ALONE = {
    "affine": "folded into the conversions at the border of integers",
    "softmax": "computed in float",
}
NO_WEIGHTS = dict.fromkeys(
    (
        *("softmax", "add_last", "activation", "combine", "concat", "select", "memory"),
        *("window", "norm", "sum"),
    ),
    "it has no weights",
)
OF_GRAPHS = {
    kind.kind: "graphs have rows of their own"
    for kind in KINDS
    if kind.since >= 3 and kind.kind not in GRAPH
}
PACKED_OF_GRAPHS = {name: why for name, why in OF_GRAPHS.items() if name != "lru"}
FLOAT_IN_GRAPHS = dict.fromkeys(
    ("add_last", "difference"), "a graph holds its readings in float"
)
NO_ARRAYS = {"activation": "its one number is in the statement"}


@pytest.mark.parametrize(
    ("table", "missing"),
    [
        (graph.LAYERS, GRAPH),
        (modules.MODULES, GRAPH),
        (f32_layers.LAYERS, GRAPH),
        (f32_packing.PACKED, GRAPH | NO_WEIGHTS),
        (w8a16_layers.LAYERS, GRAPH | FLOAT_ALONE | OF_GRAPHS),
        (w8a16_packing.PACKED, GRAPH | FLOAT_ALONE | PACKED_OF_GRAPHS | NO_ARRAYS),
        (w8a16_graph_layers.GRAPH_LAYERS_Q, GRAPH | FLOAT_IN_GRAPHS),
    ],
)
def test_a_table_has_every_kind_of_layer_or_a_reason(table, missing) -> None:
    assert all(missing.values())
    assert {kind.kind for kind in KINDS - set(table)} == set(missing)


@pytest.mark.parametrize("table", [cells.CELLS, onnx_cells.CELLS])
def test_a_table_of_cells_has_every_cell(table) -> None:
    assert set(table) == CELLS
