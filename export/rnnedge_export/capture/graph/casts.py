"""Changes of the element type: tokens and flags are float32 in a model."""

from __future__ import annotations

import torch

from ...module.reasons import not_a_chain
from .choices import is_other
from .nodes import INPUT, Named, Nodes
from .rules import looked_up
from .tracing import Call, Rule


def _cast(nodes: Nodes, call: Call) -> Named:
    """Tokens arrive as float32, and flags are 0 and 1.

    A layer computes in float32 what the module computes in float64.
    """
    kind, before = (n.meta["val"].dtype for n in (call.node, call.node.args[0]))
    named = nodes.named(call.args[0])
    if kind.is_floating_point:
        if kind in (torch.float32, torch.float64):
            return named
        raise not_a_chain(call.node, f"computes in {kind}")
    if kind == before or before == torch.bool:
        return named
    if kind == torch.bool:
        return is_other(nodes, named, 0.0)
    is_token = bool((named.nodes() == INPUT).all())
    if is_token or not before.is_floating_point:
        return named
    raise not_a_chain(call.node, "cuts to integers")


def _one_hot(nodes: Nodes, call: Call) -> Named:
    """Rows of a unit matrix."""
    num = call.argument(1, "num_classes", -1)
    if num < 1:
        raise not_a_chain(call.node, "has no num_classes")
    return looked_up(nodes, torch.eye(num), call.args[0])


def _row(nodes: Nodes, call: Call) -> Named:
    """`table[tokens]`."""
    table, index = call.args[0], call.args[-1]
    (index,) = index if isinstance(index, list | tuple) else (index,)
    is_first = len(call.args) == 2 or call.args[1] == 0
    is_table = isinstance(table, torch.Tensor) and table.dim() == 2
    if not is_table or not isinstance(index, Named) or not is_first:
        raise not_a_chain(call.node, "takes places that are computed")
    return looked_up(nodes, table, index)


CASTS: dict[str, Rule] = {
    **dict.fromkeys(
        (
            "aten.to.dtype",
            "aten.to.dtype_layout",
            "aten.to.other",
            "aten._to_copy.default",
            "aten.type_as.default",
        ),
        _cast,
    ),
    "aten.one_hot.default": _one_hot,
    "aten.index.Tensor": _row,
    "aten.index_select.default": _row,
}
"""By name of the operation."""
