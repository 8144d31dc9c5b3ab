"""The statements of each kind of layer in integers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rnnedge_runtime.numerics.w8a16 import LARGEST_VALUE
from rnnedge_runtime.spec.layers import (
    Activation,
    AddLast,
    Difference,
    Embedding,
    Layer,
    Linear,
    RecurrentLayer,
)

from ..cells import CELLS
from .accept import FUNCTIONS_Q, Carried, InputWriter
from .arrays import PANEL


def write_integer_layer(writer: InputWriter, k: int, layer: Layer) -> None:
    """Layer `k`, which is in integers."""
    LAYERS[type(layer)](writer, layer, k, f"{writer.prefix}_{k}")


def _embedding(writer: InputWriter, layer: Embedding, k: int, array: str) -> None:
    out = writer.take(layer.embedding_dim)
    writer.lines.append(
        f"rnne_q_embedding({array}_table, {array}_multipliers, "
        f"{layer.embedding_dim}, {writer.z}[0], {out});"
    )
    writer.move(out)


def _linear(writer: InputWriter, layer: Linear, k: int, array: str) -> None:
    out = writer.take(layer.output_size)
    arrays = f"{array}_weights, {array}_rows"
    writer.linear(arrays, layer.output_size, layer.input_size, out)
    writer.move(out)


def _activation(writer: InputWriter, layer: Activation, k: int, array: str) -> None:
    gain = int(writer.model.tensors[f"layers.{k}.gain"][0])
    bound = min(LARGEST_VALUE, 2**30 // max(abs(gain), 1) + 1)
    given = f"{FUNCTIONS_Q[layer.function]}, {gain}, {bound}, {layer.size}"
    writer.elementwise(f"map({given}", layer)


def _add_last(writer: InputWriter, layer: AddLast, k: int, array: str) -> None:
    size = layer.output_size
    if not writer.holds_readings or layer.is_clipped:
        arrays = f"{array}_gain, {array}_source_gain, {array}_sources"
        writer.elementwise(f"add_last({size}, {arrays}, {writer.x}", layer)
        return
    out = writer.take_wide(size)
    arrays = f"{array}_gain, {array}_multiple, {array}_sources"
    writer.lines.append(
        f"rnne_q_add_reading({size}, {arrays}, {writer.r}, {writer.z}, {out});"
    )
    writer.move(out)
    writer.is_wide = True


def _difference(writer: InputWriter, layer: Difference, k: int, array: str) -> None:
    """Only ever the first layer, so `z` is the model input."""
    n, size = len(layer.sources), layer.input_size
    out = writer.take(layer.output_size)
    d, sources = f"d_{writer.floats.num_recurrent}", f"{array}_sources"
    writer.floats.num_recurrent += 1
    writer.carried.append(Carried(d, "int32_t", n + 1, sources=sources))
    writer.keep(d, "int32_t", n + 1)
    ends = f"{array}_change_low, {array}_change_high, {array}_drop"
    writer.lines += [
        f"rnne_q_copy({size}, {writer.z}, {out});",
        f"rnne_q_changes({n}, {ends}, {sources}, {writer.r}, s->{d}, {out} + {size});",
    ]
    if layer.output_size % PANEL:
        writer.lines.append(f"rnne_q_fill({layer.output_size}, {out});")
    writer.move(out)


def _recurrent(writer: InputWriter, layer: RecurrentLayer, k: int, array: str) -> None:
    index = writer.floats.num_recurrent
    writer.floats.num_recurrent += 1
    CELLS[type(layer)].step_q(writer, layer, k, array, index)


LAYERS: dict[type[Layer], Callable[[InputWriter, Any, int, str], None]] = {
    Embedding: _embedding,
    Linear: _linear,
    Activation: _activation,
    Difference: _difference,
    AddLast: _add_last,
    **dict.fromkeys(CELLS, _recurrent),
}
"""All that `layer_roles` leaves in integers: scalers become part of the conversions."""
