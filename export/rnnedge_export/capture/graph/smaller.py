"""Operations that have no rule, taken apart by PyTorch's own decompositions."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor, fx
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils import _pytree as pytree

from ...tools.silence import silence
from .nodes import Named


def in_smaller_ones(
    node: fx.Node, args: Any, kwargs: Any, known: Collection[str]
) -> tuple[fx.Graph, list[Any]] | None:
    """A graph that computes what `node` does, and the tensors that it takes.

    None where PyTorch takes it no further apart.

    Args:
        node: the operation.
        args: its arguments; tensors of unknown numbers are `Named`.
        kwargs: the same by name.
        known: names of operations that stay whole.
    """
    target: Any = node.target
    leaves, structure = pytree.tree_flatten((args, kwargs))
    places = [k for k, leaf in enumerate(leaves) if isinstance(leaf, Named | Tensor)]
    given = [leaves[k] for k in places]

    def example(leaf: Any) -> Tensor:
        return torch.ones(leaf.shape) if isinstance(leaf, Named) else leaf

    def call(*tensors: Tensor) -> Any:
        own = list(leaves)
        for k, tensor in zip(places, tensors, strict=True):
            own[k] = tensor
        inner_args, inner_kwargs = pytree.tree_unflatten(own, structure)
        return target(*inner_args, **inner_kwargs)

    table = torch._decomp.core_aten_decompositions()
    apart = {
        operation: way
        for operation, way in table.items()
        if not _is_known(str(operation), known)
    }
    try:
        with silence(), torch.no_grad():
            made = make_fx(call, decomposition_table=apart)(*map(example, given))
    except Exception:  # of any type: it may look at numbers, or want other types
        return None
    operations = [n.target for n in made.graph.nodes if n.op == "call_function"]
    return None if target in operations or not operations else (made.graph, given)


def _is_known(name: str, known: Collection[str]) -> bool:
    return name in known or name.rpartition(".")[0] in known
