"""Blocks as layers of a graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rnnedge.tasks.blocks import FUSED, Block, Cell, Conv, Dense, Normed, fused_cell
from rnnedge_export.capture.graph import composed_cells as cells
from rnnedge_export.capture.graph.compositions import activation, combine
from rnnedge_runtime.spec.graph_layers import Norm, Window
from rnnedge_runtime.spec.layers import Linear, Lru

if TYPE_CHECKING:
    from torch import Tensor

    from rnnedge_export.capture.graph.builder import GraphBuilder


def stack(
    b: GraphBuilder, blocks: Sequence[Block], z: Tensor, step: Tensor | None = None
) -> Tensor:
    """Append blocks, each reading what the one before gave; names of the last one's value.

    `step`, where there is one, is the length of the step, which every `lru` takes.
    """
    for block in blocks:
        if isinstance(block, Cell):
            z = _cell(b, block, z, step)
        else:
            z = STACKING[type(block)](b, block, z)
    return z


def _conv(b: GraphBuilder, block: Conv, z: Tensor) -> Tensor:
    if block.taps > 1:
        window = Window(z.numel(), block.taps, block.dilation)
        z = b.add(window, (b.operand(z),))
    return _dense(b, block.channels, block.function, z)


def _dense(b: GraphBuilder, units: int, function: str, z: Tensor) -> Tensor:
    z = b.add(Linear(z.numel(), units), (b.operand(z),))
    return z if function == "none" else activation(b, function, z)


def _normed(b: GraphBuilder, norm: str, z: Tensor) -> Tensor:
    layer = Norm(z.numel(), cells.EPS, is_centred=norm == "layer")
    return cells.scaled(b, {}, "", b.add(layer, (b.operand(z),)))


def _cell(
    b: GraphBuilder, block: Cell, z: Tensor, step: Tensor | None = None
) -> Tensor:
    given = z if block.norm == "none" else _normed(b, block.norm, z)
    if block.cell in FUSED:
        layer, reads = fused_cell(block, given.numel()), [b.operand(given)]
        if isinstance(layer, Lru) and step is not None:
            layer = dataclasses.replace(layer, has_step=True)
            reads.append(b.operand(step))
        y = b.add(layer, reads)
    else:
        y = cells.add_cell(b, block.cell, given, block.units)
    if not block.residual:
        return y
    if z.numel() != y.numel():
        z = _dense(b, y.numel(), "none", z)
    return combine(b, "add", y, z)


STACKING: dict[type[Block], Callable[[Any, Any, Any], Any]] = {
    Conv: _conv,
    Cell: _cell,
    Dense: lambda b, block, z: _dense(b, block.units, block.function, z),
    Normed: lambda b, block, z: _normed(b, block.norm, z),
}
