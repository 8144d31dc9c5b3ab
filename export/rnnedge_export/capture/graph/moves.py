"""Operations that only move numbers: PyTorch's own, applied to names."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx

from ...module.reasons import NotAChainError
from .nodes import Named, Nodes

MOVES = frozenset(
    f"aten.{name}"
    for name in [
        "view.default",
        "reshape.default",
        "_unsafe_view.default",
        "view_as.default",
        "transpose.int",
        "t.default",
        "permute.default",
        "unsqueeze.default",
        "squeeze.dim",
        "squeeze.dims",
        "squeeze.default",
        "flatten.using_ints",
        "unflatten.int",
        "select.int",
        "slice.Tensor",
        "narrow.default",
        "index_select.default",
        "movedim.int",
        "movedim.intlist",
        "swapaxes.default",
        "chunk.default",
        "split.Tensor",
        "split_with_sizes.default",
        "unbind.int",
        "cat.default",
        "stack.default",
        "expand.default",
        "expand_as.default",
        "repeat.default",
        "tile.default",
        "flip.default",
        "roll.default",
        "unfold.default",
        "diagonal.default",
        "clone.default",
        "contiguous.default",
        "detach.default",
        "alias.default",
        "copy_.default",
        "fill_.Tensor",
        "lift_fresh_copy.default",
        "atleast_1d.default",
        "atleast_2d.default",
        "atleast_3d.default",
        "hstack.default",
        "vstack.default",
        "tensor_split.sections",
        "repeat_interleave.self_int",
        "pixel_shuffle.default",
        "T.default",
        "mT.default",
        "ravel.default",
        "select_scatter.default",
        "slice_scatter.default",
        "copy.default",
        "index.Tensor",
        "gather.default",
        "take_along_dim.default",
        "pixel_unshuffle.default",
        "channel_shuffle.default",
        "concat.default",
        "concatenate.default",
        "column_stack.default",
        "dstack.default",
        "hsplit.int",
        "tensor_split.indices",
        "unsafe_chunk.default",
        "unsafe_split.Tensor",
        "repeat_interleave.self_Tensor",
        "swapdims.default",
        "moveaxis.int",
        "moveaxis.intlist",
        "adjoint.default",
        "numpy_T.default",
        "rot90.default",
        "positive.default",
        "conj.default",
        "resolve_conj.default",
        "resolve_neg.default",
        "broadcast_to.default",
        "broadcast_tensors.default",
        "unsqueeze_.default",
        "squeeze_.dim",
        "transpose_.default",
        "index_copy.default",
        "index_copy_.default",
        "index_put.default",
        "index_put_.default",
        "masked_select.default",
        "reflection_pad1d.default",
        "replication_pad1d.default",
        "_unsafe_index.Tensor",
        "take.default",
        "scatter.src",
        "fliplr.default",
        "flipud.default",
        "mH.default",
        "H.default",
        "dsplit.int",
        "vsplit.int",
    ]
)
"""By name."""

_INDICES = {
    "index_select": 2,
    "index": 1,
    "gather": 2,
    "take_along_dim": 1,
    "index_copy": 2,
    "index_copy_": 2,
    "index_put": 1,
    "index_put_": 1,
    "repeat_interleave": 1,
    "masked_select": 1,
    "_unsafe_index": 1,
    "take": 1,
    "scatter": 2,
    "tensor_split": 1,
}
"""Which argument of an operation holds places, not numbers."""

_IN_FLOAT64 = {"reflection_pad1d", "replication_pad1d"}
"""Operations that PyTorch has not for integers."""


def moved(
    nodes: Nodes, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """The operation, applied to names; constants among them get names first.

    Raises:
        NotAChainError: places that are computed.
    """
    name = target.__name__.split(".")[0]
    at = _INDICES.get(name)
    found: list[Any] = []
    for k, leaf in enumerate(args):
        if k == at:
            if any_named(leaf):
                raise NotAChainError("places are computed")
            found.append(leaf)
        else:
            found.append(fx.node.map_aggregate(leaf, lambda part: _names(nodes, part)))
    plain = fx.node.map_aggregate(kwargs, lambda part: _names(nodes, part))
    if name in _IN_FLOAT64:
        return _by_places(nodes, target, found, plain)
    result = target(*found, **plain)
    if isinstance(result, Tensor):
        return Named(result)
    return [Named(names) for names in result]


def any_named(values: Any) -> bool:
    """Whether numbers of a part of it are not known."""
    found: list[bool] = []
    fx.node.map_aggregate(values, lambda leaf: found.append(isinstance(leaf, Named)))
    return any(found)


def _names(nodes: Nodes, leaf: Any) -> Any:
    if isinstance(leaf, Named):
        return leaf.names
    return nodes.constant(leaf).names if isinstance(leaf, Tensor) else leaf


def _by_places(
    nodes: Nodes, target: Any, args: list[Any], kwargs: dict[str, Any]
) -> Named:
    """By numbers from one, which name places; 0 stays for what is empty."""
    names, *rest = args
    zero = nodes.constant(0.0).names.reshape(1)
    known = torch.cat([zero, names.reshape(-1)])
    places = torch.arange(1.0, len(known), dtype=torch.float64).reshape(names.shape)
    return Named(known[target(places, *rest, **kwargs).long()])
