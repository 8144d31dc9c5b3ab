"""The C statements of one step in float32, kind by kind, and the memory they need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnedge_runtime.spec import layers as kinds
from rnnedge_runtime.spec.model_spec import ModelSpec

from ..cells import CELLS
from ..literals import float_literal
from ..writers.arrays import padded
from ..writers.f32_writer import FUNCTIONS, ChainWriter
from ..writers.graph_writer import ON_STACK as ARENA_ON_STACK
from ..writers.graph_writer import GraphWriter
from .graph_layers import GRAPH_LAYERS

ON_STACK = 8
"""Buffers of up to so many floats are on the stack, larger ones in the state."""
TAIL = kinds.Affine | kinds.Activation | kinds.Softmax | kinds.AddLast
"""Layers behind the last product, which write to `y`."""


@dataclass(frozen=True, slots=True)
class StepCode:
    """One step of a model.

    Attributes:
        state: (name, floats) of the tensors in the state, `held` last.
        work: (name, floats) of the buffers in the state that no step leaves to the next.
        declarations: of the buffers on the stack.
        lines: statements from accepted readings `x` to `y`, not indented.
    """

    state: tuple[tuple[str, int], ...]
    work: tuple[tuple[str, int], ...]
    declarations: tuple[str, ...]
    lines: tuple[str, ...]


def step_code(spec: ModelSpec, prefix: str) -> StepCode:
    """One step of `spec`.

    Args:
        spec: layers, each of which has a row here.
        prefix: of the constant arrays, `<prefix>_<layer>_<suffix>`.
    """
    if spec.wiring or not GRAPH_LAYERS.keys().isdisjoint(map(type, spec.layers)):
        return _graph_code(spec, prefix)
    writer = ChainWriter(spec, prefix)
    writer.accept()
    for k, layer in enumerate(spec.layers):
        is_tail = all(isinstance(item, TAIL) for item in spec.layers[k + 1 :])
        write_layer(writer, k, layer, is_tail)
    if writer.z != "y":
        size = spec.layers[-1].output_size
        writer.lines.append(f"rnne_f32_copy({size}, {writer.z}, y);")
    buffers = writer.buffers.sizes
    small = {name: size for name, size in buffers.items() if size <= ON_STACK}
    lines = writer.lines
    for name in buffers:
        place = name if name in small else f"s->{name}"
        lines = [line.replace(f"@{name}@", place) for line in lines]
    return StepCode(
        state=(*writer.state, ("held", spec.num_features)),
        work=tuple(item for item in buffers.items() if item[0] not in small),
        declarations=tuple(f"float {name}[{size}];" for name, size in small.items()),
        lines=tuple(lines),
    )


def _graph_code(spec: ModelSpec, prefix: str) -> StepCode:
    writer = GraphWriter(spec, prefix)
    writer.accept()
    for k, layer in enumerate(spec.layers):
        writer.enter(k, layer)
        write_layer(writer, k, layer, k == len(spec.layers) - 1)
    starts, size = writer.finish()
    is_small = size <= ARENA_ON_STACK
    arena = "arena" if is_small else "s->arena"
    pointers = (
        f"float *const {name} = {writer.part(arena, at)};"
        for name, at in starts.items()
    )
    return StepCode(
        state=(*writer.state, ("held", spec.num_features)),
        work=() if is_small else (("arena", size),),
        declarations=(*((f"float arena[{size}];",) * is_small), *pointers),
        lines=tuple(line.replace("@", "") for line in writer.lines),
    )


def write_layer(writer: ChainWriter, k: int, layer: kinds.Layer, is_tail: bool) -> None:
    """Layer `k`; `is_tail`: no layer behind it needs more than its own output."""
    LAYERS[type(layer)](writer, layer, f"{writer.prefix}_{k}", is_tail)


def _elementwise(writer: ChainWriter, layer: Any, array: str, is_tail: bool) -> None:
    writer.elementwise(CALLS[type(layer)](writer, layer, array), layer, is_tail)


def _embedding(
    writer: ChainWriter, layer: kinds.Embedding, array: str, is_tail: bool
) -> None:
    sizes = f"{layer.num_embeddings}, {layer.embedding_dim}"
    writer.lines.append(
        f"const float *const {writer.local('row')} = "
        f"rnne_f32_embedding({array}_table, {sizes}, {writer.first()});"
    )
    writer.move(writer.local("row"))


def _linear(
    writer: ChainWriter, layer: kinds.Linear, array: str, is_tail: bool
) -> None:
    size = layer.output_size
    out = writer.out(size, is_tail=is_tail)
    if layer.positions == 1:
        writer.product(f"{array}_rows", size, layer.input_size, out)
    else:
        rows, num_z = size // layer.positions, layer.input_size // layer.positions
        given = f"{layer.positions}, {array}_rows, {rows}, {writer.z}, {num_z}, {out}"
        writer.lines.append(f"rnne_f32_positions({given});")
    writer.map("RNNE_F32_IDENTITY", size, out, out)
    writer.move(out)


def _recurrent(
    writer: ChainWriter, layer: kinds.RecurrentLayer, array: str, is_tail: bool
) -> None:
    cell = CELLS[type(layer)]
    h = writer.carry("h", layer.output_size, is_padded=cell.is_padded)
    out = writer.take(padded(layer.hidden_size))
    cell.step(writer, layer, array, h, out)
    writer.buffers.give_back(out.strip("@"))
    writer.num_recurrent += 1
    writer.move(h)


def _difference(
    writer: ChainWriter, layer: kinds.Difference, array: str, is_tail: bool
) -> None:
    d = writer.carry("d", len(layer.sources) + 1)
    writer.num_recurrent += 1
    size, out = layer.input_size, writer.z
    if writer.is_own(writer.z):
        writer.buffers.widen(writer.z.strip("@"), layer.output_size)
    else:
        out = writer.out(layer.output_size)
        writer.lines.append(f"rnne_f32_copy({size}, {writer.z}, {out});")
    arrays = f"{array}_low, {array}_high, {array}_sources"
    writer.lines.append(
        f"rnne_f32_changes({len(layer.sources)}, {arrays}, {writer.r}, {d}, "
        f"{out} + {size});"
    )
    writer.move(out)


def _activation(writer: ChainWriter, layer: kinds.Activation, array: str) -> str:
    """Functions of the headers are values of an enumeration, all others kernels."""
    if layer.function in FUNCTIONS:
        return f"map({FUNCTIONS[layer.function]}, {layer.size}"
    parameters = map(float_literal, map(np.float32, layer.parameters))
    return ", ".join([f"{layer.function}({layer.size}", *parameters])


def _softmax(writer: ChainWriter, layer: kinds.Softmax, array: str) -> str:
    if layer.groups == 1 and not layer.is_log:
        return f"softmax({layer.size}"
    kernel = "log_softmax" if layer.is_log else "softmax_parts"
    return f"{kernel}({layer.groups}, {layer.size // layer.groups}"


CALLS: dict[type[kinds.Layer], Callable[[ChainWriter, Any, str], str]] = {
    kinds.Affine: lambda writer, layer, array: (
        f"{'inverse_' * layer.inverse}affine({layer.size}, {array}_shift, {array}_scale"
    ),
    kinds.AddLast: lambda writer, layer, array: (
        f"add_last({layer.output_size}, {array}_sources, "
        f"{writer.x if layer.is_clipped else writer.r}"
    ),
    kinds.Activation: _activation,
    kinds.Softmax: _softmax,
}
"""How the calls of layers begin that may be in place."""

LAYERS: dict[type[kinds.Layer], Callable[[Any, Any, str, bool], None]] = {
    **dict.fromkeys(CALLS, _elementwise),
    kinds.Difference: _difference,
    kinds.Embedding: _embedding,
    kinds.Linear: _linear,
    **dict.fromkeys(CELLS, _recurrent),
    **GRAPH_LAYERS,
}
"""All but Opaque, a graph that is no chain of layers."""
