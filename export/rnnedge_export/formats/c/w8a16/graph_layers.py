"""The C statements of the layers of a graph in integers: a row a kind."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import Any

from rnnedge_runtime.spec import graph_layers as graph
from rnnedge_runtime.spec import layers as kinds
from rnnedge_runtime.spec.w8a16_graph import EXACT_FUNCTIONS, ROOTS

from ..cells import CELLS
from ..writers.places import runs_of
from ..writers.w8a16_graph_writer import IntegerGraphWriter
from ..writers.w8a16_writer import FUNCTIONS_Q

Writer = IntegerGraphWriter


def _wide_out(writer: Writer, size: int) -> str:
    """Where a wide value and its int16 go."""
    return f"{writer.put_wide(size)}, {writer.out}"


def _operand(writer: Writer, value: int) -> str:
    """A wide value, or the int16 of another."""
    wide = writer.wide.get(value)
    return f"{wide}, NULL" if wide else f"NULL, {writer.at(value)}"


def _affine(writer: Writer, layer: kinds.Affine, array: str) -> None:
    given = f"{layer.size}, {writer.gains()}, {array}_bias"
    if writer.parts[writer.k].is_wide:
        operand = _operand(writer, writer.spec.reads[writer.k][0])
        writer.call("affine_wide", given, operand, _wide_out(writer, layer.size))
    else:
        writer.call("affine", given, writer.z, writer.out)


def _linear(writer: Writer, layer: kinds.Linear, array: str) -> None:
    arrays = f"{array}_weights, {array}_rows"
    if layer.positions == 1:
        writer.z = writer.aligned(writer.spec.reads[writer.k][0])
        writer.linear(arrays, layer.output_size, layer.input_size, writer.out)
        return
    columns = layer.input_size // layer.positions
    rows = layer.output_size // layer.positions
    part = writer.take(columns)
    given = f"{layer.positions}, {arrays}, {rows}, {writer.gains()}"
    writer.call("positions", given, writer.z, columns, part, writer.out)


def _activation(writer: Writer, layer: kinds.Activation, array: str) -> None:
    given = f"{layer.size}, {writer.gains()}"
    name = layer.function
    if name == "relu" or name in ROOTS:
        writer.call(name, given, writer.z, writer.out)
    elif name in EXACT_FUNCTIONS:
        writer.call("curve", FUNCTIONS_Q[name], given, writer.z, writer.out)
    elif name == "log":
        writer.call("log", given, f"{array}_bias", writer.z, writer.out)
    else:
        table = f"{writer.scalar('bias')}, {array}_table"
        writer.call("lookup", given, table, writer.z, writer.out)


def _softmax(writer: Writer, layer: kinds.Softmax, array: str) -> None:
    given = f"{layer.groups}, {layer.size // layer.groups}, {writer.gains()}"
    if layer.is_log:
        given = f"{given}, {writer.scalar('out_gain')}, {writer.scalar('out_places')}"
    name = "log_softmax" if layer.is_log else "softmax"
    writer.call(name, given, writer.z, writer.out)


def _combine(writer: Writer, layer: graph.Combine, array: str) -> None:
    is_scaled = layer.operation in ("multiply", "divide")
    gains = writer.gains() if is_scaled else writer.gains("gain_0", "gain_1")
    name = "add" if layer.operation == "subtract" else layer.operation
    if not writer.parts[writer.k].is_wide:
        writer.call(name, layer.size, gains, *writer.zs, writer.out)
        return
    a, b = writer.spec.reads[writer.k]
    if is_scaled:
        a, b = (a, b) if a in writer.wide else (b, a)
        operands = f"{writer.wide[a]}, {writer.at(b)}"
    else:
        operands = f"{_operand(writer, a)}, {_operand(writer, b)}"
    out = _wide_out(writer, layer.size)
    writer.call(f"{name}_wide", layer.size, gains, operands, out)


def _concat(writer: Writer, layer: graph.Concat, array: str) -> None:
    starts = accumulate(layer.sizes, initial=0)
    for z, size, start in zip(writer.zs, layer.sizes, starts, strict=False):
        writer.copy(size, z, writer.part(writer.out, start))


def _select(writer: Writer, layer: graph.Select, array: str) -> None:
    if writer.places.is_slice(writer.k):
        return
    out, runs, start = writer.out, runs_of(layer), 0
    if not runs:
        indices = f"{array}_indices"
        writer.call("select", layer.output_size, indices, writer.z, out)
    for index, size in runs:
        writer.copy(size, writer.part(writer.z, index), writer.part(out, start))
        start += size


def _memory(writer: Writer, layer: graph.Memory, array: str) -> None:
    size = layer.output_size
    m = writer.carry_value("m", size, size)
    if writer.parts[writer.k].is_wide:
        writer.wide[writer.k] = m
        writer.call("narrow", size, m, writer.out)
    elif writer.k in writer.places.is_late:
        writer.copy(size, m, writer.out)
    else:
        writer.move(m)
    writer.memories.append((writer.k, layer, m))


def _window(writer: Writer, layer: graph.Window, array: str) -> None:
    """The state has room for this step too, behind those before."""
    size, kept = layer.input_size, layer.inner_size
    w = writer.carry_value("w", (kept + 1) * size, kept * size)
    writer.rescale(size, writer.z, writer.part(w, kept * size))
    if layer.dilation == 1:
        writer.move(w)
    else:
        out = writer.out
        for tap in range(layer.taps):
            start = tap * layer.dilation * size
            writer.copy(size, writer.part(w, start), writer.part(out, tap * size))
    writer.after.append(f"rnne_q_copy({kept * size}, {writer.part(w, size)}, {w});")


def _norm(writer: Writer, layer: graph.Norm, array: str) -> None:
    sizes = f"{layer.groups}, {layer.size // layer.groups}, {writer.gains()}"
    numbers = (writer.scalar(name) for name in ("eps", "eps_places", "norm_bits"))
    writer.call("norm", sizes, *numbers, int(layer.is_centred), writer.z, writer.out)


def _sum(writer: Writer, layer: graph.Sum, array: str) -> None:
    part = layer.input_size // layer.output_size
    given = f"{layer.output_size}, {part}, {writer.gains()}"
    writer.call("sum", given, writer.z, writer.out)


def _depthwise(writer: Writer, layer: graph.Depthwise, array: str) -> None:
    arrays = ", ".join(f"{array}_{name}" for name in ("weight", "multiplier", "bias"))
    sizes = f"{layer.size}, {layer.taps}"
    writer.call("depthwise", sizes, arrays, writer.z, writer.out)


def _embedding(writer: Writer, layer: kinds.Embedding, array: str) -> None:
    token = f"rnne_q_of_token(*{writer.floats.z}, {layer.num_embeddings}.0f)"
    given = f"{array}_table, {array}_multipliers, {layer.embedding_dim}"
    writer.call("embedding", given, token, writer.out)


def _recurrent(writer: Writer, layer: kinds.RecurrentLayer, array: str) -> None:
    writer.z = writer.aligned(writer.spec.reads[writer.k][0])
    index = writer.index()
    CELLS[type(layer)].step_q(writer, layer, writer.k, array, index)  # type: ignore[arg-type]


GRAPH_LAYERS_Q: dict[type[kinds.Layer], Callable[[Writer, Any, str], None]] = {
    kinds.Affine: _affine,
    kinds.Linear: _linear,
    kinds.Activation: _activation,
    kinds.Softmax: _softmax,
    kinds.Embedding: _embedding,
    **dict.fromkeys(CELLS, _recurrent),
    graph.Combine: _combine,
    graph.Concat: _concat,
    graph.Select: _select,
    graph.Memory: _memory,
    graph.Window: _window,
    graph.Norm: _norm,
    graph.Sum: _sum,
    graph.Depthwise: _depthwise,
    graph.Constant: lambda writer, layer, array: writer.move(f"{array}_value"),
}
