"""The statements of each kind of layer in float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rnnedge_runtime.spec.layers import (
    Activation,
    AddLast,
    Affine,
    Difference,
    Embedding,
    Layer,
    Linear,
    RecurrentLayer,
    Softmax,
)

from ..cells import CELLS
from .arrays import padded
from .writer import FUNCTIONS, ChainWriter


def write_layer(writer: ChainWriter, k: int, layer: Layer, is_tail: bool) -> None:
    """Layer `k`; `is_tail`: no layer behind it needs more than its own output."""
    LAYERS[type(layer)](writer, layer, f"{writer.prefix}_{k}", is_tail)


def _affine(writer: ChainWriter, layer: Affine, array: str, is_tail: bool) -> None:
    call = "inverse_affine" if layer.inverse else "affine"
    given = f"{layer.size}, {array}_shift, {array}_scale"
    writer.elementwise(f"{call}({given}", layer, is_tail)


def _add_last(writer: ChainWriter, layer: AddLast, array: str, is_tail: bool) -> None:
    x = writer.x if layer.is_clipped else writer.r
    given = f"{layer.output_size}, {array}_sources, {x}"
    writer.elementwise(f"add_last({given}", layer, is_tail)


def _activation(
    writer: ChainWriter, layer: Activation, array: str, is_tail: bool
) -> None:
    call = f"map({FUNCTIONS[layer.function]}, {layer.size}"
    writer.elementwise(call, layer, is_tail)


def _softmax(writer: ChainWriter, layer: Softmax, array: str, is_tail: bool) -> None:
    writer.elementwise(f"softmax({layer.size}", layer, is_tail)


def _embedding(
    writer: ChainWriter, layer: Embedding, array: str, is_tail: bool
) -> None:
    sizes = f"{layer.num_embeddings}, {layer.embedding_dim}"
    writer.lines.append(
        f"const float *const row = "
        f"rnne_f32_embedding({array}_table, {sizes}, {writer.z}[0]);"
    )
    writer.move("row")


def _linear(writer: ChainWriter, layer: Linear, array: str, is_tail: bool) -> None:
    size = layer.output_size
    out = "y" if is_tail else writer.take(size)
    writer.product(f"{array}_rows", size, layer.input_size, out)
    writer.map("RNNE_F32_IDENTITY", size, out, out)
    writer.move(out)


def _recurrent(
    writer: ChainWriter, layer: RecurrentLayer, array: str, is_tail: bool
) -> None:
    cell = CELLS[type(layer)]
    h = writer.carry("h", layer.output_size, is_padded=cell.is_padded)
    out = writer.take(padded(layer.hidden_size))
    cell.step(writer, layer, array, h, out)
    writer.buffers.give_back(out.strip("@"))
    writer.num_recurrent += 1
    writer.move(h)


def _difference(
    writer: ChainWriter, layer: Difference, array: str, is_tail: bool
) -> None:
    d = writer.carry("d", len(layer.sources) + 1)
    writer.num_recurrent += 1
    size, out = layer.input_size, writer.z
    if writer.is_own(writer.z):
        writer.buffers.widen(writer.z.strip("@"), layer.output_size)
    else:
        out = writer.take(layer.output_size)
        writer.lines.append(f"rnne_f32_copy({size}, {writer.z}, {out});")
    arrays = f"{array}_low, {array}_high, {array}_sources"
    writer.lines.append(
        f"rnne_f32_changes({len(layer.sources)}, {arrays}, {writer.r}, {d}, "
        f"{out} + {size});"
    )
    writer.move(out)


LAYERS: dict[type[Layer], Callable[[ChainWriter, Any, str, bool], None]] = {
    Affine: _affine,
    AddLast: _add_last,
    Difference: _difference,
    Activation: _activation,
    Softmax: _softmax,
    Embedding: _embedding,
    Linear: _linear,
    **dict.fromkeys(CELLS, _recurrent),
}
"""All but Opaque, a graph that is no chain of layers."""
