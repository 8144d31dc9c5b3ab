"""Recurrent layers whose weights are laid out as Keras has them: `[I, G H]`, transposed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rnnedge_runtime.errors import SpecError

from ..capture.graph.nodes import Named
from . import stacks
from .cells import CellWeights, GateFunction, in_order
from .step import Step

_ORDERS = {"rnn": (0,), "gru": (1, 0, 2), "lstm": (0, 1, 2, 3)}
"""Blocks in PyTorch's order; Keras has z, r, n of a GRU and i, f, g, o of an LSTM."""


def turned(kernel: Tensor) -> Tensor:
    """`[I, O]` as `[O, I]`; of another number of axes, as it is, to be refused later."""
    return kernel.mT if kernel.dim() == 2 else kernel


def keras_cell(
    step: Step,
    kind: str,
    name: str,
    z: Named,
    weights: Sequence[Tensor],
    functions: Sequence[GateFunction] = (),
    *,
    resets_product: bool | None = None,
) -> Named:
    """A layer by its kernel, recurrent kernel and, where it has one, bias.

    A GRU whose bias is `[2, 3 H]` resets the product (`reset_after=True`), one whose bias is
    `[3 H]` the state; `resets_product` says it of one without a bias.
    """
    order = _ORDERS[kind]
    kernel, recurrent, *rest = weights
    if kernel.dim() != 2 or recurrent.dim() != 2 or len(rest) > 1:
        raise SpecError(
            f"{step.where}: layer '{name}' has weights of shapes "
            f"{[list(w.shape) for w in weights]}, expected a kernel [I, G H], a recurrent "
            "kernel [H, G H] and a bias. Write the file again."
        )
    rows = kernel.shape[1]
    bias = rest[0] if rest else torch.zeros(rows)
    if rest or resets_product is None:
        resets_product = bias.dim() == 2
    both = bias if bias.dim() == 2 else torch.stack([bias, torch.zeros_like(bias)])
    if tuple(both.shape) != (2, rows) or rows % len(order):
        raise SpecError(
            f"{step.where}: layer '{name}' has a bias of shape {list(bias.shape)}, expected "
            f"{rows} values, or twice as many. Write the file again."
        )
    ordered = [in_order(t, order) for t in (kernel.mT, recurrent.mT, both[0], both[1])]
    return stacks.recurrent(
        step,
        kind,
        name,
        z,
        CellWeights(*ordered),
        functions=functions,
        resets_product=resets_product,
    )
