"""The recurrent cells in generated C: how weights lie, and the statements of a step.

One row a cell. Its loops are in `kernels/f32_cells.inc.h` and `kernels/w8a16_cells.inc.h`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from rnnedge_runtime.numerics.w8a16 import GRU_BITS
from rnnedge_runtime.spec.layers import Gru, Lstm, RecurrentLayer, Rnn

from .writers.arrays import (
    Array,
    Tensors,
    gates,
    groups,
    linear,
    padded,
    rows,
    units,
)
from .writers.f32_writer import FUNCTIONS, ChainWriter
from .writers.w8a16_writer import FUNCTIONS_Q, InputWriter


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell. Functions that pack take the value that stands where there is none last.

    Attributes:
        biases: those that the arithmetic adds, added, of the layer's two.
        pack: arrays by suffix in C, of float32 tensors with these biases.
        step: writes a float32 step, given the arrays, the state and scratch for the units.
        pack_q: arrays by suffix in C, of the integers of a layer.
        step_q: writes a step in integers, given position, arrays and number of the layer.
        is_padded: whether it writes whole blocks of units into the state in float32.
    """

    biases: Callable[[Any, Array, Array], Tensors]
    pack: Callable[[Any, Tensors, float], Tensors]
    step: Callable[[ChainWriter, Any, str, str, str], None]
    pack_q: Callable[[Any, Tensors, int], Tensors]
    step_q: Callable[[InputWriter, Any, int, str, int], None]
    is_padded: bool = True


def _sum(layer: RecurrentLayer, b_ih: Array, b_hh: Array) -> Tensors:
    return {"bias": b_ih + b_hh}


def _gates_of(tensors: Tensors) -> Array:
    return np.hstack([tensors["weight_ih"], tensors["weight_hh"]])


def _sizes(writer: ChainWriter, layer: RecurrentLayer, h: str) -> str:
    return f"{writer.z}, {layer.input_size}, {h}"


def _given_q(writer: InputWriter, layer: RecurrentLayer, array: str) -> str:
    return f"{array}_weights, {array}_rows, {writer.z}, {groups(layer.input_size)}"


def _pack_rnn(layer: Rnn, tensors: Tensors, gap: float) -> Tensors:
    return {"rows": rows(tensors["bias"], _gates_of(tensors))}


def _rnn(writer: ChainWriter, layer: Rnn, array: str, h: str, out: str) -> None:
    hidden = layer.hidden_size
    writer.product(f"{array}_rows", hidden, layer.input_size, out, f"{h}, {hidden}")
    writer.map(FUNCTIONS[layer.nonlinearity], hidden, out, h)


def _rnn_q(writer: InputWriter, layer: Rnn, k: int, array: str, index: int) -> None:
    h, blocks = writer.carry_h(k, index, layer.output_size), groups(layer.hidden_size)
    out = writer.take(layer.hidden_size)
    function, given = FUNCTIONS_Q[layer.nonlinearity], _given_q(writer, layer, array)
    writer.lines += [
        f"rnne_q_rnn({function}, {given}, {h}, {blocks}, {out});",
        f"rnne_q_copy({4 * blocks}, {out}, {h});",
    ]
    writer.move(out)
    writer.move(h)


def _gru_biases(layer: Gru, b_ih: Array, b_hh: Array) -> Tensors:
    n = slice(2 * layer.hidden_size, None)
    bias = (b_ih + b_hh)[: 2 * layer.hidden_size]
    return {"bias_n_in": b_ih[n], "bias_n_rec": b_hh[n], "bias": bias}


def _pack_gru(layer: Gru, tensors: Tensors, gap: float) -> Tensors:
    """Per block the biases and rows of x, the bias of n_rec, the rows of h."""
    bias_in = np.concatenate([tensors["bias"], tensors["bias_n_in"]])
    from_x = np.hstack([bias_in[:, None], tensors["weight_ih"]])
    from_h = units(tensors["weight_hh"], 3, gap)
    bias_rec = units(tensors["bias_n_rec"][:, None], 1, gap)
    blocks = [units(from_x, 3, gap), bias_rec, from_h]
    return {"units": np.hstack([b.reshape(len(b), -1) for b in blocks]).ravel()}


def _gru(writer: ChainWriter, layer: Gru, array: str, h: str, out: str) -> None:
    hidden, sizes = layer.hidden_size, _sizes(writer, layer, h)
    writer.lines += [
        f"rnne_f32_gru({array}_units, {sizes}, {hidden}, {out});",
        f"rnne_move({out}, {padded(hidden)}, {h});",
    ]


def _gru_q(writer: InputWriter, layer: Gru, k: int, array: str, index: int) -> None:
    blocks = groups(layer.hidden_size)
    h = writer.carry(f"h_{index}", "int32_t", layer.hidden_size, GRU_BITS)
    out = writer.keep(f"out_{index}", "int16_t", 4 * blocks)
    given = _given_q(writer, layer, array)
    output = f"rnne_q_gru_output({blocks}, {h}, {out});"
    writer.lines += [f"rnne_q_gru({given}, {out}, {blocks}, {h});", output]
    writer.after_restore.append(output)
    writer.move(out)


def _pack_lstm(layer: Lstm, tensors: Tensors, gap: float) -> Tensors:
    columns = np.hstack([tensors["bias"][:, None], _gates_of(tensors)])
    packed = {"units": units(columns, 4, gap).ravel()}
    if layer.proj_size:
        start = np.full(layer.proj_size, gap, dtype=columns.dtype)
        packed["projection"] = rows(start, tensors["weight_hr"])
    return packed


def _lstm(writer: ChainWriter, layer: Lstm, array: str, h: str, out: str) -> None:
    hidden, sizes = layer.hidden_size, _sizes(writer, layer, h)
    c = writer.carry("c", hidden, is_padded=True)
    writer.lines.append(
        f"rnne_f32_lstm({array}_units, {sizes}, {layer.output_size}, {hidden}, "
        f"{c}, {out});"
    )
    if layer.proj_size:
        given = f"{array}_projection, {layer.proj_size}, {out}, {hidden}"
        writer.lines.append(f"rnne_f32_product({given}, NULL, 0, {h});")
        writer.map("RNNE_F32_IDENTITY", layer.proj_size, h, h)
    else:
        writer.lines.append(f"rnne_move({out}, {padded(hidden)}, {h});")


def _pack_lstm_q(layer: Lstm, tensors: Tensors, gap: int) -> Tensors:
    packed = gates(layer, tensors, gap)
    if layer.proj_size:
        given = tensors["weight_hr"], tensors["multiplier_hr"]
        projection = linear(*given, np.full(layer.proj_size, gap), gap)
        packed["projection"], packed["projection_rows"] = projection
    return packed


def _lstm_q(writer: InputWriter, layer: Lstm, k: int, array: str, index: int) -> None:
    h, blocks = writer.carry_h(k, index, layer.output_size), groups(layer.hidden_size)
    out = writer.take(layer.hidden_size)
    bits = int(writer.model.tensors[f"layers.{k}.bits"][1])
    c = writer.carry(f"c_{index}", "int32_t", layer.hidden_size, bits)
    given = f"{_given_q(writer, layer, array)}, {h}, {groups(layer.output_size)}"
    writer.lines.append(f"rnne_q_lstm({given}, {blocks}, {bits}, {c}, {out});")
    writer.move(out)
    if layer.proj_size:
        arrays = f"{array}_projection, {array}_projection_rows"
        writer.linear(arrays, layer.proj_size, layer.hidden_size, h)
    else:
        writer.lines.append(f"rnne_q_copy({4 * blocks}, {out}, {h});")
    writer.move(h)


CELLS: dict[type[Any], Cell] = {
    Rnn: Cell(_sum, _pack_rnn, _rnn, gates, _rnn_q, is_padded=False),
    Gru: Cell(_gru_biases, _pack_gru, _gru, partial(gates, last="bias_hn"), _gru_q),
    Lstm: Cell(_sum, _pack_lstm, _lstm, _pack_lstm_q, _lstm_q),
}
