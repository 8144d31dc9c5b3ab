"""Changes of the element type. A layer computes in float32 whatever the module says."""

from __future__ import annotations

from typing import Any

import torch

from .comparisons import equal, negated
from .formulas import truncated
from .nodes import Nodes
from .tracing import MOVES, Call, Rule

_aten = torch.ops.aten
_READERS = (
    _aten.embedding.default,
    _aten.one_hot.default,
    _aten._assert_tensor_metadata.default,
)


def _cast(nodes: Nodes, call: Call) -> Any:
    """Token ids arrive as float32, and are whole numbers to what looks them up.

    Other whole numbers are cut off, truth values are 1 and 0.
    """
    z, given = nodes.named(call.args[0]), call.node.args[0]
    kind = call.node.meta["val"].dtype
    came: Any = getattr(given, "meta", {}).get("val")
    if kind.is_floating_point or came is None or kind == came.dtype:
        return z
    if kind == torch.bool:
        return negated(nodes, equal(nodes, z, 0.0))
    is_whole = not came.dtype.is_floating_point
    is_token = all(
        user.target in _READERS or str(user.target) in MOVES for user in call.node.users
    )
    return z if is_token or is_whole else truncated(nodes, z)


CASTS: dict[str, Rule] = {
    "aten." + name: _cast
    for name in [
        "to.dtype",
        "to.dtype_layout",
        "to.other",
        "_to_copy.default",
        "type_as.default",
    ]
}
"""By name of the operation."""
