"""Blocks as layers of a graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rnnedge.tasks.blocks import FUSED, Block, Cell, Conv, Dense, Normed, fused_cell
from rnnedge_export.capture.graph import composed_cells as cells
from rnnedge_export.capture.graph.compositions import activation, combine
from rnnedge_runtime.spec.graph_layers import Norm, Window
from rnnedge_runtime.spec.layers import Linear

if TYPE_CHECKING:
    from torch import Tensor

    from rnnedge_export.capture.graph.builder import GraphBuilder


def stack(b: GraphBuilder, blocks: Sequence[Block], z: Tensor) -> Tensor:
    """Append blocks, each reading what the one before gave; names of the last one's value."""
    for block in blocks:
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


def _cell(b: GraphBuilder, block: Cell, z: Tensor) -> Tensor:
    given = z if block.norm == "none" else _normed(b, block.norm, z)
    if block.cell in FUSED:
        layer = fused_cell(block, given.numel())
        y = b.add(layer, (b.operand(given),))
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
