"""Cells as graphs of simple layers: for states that a layer of its own cannot keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from rnnedge_runtime.spec.graph_layers import Combine
from rnnedge_runtime.spec.layers import Activation, Linear

from .builder import GraphBuilder

Weights = Mapping[str, Tensor]


def linear(b: GraphBuilder, z: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Names of `weight z + bias`."""
    layer = Linear(weight.shape[1], weight.shape[0])
    return b.add(layer, (b.operand(z),), {"weight": weight, "bias": bias})


def combine(b: GraphBuilder, operation: Any, left: Tensor, right: Tensor) -> Tensor:
    """Names of two values combined."""
    reads = b.operand(left), b.operand(right)
    return b.add(Combine(left.numel(), operation), reads)


def activation(b: GraphBuilder, function: Any, z: Tensor) -> Tensor:
    """Names of a function of each element."""
    return b.add(Activation(z.numel(), function), (b.operand(z),))


def _sums(b: GraphBuilder, w: Weights, z: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
    return (
        linear(b, z, w["weight_ih"], w["bias_ih"]),
        linear(b, h, w["weight_hh"], w["bias_hh"]),
    )


def _rnn(
    b: GraphBuilder, w: Weights, z: Tensor, state: Sequence[Tensor], function: str
) -> list[Tensor]:
    total = combine(b, "add", *_sums(b, w, z, state[0]))
    return [activation(b, function, total)]


def _gru(
    b: GraphBuilder, w: Weights, z: Tensor, state: Sequence[Tensor], _: str
) -> list[Tensor]:
    (h,) = state
    size = h.numel()
    given, recurrent = _sums(b, w, z, h)
    gates, new = slice(None, 2 * size), slice(2 * size, None)
    open_gates = activation(
        b, "sigmoid", combine(b, "add", given[gates], recurrent[gates])
    )
    reset = combine(b, "multiply", open_gates[:size], recurrent[new])
    n = activation(b, "tanh", combine(b, "add", given[new], reset))
    kept = combine(b, "multiply", open_gates[size:], combine(b, "subtract", h, n))
    return [combine(b, "add", n, kept)]


def _lstm(
    b: GraphBuilder, w: Weights, z: Tensor, state: Sequence[Tensor], _: str
) -> list[Tensor]:
    h, c = state
    size = c.numel()
    i, f, g, o = combine(b, "add", *_sums(b, w, z, h)).split(size)
    gates = activation(b, "sigmoid", torch.cat([i, f, o]))
    added = combine(b, "multiply", gates[:size], activation(b, "tanh", g))
    kept = combine(b, "multiply", gates[size : 2 * size], c)
    c = combine(b, "add", kept, added)
    h = combine(b, "multiply", gates[2 * size :], activation(b, "tanh", c))
    if "weight_hr" in w:
        weight = w["weight_hr"]
        h = linear(b, h, weight, torch.zeros(weight.shape[0]))
    return [h, c]


COMPOSITIONS: dict[str, Callable[..., list[Tensor]]] = {
    "rnn": _rnn,
    "gru": _gru,
    "lstm": _lstm,
}
"""Each gives names of its new state, whose first tensor is its output."""
