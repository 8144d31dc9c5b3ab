"""Changes of the element type. A layer computes in float32 whatever the module says."""

from __future__ import annotations

from typing import Any

import torch

from ....module.reasons import not_a_chain
from ..moves import MOVES
from ..nodes import INPUT, Named, Nodes
from ..rules import looked_up
from ..tracing import Call, Rule
from .comparisons import equal, negated
from .formulas import truncated

_aten = torch.ops.aten
_READERS = (
    _aten.embedding.default,
    _aten.one_hot.default,
    _aten._assert_tensor_metadata.default,
)


_WIDE = (torch.float32, torch.float64, torch.int64, torch.int32, torch.bool)
"""Element types that float32 stands for; narrower ones would round or wrap."""


def _cast(nodes: Nodes, call: Call) -> Any:
    """Token ids arrive as float32, and are whole numbers to what looks them up.

    Other whole numbers are cut off, truth values are 1 and 0.
    """
    z, given = nodes.named(call.args[0]), call.node.args[0]
    kind = call.node.meta["val"].dtype
    came: Any = getattr(given, "meta", {}).get("val")
    if came is not None and kind not in (*_WIDE, came.dtype):
        raise not_a_chain(call.node, f"makes {kind}")
    if kind.is_floating_point or came is None or kind == came.dtype:
        return z
    if kind == torch.bool:
        return negated(nodes, equal(nodes, z, 0.0))
    is_whole = not came.dtype.is_floating_point
    is_token = all(
        user.target in _READERS or str(user.target) in MOVES for user in call.node.users
    )
    is_given = bool((z.nodes() == INPUT).all())
    return z if is_token or is_whole or is_given else truncated(nodes, z)


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
    "aten." + name: _cast
    for name in [
        "to.dtype",
        "to.dtype_layout",
        "to.other",
        "_to_copy.default",
        "type_as.default",
    ]
} | {"aten.index.Tensor": _row, "aten.index_select.default": _row}
"""By name of the operation."""
