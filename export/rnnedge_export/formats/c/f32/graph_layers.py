"""The C statements of the layers that only a graph has."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from typing import Any

import numpy as np

from rnnedge_runtime.spec import graph_layers as graph
from rnnedge_runtime.spec import layers as kinds

from ..literals import float_literal
from ..writers.graph_writer import GraphWriter
from ..writers.places import runs_of


def _combine(writer: GraphWriter, layer: graph.Combine, *_: object) -> None:
    writer.elementwise(f"{layer.operation}({layer.size}", layer, False)


def _norm(writer: GraphWriter, layer: graph.Norm, *_: object) -> None:
    size = layer.size // layer.groups
    share, eps = (float_literal(np.float32(v)) for v in (1 / size, layer.eps))
    given = f"{layer.groups}, {size}, {share}, {eps}, {int(layer.is_centred)}"
    writer.elementwise(f"norm({given}", layer, False)


def _sum(writer: GraphWriter, layer: graph.Sum, *_: object) -> None:
    sizes = f"{layer.output_size}, {layer.input_size // layer.output_size}"
    writer.elementwise(f"sum({sizes}", layer, False)


def _depthwise(
    writer: GraphWriter, layer: graph.Depthwise, array: str, is_tail: bool
) -> None:
    given = f"{layer.size}, {layer.taps}, {array}_weight, {array}_bias"
    writer.elementwise(f"depthwise({given}", layer, is_tail)


def _concat(writer: GraphWriter, layer: graph.Concat, *_: object) -> None:
    out = writer.out(layer.output_size)
    starts = accumulate(layer.sizes, initial=0)
    for z, size, start in zip(writer.zs, layer.sizes, starts, strict=False):
        copy(writer, size, z, writer.part(out, start))


def _select(
    writer: GraphWriter, layer: graph.Select, array: str, is_tail: bool
) -> None:
    runs = runs_of(layer)
    if len(runs) == 1:
        return
    out = writer.out(layer.output_size)
    if not runs:
        given = f"{layer.output_size}, {array}_indices, {writer.z}, {out}"
        writer.lines.append(f"rnne_f32_select({given});")
    start = 0
    for index, size in runs:
        copy(writer, size, writer.part(writer.z, index), writer.part(out, start))
        start += size


def _memory(writer: GraphWriter, layer: graph.Memory, *_: object) -> None:
    m = writer.carry("m", layer.output_size)
    writer.num_recurrent += 1
    if writer.k in writer.places.is_late:
        copy(writer, layer.output_size, m, writer.out(layer.output_size))
    else:
        writer.move(m)
    writer.memories.append((layer, m))


def _window(writer: GraphWriter, layer: graph.Window, *_: object) -> None:
    """The state has room for this step too, behind those before."""
    size, kept = layer.input_size, layer.inner_size
    w = writer.carry("w", (kept + 1) * size)
    writer.num_recurrent += 1
    copy(writer, size, writer.z, writer.part(w, kept * size))
    if layer.dilation == 1:
        writer.move(w)
    else:
        out = writer.out(layer.output_size)
        for tap in range(layer.taps):
            start = tap * layer.dilation * size
            copy(writer, size, writer.part(w, start), writer.part(out, tap * size))
    writer.after.append(f"rnne_f32_copy({kept * size}, {writer.part(w, size)}, {w});")


def _lru(writer: GraphWriter, layer: kinds.Lru, array: str, is_tail: bool) -> None:
    """`zs` may hold the length of the step, too."""
    h, size = writer.carry("h", layer.hidden_size), layer.hidden_size
    writer.num_recurrent += 1
    sums, out = writer.take(3 * size), writer.out(size)
    writer.product(f"{array}_rows", 3 * size, layer.input_size, sums)
    kernel = "lru_step" if layer.has_step else "lru"
    given = ", ".join([str(size), sums, *writer.zs[1:], h, out])
    writer.lines.append(f"rnne_f32_{kernel}({given});")


def _constant(
    writer: GraphWriter, layer: graph.Constant, array: str, is_tail: bool
) -> None:
    writer.move(f"{array}_value")


def copy(writer: GraphWriter, size: int, z: str, out: str) -> None:
    """Of `size` values, unless they lie there."""
    if z != out:
        writer.lines.append(f"rnne_f32_copy({size}, {z}, {out});")


GRAPH_LAYERS: dict[type[kinds.Layer], Callable[[GraphWriter, Any, str, bool], None]] = {
    graph.Combine: _combine,
    graph.Concat: _concat,
    graph.Select: _select,
    graph.Memory: _memory,
    graph.Window: _window,
    graph.Norm: _norm,
    graph.Sum: _sum,
    graph.Depthwise: _depthwise,
    graph.Constant: _constant,
    kinds.Lru: _lru,
}
