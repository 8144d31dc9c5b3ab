"""Cells of the literature as graphs of simple layers, by name.

A cell is a function of a builder: names of what it reads and of its state go in, names of
its new state come out, the first of which is its output. Its weights are taken where they
are given (names end as in `torch.nn`); without, layers begin as PyTorch begins them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from rnnedge_runtime.spec.graph_layers import Constant, Depthwise, Memory, Norm, Sum
from rnnedge_runtime.spec.layers import Activation, Linear

from .builder import GraphBuilder
from .compositions import Weights, activation, combine, gru_of, lstm_of

EPS = 1e-5
"""Of the norms in cells, as in `torch.nn.LayerNorm`."""

GAIN = 0.1
"""Where the gains of norms before gates begin: Cooijmans et al. 2017, section 4."""

UNFOLDS = 6
"""Steps of the solver within one step of an `ltc`, as in ncps."""

Step = Callable[[GraphBuilder, Weights, Tensor, Sequence[Tensor]], list[Tensor]]


class ComposedCell(NamedTuple):
    """A cell.

    Attributes:
        step: names of the new state.
        num_states: vectors of one value a unit that it carries.
    """

    step: Step
    num_states: int = 1


def add_cell(
    b: GraphBuilder,
    name: str,
    z: Tensor,
    size: int,
    weights: Weights | None = None,
) -> Tensor:
    """Append a cell of `CELLS` with its memories; names of its output.

    Args:
        b: what grows.
        name: of the cell.
        z: names of what it reads.
        size: units.
        weights: by name; None or some absent: begun by PyTorch.
    """
    cell = CELLS[name]
    numbers = range(len(b.layers), len(b.layers) + cell.num_states)
    state = [b.add(Memory(size, 0), ()) for _ in numbers]
    new = cell.step(b, weights or {}, z, state)
    for number, names in zip(numbers, new, strict=True):
        memory = b.layers[number]
        assert isinstance(memory, Memory)
        b.layers[number] = dataclasses.replace(memory, next=b.operand(names))
    return new[0]


def dense(b: GraphBuilder, w: Weights, name: str, z: Tensor, size: int) -> Tensor:
    """Names of `weight_<name> z + bias_<name>`."""
    layer = Linear(z.numel(), size)
    return b.add(layer, (b.operand(z),), _given(w, f"_{name}", layer.weight_shapes()))


def scaled(
    b: GraphBuilder, w: Weights, name: str, z: Tensor, begin: float = 1.0
) -> Tensor:
    """Names of `weight * z + bias`, element by element; trained, from `begin` and 0."""
    size = z.numel()
    weights = {"weight": torch.full((1, size), begin), "bias": torch.zeros(size)}
    found = _given(w, f"_{name}", {"weight": (1, size), "bias": (size,)})
    return b.add(Depthwise(size, 1), (b.operand(z),), {**weights, **found})


def layer_norm(
    b: GraphBuilder, w: Weights, name: str, z: Tensor, begin: float = GAIN
) -> Tensor:
    """Names of a layer norm with a gain, from `begin`, and a bias of each element."""
    normed = b.add(Norm(z.numel(), EPS), (b.operand(z),))
    return scaled(b, w, name, normed, begin)


def _given(
    w: Weights, ending: str, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Tensor]:
    return {
        kind: w[kind + ending].reshape(shape)
        for kind, shape in shapes.items()
        if kind + ending in w
    }


def _layernorm_gru(
    b: GraphBuilder, w: Weights, z: Tensor, state: Sequence[Tensor]
) -> list[Tensor]:
    """Ba et al. 2016: what comes in and what comes back are normed apart."""
    (h,) = state
    given = layer_norm(b, w, "ni", dense(b, w, "ih", z, 3 * h.numel()))
    recurrent = layer_norm(b, w, "nh", dense(b, w, "hh", h, 3 * h.numel()))
    return gru_of(b, given, recurrent, h)


def _layernorm_lstm(
    b: GraphBuilder, w: Weights, z: Tensor, state: Sequence[Tensor]
) -> list[Tensor]:
    """Ba et al. 2016; c is normed where h is made of it."""
    h, c = state
    given = layer_norm(b, w, "ni", dense(b, w, "ih", z, 4 * c.numel()))
    recurrent = layer_norm(b, w, "nh", dense(b, w, "hh", h, 4 * c.numel()))
    total = combine(b, "add", given, recurrent)
    return lstm_of(b, total, c, shown=lambda c: layer_norm(b, w, "nc", c, 1.0))


def _peephole_lstm(
    b: GraphBuilder, w: Weights, z: Tensor, state: Sequence[Tensor]
) -> list[Tensor]:
    """Gers & Schmidhuber 2000: i and f see c, o sees the new c."""
    h, c = state
    size = c.numel()
    i, f, g, o = _sums(b, w, z, h, 4).split(size)
    seen = scaled(b, w, "pif", torch.cat([c, c]), 0.0)
    opened = activation(b, "sigmoid", combine(b, "add", torch.cat([i, f]), seen))
    added = combine(b, "multiply", opened[:size], activation(b, "tanh", g))
    c = combine(b, "add", combine(b, "multiply", opened[size:], c), added)
    o = activation(b, "sigmoid", combine(b, "add", o, scaled(b, w, "po", c, 0.0)))
    return [combine(b, "multiply", o, activation(b, "tanh", c)), c]


def _cifg(
    b: GraphBuilder, w: Weights, z: Tensor, state: Sequence[Tensor]
) -> list[Tensor]:
    """Greff et al. 2015: i = 1 - f; gates f g o."""
    h, c = state
    size = c.numel()
    f, g, o = _sums(b, w, z, h, 3).split(size)
    gates = activation(b, "sigmoid", torch.cat([f, o]))
    g = activation(b, "tanh", g)
    c = combine(
        b, "add", g, combine(b, "multiply", gates[:size], combine(b, "subtract", c, g))
    )
    return [combine(b, "multiply", gates[size:], activation(b, "tanh", c)), c]


def _gru(gate: str, function: str) -> Step:
    def step(
        b: GraphBuilder, w: Weights, z: Tensor, state: Sequence[Tensor]
    ) -> list[Tensor]:
        (h,) = state
        given = dense(b, w, "ih", z, 3 * h.numel())
        recurrent = dense(b, w, "hh", h, 3 * h.numel())
        return gru_of(b, given, recurrent, h, gate, function)

    return step


def _gru_reset_before(
    b: GraphBuilder, w: Weights, z: Tensor, state: Sequence[Tensor]
) -> list[Tensor]:
    """Cho et al. 2014, `linear_before_reset=0`: the reset gate acts before the product."""
    (h,) = state
    size = h.numel()
    given = dense(b, w, "ih", z, 3 * size)
    recurrent = dense(b, w, "hh", h, 2 * size)
    gates = activation(b, "sigmoid", combine(b, "add", given[: 2 * size], recurrent))
    kept = dense(b, w, "hn", combine(b, "multiply", gates[:size], h), size)
    n = activation(b, "tanh", combine(b, "add", given[2 * size :], kept))
    moved = combine(b, "multiply", gates[size:], combine(b, "subtract", h, n))
    return [combine(b, "add", n, moved)]


def _lstm_hard(
    b: GraphBuilder, w: Weights, z: Tensor, state: Sequence[Tensor]
) -> list[Tensor]:
    h, c = state
    return lstm_of(b, _sums(b, w, z, h, 4), c, gate="hardsigmoid")


def _cfc(
    b: GraphBuilder, w: Weights, z: Tensor, state: Sequence[Tensor]
) -> list[Tensor]:
    """Hasani et al. 2022, equation 4, for steps of one length.

    The factors of ncps's tanh (1.7159 and 0.666) are in the weights around it.
    """
    (h,) = state
    size = h.numel()
    backbone = activation(b, "tanh", dense(b, w, "bb", torch.cat([z, h]), size))
    heads = dense(b, w, "ff", backbone, 3 * size)
    ends = activation(b, "tanh", heads[: 2 * size])
    share = activation(b, "sigmoid", heads[2 * size :])
    way = combine(b, "subtract", ends[size:], ends[:size])
    return [combine(b, "add", ends[:size], combine(b, "multiply", share, way))]


def _ltc(
    b: GraphBuilder, w: Weights, z: Tensor, state: Sequence[Tensor]
) -> list[Tensor]:
    """Hasani et al. 2021: conductances `g sigmoid(sigma v + shift)`, solved half implicitly.

    Every unit has a synapse from every input and unit. What is trained of a conductance
    goes through `softplus`, so that no denominator is 0.
    """
    (v,) = state
    size = v.numel()
    capacity = _positive(b, w, "cm", size, 2.0)
    leak = _positive(b, w, "gleak", size, 0.5)
    rest = combine(b, "multiply", leak, _trained(b, w, "vleak", size, 0.1))
    driven, opened = _synapses(b, w, "in", z.numel(), size)(z)
    driven = combine(b, "add", driven, rest)
    opened = combine(b, "add", opened, combine(b, "add", capacity, leak))
    synapses = _synapses(b, w, "rec", size, size)
    for _ in range(UNFOLDS):
        own_driven, own_opened = synapses(v)
        charge = combine(b, "multiply", capacity, v)
        above = combine(b, "add", charge, combine(b, "add", own_driven, driven))
        v = combine(b, "divide", above, combine(b, "add", own_opened, opened))
    return [v]


def _synapses(
    b: GraphBuilder, w: Weights, name: str, num_sources: int, size: int
) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
    """From names of values to those of the current into each unit, and the conductance."""
    num_pairs = num_sources * size
    sigma = _trained(b, w, f"sigma_{name}", num_pairs, 1.0)
    shift = _trained(b, w, f"shift_{name}", num_pairs, 1.0)
    conductance = _positive(b, w, f"w_{name}", num_pairs, 0.1)
    reversal = _trained(b, w, f"erev_{name}", num_pairs, 1.0)

    def of(v: Tensor) -> tuple[Tensor, Tensor]:
        away = combine(b, "add", combine(b, "multiply", v.repeat(size), sigma), shift)
        opened = combine(b, "multiply", conductance, activation(b, "sigmoid", away))
        driven = combine(b, "multiply", opened, reversal)
        parts = Sum(num_pairs, size)
        return b.add(parts, (b.operand(driven),)), b.add(parts, (b.operand(opened),))

    return of


def _positive(
    b: GraphBuilder, w: Weights, name: str, size: int, begin: float
) -> Tensor:
    """Names of `softplus` of trained numbers, about `begin` at first."""
    numbers = _trained(b, w, name, size, math.log(math.expm1(begin)), spread=0.0)
    layer = Activation(size, "softplus", (1.0, 20.0))
    return b.add(layer, (b.operand(numbers),))


def _trained(
    b: GraphBuilder,
    w: Weights,
    name: str,
    size: int,
    begin: float,
    *,
    spread: float = 1.0,
) -> Tensor:
    """Names of trained numbers; at first evenly within `begin` less or plus `spread`."""
    places = torch.Generator().manual_seed(len(b.layers))
    drawn = begin * (torch.rand(size, generator=places) * 2 - 1) * spread
    value = w.get(name, drawn if spread else torch.full((size,), begin))
    return b.add(Constant(size), (), {"value": value.reshape(-1)})


def _sums(b: GraphBuilder, w: Weights, z: Tensor, h: Tensor, num_gates: int) -> Tensor:
    rows = num_gates * h.numel()
    return combine(b, "add", dense(b, w, "ih", z, rows), dense(b, w, "hh", h, rows))


CELLS: dict[str, ComposedCell] = {
    "layernorm_gru": ComposedCell(_layernorm_gru),
    "layernorm_lstm": ComposedCell(_layernorm_lstm, 2),
    "peephole_lstm": ComposedCell(_peephole_lstm, 2),
    "cifg": ComposedCell(_cifg, 2),
    "gru_reset_before": ComposedCell(_gru_reset_before),
    "gru_relu": ComposedCell(_gru("sigmoid", "relu")),
    "gru_hard": ComposedCell(_gru("hardsigmoid", "tanh")),
    "lstm_hard": ComposedCell(_lstm_hard, 2),
    "cfc": ComposedCell(_cfc),
    "ltc": ComposedCell(_ltc),
}
"""By the name that `rnnedge train --cell` takes."""
