"""Recurrent layers of a graph: `nn.GRU`, `nn.GRUCell` and their kin become layers of ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.spec.layers import Gru, Lstm, Rnn

from ..module.reasons import time_major_error
from .walk import Handlers, Known, Walk

_aten = torch.ops.aten
Weights = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Cell:
    """One kind of recurrent layer in PyTorch.

    Attributes:
        over_time: the operation of `nn.GRU`.
        one_step: the operation of `nn.GRUCell`.
        layer: what it becomes.
        options: the fields of the layer after its sizes.
    """

    over_time: Any
    one_step: Any
    layer: type[Any]
    options: Callable[[Weights], tuple[Any, ...]] = lambda weights: ()


def _projection(weights: Weights) -> tuple[int]:
    return (len(weights.get("weight_hr", ())),)


CELLS = (
    Cell(_aten.gru.input, _aten.gru_cell.default, Gru),
    Cell(_aten.lstm.input, _aten.lstm_cell.default, Lstm, _projection),
    Cell(_aten.rnn_tanh.input, _aten.rnn_tanh_cell.default, Rnn, lambda _: ("tanh",)),
    Cell(_aten.rnn_relu.input, _aten.rnn_relu_cell.default, Rnn, lambda _: ("relu",)),
)


def _over_time(
    cell: Cell,
    walk: Walk,
    z: Any,
    state: Any,
    params: list[Tensor],
    has_bias: bool,
    num_layers: int,
    _dropout: float,
    _is_training: bool,
    is_bidirectional: bool,
    is_batch_first: bool,
) -> Any:
    """`nn.RNN`, `nn.GRU` or `nn.LSTM` with all its layers, on one step."""
    if is_bidirectional:
        raise walk.not_a_chain("is bidirectional")
    rows = walk.rows(z)
    if rows.ndim != 2 or rows.shape[0 if is_batch_first else 1] != walk.batch_size:
        raise time_major_error(walk.path)
    per_layer = len(params) // num_layers
    new_states = []
    for k in range(num_layers):
        tensors = params[k * per_layer : (k + 1) * per_layer]
        carried = [labels[k] for labels in _labels(walk, state)]
        z, new = _append(cell, walk, z, carried, _recurrent_weights(tensors, has_bias))
        new_states.append(new)
    stacked = [torch.stack(parts) for parts in zip(*new_states, strict=True)]
    return [z, *map(Known, stacked)]


def _one_step(cell: Cell, walk: Walk, z: Any, state: Any, *params: Any) -> Any:
    """`nn.RNNCell`, `nn.GRUCell` or `nn.LSTMCell`."""
    tensors = [tensor for tensor in params if tensor is not None]
    weights = _recurrent_weights(tensors, len(tensors) > 2)
    _, new = _append(cell, walk, z, _labels(walk, state), weights)
    known = [*map(Known, new)]
    return known if isinstance(state, list | tuple) else known[0]


def _labels(walk: Walk, state: Any) -> list[Tensor]:
    """Of each tensor of the state that a layer starts from."""
    tensors = state if isinstance(state, list | tuple) else [state]
    if not all(isinstance(item, Known) for item in tensors):
        raise SpecError(
            f"export: layer '{walk.path}' starts every call from a constant state, so it "
            "forgets everything from step to step. Take the state as an argument of "
            "forward, pass it to the layer and return the new one."
        )
    return [item.labels for item in tensors]


def _append(
    cell: Cell, walk: Walk, z: Any, carried: list[Tensor], weights: Weights
) -> tuple[Known, list[Tensor]]:
    """One recurrent layer; returns its output and the labels of its new state."""
    rows = walk.rows(z)
    in_order = torch.equal(rows.flatten(), torch.arange(walk.batch_size))
    if not in_order or any(len(part) != walk.batch_size for part in carried):
        raise walk.not_a_chain("mixes the rows of a batch")
    hidden_size = len(weights["weight_hh"]) // len(cell.layer.gates)
    layer = cell.layer(walk.tail.size, hidden_size, *cell.options(weights))
    out = walk.extend(rows, layer, weights)
    _, *sizes = (shape[0] for shape in layer.state_shapes().values())
    others = [walk.new_value(walk.batch_size, size) for size in sizes]
    new = [walk.tail, *others]
    for value, labels in zip(new, carried, strict=True):
        walk.fed.append((value, labels, walk.path))
    return out, [value.labels() for value in new]


def _recurrent_weights(tensors: list[Tensor], has_bias: bool) -> Weights:
    names = ["weight_ih", "weight_hh"]
    if has_bias:
        names += ["bias_ih", "bias_hh"]
    if len(tensors) > len(names):
        names.append("weight_hr")
    weights = dict(zip(names, tensors, strict=True))
    zero = torch.zeros(len(weights["weight_ih"]))
    return {"bias_ih": zero, "bias_hh": zero, **weights}


CELL_HANDLERS: Handlers = {
    **{cell.over_time: partial(_over_time, cell) for cell in CELLS},
    **{cell.one_step: partial(_one_step, cell) for cell in CELLS},
}
