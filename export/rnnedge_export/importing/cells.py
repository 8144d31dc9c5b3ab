"""Recurrent cells as files have them: other gate functions, orders and forms.

A cell that is PyTorch's becomes one node, any other simple ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..capture.graph.cells import cell
from ..capture.graph.nodes import Named, Nodes
from ..capture.graph.rules import binary, elementwise, linear

Function = Callable[[Nodes, Named], Named]


@dataclass(frozen=True)
class GateFunction:
    """The function of a gate.

    Attributes:
        name: by which a cell of PyTorch is known.
        apply: what it does.
    """

    name: str
    apply: Function

    def __call__(self, nodes: Nodes, z: Named) -> Named:
        return self.apply(nodes, z)


def gate_function(function: str, *parameters: float) -> GateFunction:
    """One of the functions of an activation layer."""
    name = function if not parameters else ""
    return GateFunction(name, lambda n, z: elementwise(n, z, function, *parameters))


def affine(alpha: float, beta: float) -> GateFunction:
    """`alpha z + beta`."""

    def apply(nodes: Nodes, z: Named) -> Named:
        return binary(nodes, "add", binary(nodes, "multiply", z, alpha), beta)

    return GateFunction("", apply)


def hard_sigmoid(alpha: float, beta: float) -> GateFunction:
    """`alpha z + beta` within 0 and 1."""
    line = affine(alpha, beta)
    return GateFunction("", lambda n, z: elementwise(n, line(n, z), "hardtanh", 0, 1))


SIGMOID = gate_function("sigmoid")
TANH = gate_function("tanh")
RELU = gate_function("relu")
IDENTITY = GateFunction("identity", lambda _, z: z)


@dataclass(frozen=True)
class CellWeights:
    """Of one layer, in PyTorch's layout and gate order.

    Attributes:
        weight_ih: `[G H, I]`.
        weight_hh: `[G H, H]`.
        bias_ih: `[G H]`.
        bias_hh: `[G H]`.
        peepholes: of i, f and o, `[H]` each; () for none.
    """

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor
    bias_hh: Tensor
    peepholes: tuple[Tensor, ...] = ()

    @property
    def tensors(self) -> list[Tensor]:
        """In PyTorch's order."""
        return [self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh]


def rnn(
    nodes: Nodes, z: Named, state: Sequence[Named], w: CellWeights, f: GateFunction
) -> list[Named]:
    """`f(W z + R h + b)`."""
    if f.name in ("tanh", "relu") and _is_single(z):
        return cell(nodes, "rnn", z, state, w.tensors, nonlinearity=f.name)
    return [f(nodes, binary(nodes, "add", *_sums(nodes, z, state[0], w)))]


def gru(
    nodes: Nodes,
    z: Named,
    state: Sequence[Named],
    w: CellWeights,
    functions: Sequence[GateFunction] = (SIGMOID, TANH),
    *,
    resets_product: bool = True,
) -> list[Named]:
    """A GRU.

    Args:
        nodes: gets what it computes.
        z: `[I]`, or `[B, I]` of a batch.
        state: h `[H]`, or `[B, H]`.
        w: gates r, z, n.
        functions: of the gates, of the candidate.
        resets_product: the reset gate acts on `R h + b` and not on h.
    """
    if (
        _is_single(z)
        and resets_product
        and [f.name for f in functions] == ["sigmoid", "tanh"]
    ):
        return cell(nodes, "gru", z, state, w.tensors)
    (h,) = state
    size = h.shape[-1]
    gate, candidate = functions
    given = linear(nodes, z, w.weight_ih, w.bias_ih)
    first, new = slice(None, 2 * size), slice(2 * size, None)
    recurrent = linear(nodes, h, w.weight_hh[first], w.bias_hh[first])
    gates = gate(nodes, binary(nodes, "add", given[..., first], recurrent))
    reset, update = gates[..., :size], gates[..., size:]
    if resets_product:
        product = linear(nodes, h, w.weight_hh[new], w.bias_hh[new])
        product = binary(nodes, "multiply", reset, product)
    else:
        old = binary(nodes, "multiply", reset, h)
        product = linear(nodes, old, w.weight_hh[new], w.bias_hh[new])
    n = candidate(nodes, binary(nodes, "add", given[..., new], product))
    kept = binary(nodes, "multiply", update, binary(nodes, "subtract", h, n))
    return [binary(nodes, "add", n, kept)]


def lstm(
    nodes: Nodes,
    z: Named,
    state: Sequence[Named],
    w: CellWeights,
    functions: Sequence[GateFunction] = (SIGMOID, TANH, TANH),
    *,
    is_coupled: bool = False,
) -> list[Named]:
    """An LSTM.

    Args:
        nodes: gets what it computes.
        z: `[I]`, or `[B, I]` of a batch.
        state: h and c, `[H]` each, or `[B, H]`.
        w: gates i, f, g, o.
        functions: of the gates, of the candidate, of c on its way out.
        is_coupled: the forget gate is one minus the input gate.
    """
    names = [f.name for f in functions]
    is_plain = not is_coupled and not w.peepholes and _is_single(z)
    if is_plain and names == ["sigmoid", "tanh", "tanh"]:
        return cell(nodes, "lstm", z, state, w.tensors)
    h, c = state
    gate, candidate, out = functions
    total = binary(nodes, "add", *_sums(nodes, z, h, w))
    parts = [Named(part) for part in total.names.split(c.shape[-1], dim=-1)]

    def open_gate(k: int, peephole: int, cell_state: Named) -> Named:
        z = parts[k]
        if w.peepholes:
            seen = binary(nodes, "multiply", cell_state, w.peepholes[peephole])
            z = binary(nodes, "add", z, seen)
        return gate(nodes, z)

    i = open_gate(0, 0, c)
    f = binary(nodes, "subtract", 1.0, i) if is_coupled else open_gate(1, 1, c)
    added = binary(nodes, "multiply", i, candidate(nodes, parts[2]))
    c = binary(nodes, "add", binary(nodes, "multiply", f, c), added)
    o = open_gate(3, 2, c)
    return [binary(nodes, "multiply", o, out(nodes, c)), c]


def _is_single(z: Named) -> bool:
    """Whether it is one vector and not a batch, whose rows share one matrix."""
    return len(z.shape) == 1


def _sums(nodes: Nodes, z: Named, h: Named, w: CellWeights) -> tuple[Named, Named]:
    return (
        linear(nodes, z, w.weight_ih, w.bias_ih),
        linear(nodes, h, w.weight_hh, w.bias_hh),
    )


def in_order(tensor: Tensor, order: Sequence[int]) -> Tensor:
    """Blocks of the first axis, the k-th of which is block `order[k]` of `tensor`."""
    blocks = tensor.chunk(len(order))
    return torch.cat([blocks[k] for k in order])
