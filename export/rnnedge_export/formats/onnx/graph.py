"""A ModelSpec with its weights as a sealed ONNX file.

Graph inputs are `x` `[batch, time, I]` and the graph state `h_0` `[batch, H]`, ...; outputs
are `y` `[batch, time, O]` and the new state, `<name>_out`. Batch and time are dynamic, so
the same file runs one step or fifty, one stream or a fleet.

Initializers: an RNN, GRU or LSTM node has `layers.<k>.W`, `.R` and `.B` as ONNX wants them
(gates permuted, biases joined); every other tensor, those of a projected LSTM included,
keeps its canonical name, layout and gate order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from rnnedge_runtime.formats.metadata import KEY_SHA256, Metadata, metadata_to_text
from rnnedge_runtime.formats.seal import BLANK_SEAL, seal
from rnnedge_runtime.spec.clip import clip_bounds
from rnnedge_runtime.spec.graph_parts import BEFORE, BEHIND, GraphParts, parts_of
from rnnedge_runtime.spec.layers import (
    Activation,
    AddLast,
    Affine,
    Difference,
    Embedding,
    Layer,
    Linear,
    Lru,
    Softmax,
)
from rnnedge_runtime.spec.weights import Weights

from .builder import GraphBuilder, tensor_info
from .cells import CELLS
from .diagonal import write_lru
from .functions import write_function
from .graph_layers import GRAPH_LAYERS, in_parts, parted
from .loop import add_loop

OPSET = 18
IR_VERSION = 9


def build_onnx(metadata: Metadata, weights: Weights) -> bytes:
    """The ONNX file of a model; equal arguments give equal bytes.

    Args:
        metadata: what the file says of itself; its spec is what is built.
        weights: canonical weights of that spec.
    """
    spec = metadata.spec
    builder = GraphBuilder(spec, weights)
    _add_layers(builder)
    graph = helper.make_graph(
        builder.nodes,
        "rnnedge",
        [tensor_info("x", ["batch", "time", spec.input_size])]
        + [tensor_info(e.name, ["batch", *e.shape]) for e in spec.graph_state],
        [tensor_info("y", ["batch", "time", spec.output_size])]
        + [tensor_info(f"{e.name}_out", ["batch", *e.shape]) for e in spec.graph_state],
        initializer=list(builder.initializers.values()),
    )
    model = helper.make_model(
        graph,
        producer_name="rnnedge",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    onnx.checker.check_model(model, full_check=True)
    return seal_model(model, metadata)


def seal_model(model: onnx.ModelProto, metadata: Metadata) -> bytes:
    """`model` serialized with the description and the checksum of the file inside."""
    text = metadata_to_text(metadata)
    helper.set_model_props(model, {**text, KEY_SHA256: BLANK_SEAL})
    return seal(model.SerializeToString(deterministic=True))


def _add_layers(builder: GraphBuilder) -> None:
    """Add every node from `x` to `y`."""
    if any(feature.clip is not None for feature in builder.spec.features):
        low, high = clip_bounds(builder.spec)
        raised = builder.add(
            "Max", ["x", builder.constant("clip.low", low)], "clip.max"
        )
        builder.x = builder.add(
            "Min", [raised, builder.constant("clip.high", high)], "clip.min"
        )
    clipped = builder.x
    builder.x = builder.add("Transpose", [clipped], "x.time_major", perm=[1, 0, 2])
    builder.readings = builder.x
    if clipped != "x" and builder.spec.takes_readings:
        name = "x.readings"
        builder.readings = builder.add("Transpose", ["x"], name, perm=[1, 0, 2])
    parts, values = parts_of(builder.spec), {-1: builder.x}
    _walk(builder, parts, BEFORE, values)
    if parts.memories:
        add_loop(builder, parts, values, _walk)
        _walk(builder, parts, BEHIND, values)
    last = values[len(builder.spec.layers) - 1]
    builder.add("Transpose", [last], "y", perm=[1, 0, 2])


def _walk(
    builder: GraphBuilder, parts: GraphParts, part: int, values: dict[int, str]
) -> None:
    """Add the layers of one part; the names of what they give go to `values`."""
    for k, layer in enumerate(builder.spec.layers):
        if parts.part_of[k] == part:
            builder.state_names = list(builder.states[k])
            read = tuple(values[source] for source in builder.spec.reads[k])
            z: Any = read[0] if len(read) == 1 else read
            values[k] = LAYERS[type(layer)](builder, f"layers.{k}", layer, z)


def _affine(builder: GraphBuilder, prefix: str, layer: Affine, z: str) -> str:
    shift, scale = builder.weight(prefix, "shift"), builder.weight(prefix, "scale")
    if layer.inverse:
        scaled = builder.add("Mul", [z, scale], f"{prefix}.scaled")
        return builder.add("Add", [scaled, shift], f"{prefix}.out")
    shifted = builder.add("Sub", [z, shift], f"{prefix}.shifted")
    return builder.add("Mul", [shifted, scale], f"{prefix}.out")


def _embedding(builder: GraphBuilder, prefix: str, layer: Embedding, z: str) -> str:
    zero = builder.constant("zero", np.array(0, dtype=np.float32))
    size = np.array(layer.num_embeddings, dtype=np.float32)
    count = builder.constant(f"{prefix}.num_embeddings", size)
    token = builder.add("Squeeze", [z, builder.axis(2)], f"{prefix}.token")
    at_least = builder.add("GreaterOrEqual", [token, zero], f"{prefix}.at_least")
    below = builder.add("Less", [token, count], f"{prefix}.below")
    is_known = builder.add("And", [at_least, below], f"{prefix}.is_known")
    known = builder.add("Where", [is_known, token, zero], f"{prefix}.known")
    index = builder.add("Cast", [known], f"{prefix}.index", to=TensorProto.INT64)
    table = builder.weight(prefix, "weight")
    return builder.add("Gather", [table, index], f"{prefix}.out", axis=0)


def _linear(builder: GraphBuilder, prefix: str, layer: Linear, z: str) -> str:
    positions = layer.positions
    if positions > 1:
        shape = (positions, layer.input_size // positions)
        z = parted(builder, prefix, z, shape, "parts")
    product = builder.matmul(prefix, "weight", z)
    bias = builder.weight(prefix, "bias")
    if positions > 1:
        y = builder.add("Add", [product, bias], f"{prefix}.sums")
        return parted(builder, prefix, y, (layer.output_size,), "out")
    return builder.add("Add", [product, bias], f"{prefix}.out")


def _softmax(builder: GraphBuilder, prefix: str, layer: Softmax, z: str) -> str:
    operator = "LogSoftmax" if layer.is_log else "Softmax"
    if layer.groups == 1:
        return builder.add(operator, [z], f"{prefix}.out", axis=-1)

    def write(parts: str) -> str:
        return builder.add(operator, [parts], f"{prefix}.shares", axis=-1)

    shape = (layer.groups, layer.size // layer.groups)
    return in_parts(builder, prefix, z, shape, write, layer.size)


def _add_last(builder: GraphBuilder, prefix: str, layer: AddLast, z: str) -> str:
    x = builder.x if layer.is_clipped else builder.readings
    last = builder.sources(prefix, layer.sources, x)
    return builder.add("Add", [z, last], f"{prefix}.out")


def _difference(builder: GraphBuilder, prefix: str, layer: Difference, z: str) -> str:
    """z, then the readings less those of the step before, which start as `d`.

    Where `d` says that there was no step, its readings are the first ones.
    """

    def add(operator: str, inputs: Sequence[str], name: str, **fields: object) -> str:
        return builder.add(operator, inputs, f"{prefix}.{name}", **fields)

    state = builder.state_names.pop(0)
    num_sources = len(layer.sources)
    values = builder.sources(prefix, layer.sources, builder.readings)
    parts = [f"{prefix}.carried", f"{prefix}.had_step"]
    sizes = np.array([num_sources, 1], dtype=np.int64)
    inputs = [state, builder.constant(f"{prefix}.sizes", sizes)]
    builder.nodes.append(
        helper.make_node("Split", inputs, parts, name=f"{prefix}.split", axis=1)
    )
    zero = builder.constant("zero", np.array(0, dtype=np.float32))
    one = builder.constant("one", np.array(1, dtype=np.float32))
    index = builder.constant("index_0", np.array(0, dtype=np.int64))
    end = builder.constant("index_-1", np.array(-1, dtype=np.int64))
    first = add("Gather", [values, index], "first_values", axis=0)
    last = add("Gather", [values, end], "last_values", axis=0)
    is_first = add("Equal", [parts[1], zero], "is_first")
    start = add("Where", [is_first, first, parts[0]], "start")
    start = add("Unsqueeze", [start, builder.axis(0)], "start_step")
    earlier = add(
        "Slice", [values, builder.axis(0), builder.axis(-1), builder.axis(0)], "earlier"
    )
    before = add("Concat", [start, earlier], "before", axis=0)
    change = add("Sub", [values, before], "change")
    raised = add("Max", [change, builder.weight(prefix, "low")], "raised")
    change = add("Min", [raised, builder.weight(prefix, "high")], "limited")
    shape = add("Shape", [parts[1]], "shape")
    ones = add("Expand", [one, shape], "ones")
    builder.add("Concat", [last, ones], f"{state}_out", axis=1)
    return add("Concat", [z, change], "out", axis=2)


LAYERS: dict[type[Layer], Callable[[GraphBuilder, str, Any, Any], str]] = {
    Affine: _affine,
    Embedding: _embedding,
    Linear: _linear,
    Activation: write_function,
    Softmax: _softmax,
    AddLast: _add_last,
    Difference: _difference,
    **CELLS,
    Lru: write_lru,
    **GRAPH_LAYERS,
}
"""Each adds its nodes behind `z`, `[T, B, size]`; all but Opaque (`opaque_graph.py`)."""
