"""What single operations of a graph become: linear, activation, scaler, embedding."""

from __future__ import annotations

import operator
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx

from rnnedge_runtime.spec.layers import Activation, AddLast, Embedding, Linear, Softmax

from .labels import MOVING_OPERATIONS
from .walk import DROPOUTS, Handlers, Known, Walk, leaves

_aten = torch.ops.aten
_SHAPE_ONLY = {
    _aten.zeros_like.default,
    _aten.ones_like.default,
    _aten.full_like.default,
    _aten.new_zeros.default,
    _aten.new_ones.default,
    _aten.new_full.default,
}


def _linear(walk: Walk, z: Any, weight: Any, bias: Any = None) -> Known:
    rows = walk.rows(z)
    if not isinstance(weight, Tensor):
        raise walk.not_a_chain("has a weight that depends on x")
    bias = torch.zeros(len(weight)) if bias is None else bias
    layer = Linear(weight.shape[1], weight.shape[0])
    return walk.extend(rows, layer, {"weight": weight, "bias": bias})


def _embedding(walk: Walk, table: Any, token: Any, *_: Any, **__: Any) -> Known:
    if walk.tail is not walk.x or walk.x.size != 1 or not isinstance(table, Tensor):
        raise walk.not_a_chain("is not the first layer, on one token")
    rows = walk.rows(Known(token.labels[..., None]))
    return walk.extend(rows, Embedding(*table.shape), {"weight": table})


def _to_dtype(walk: Walk, z: Any, dtype: torch.dtype, *_: Any, **__: Any) -> Any:
    """Token ids arrive as float32; only an embedding may read them as integers.

    A layer computes in float32 what the module computes in float64.
    """
    is_token = dtype in (torch.int64, torch.int32) and all(
        user.target in (_aten.embedding.default, _aten._assert_tensor_metadata.default)
        or user.target in MOVING_OPERATIONS
        for user in walk.node.users
    )
    if is_token or dtype in (torch.float32, torch.float64):
        return z
    raise walk.not_a_chain()


def _activation(kind: Any, walk: Walk, z: Any) -> Known:
    return walk.extend(walk.rows(z), Activation(walk.tail.size, kind))


def _softmax(walk: Walk, z: Any, axis: int, *_: Any, **__: Any) -> Known:
    rows = walk.rows(z)
    if axis not in (-1, rows.ndim):
        raise walk.not_a_chain("is not over the last axis")
    return walk.extend(rows, Softmax(walk.tail.size))


def _negative(walk: Walk, z: Any) -> Known:
    rows = walk.rows(z)
    walk.chain.multiply(-np.ones(walk.tail.size))
    return walk.advance(rows, walk.tail.size)


def _arithmetic(
    operation: str, walk: Walk, first: Any, second: Any, *rest: Any, **kwargs: Any
) -> Known:
    """Scalers: sums, differences, products and quotients with constants."""
    if operation == "rsub":
        operation, first, second = "sub", second, first
    if rest or kwargs.get("alpha", 1) != 1 or "rounding_mode" in kwargs:
        raise walk.not_a_chain()
    if isinstance(first, Known) and isinstance(second, Known):
        return _add_last(walk, operation, first, second)
    is_reversed = isinstance(second, Known)
    known, other = (second, first) if is_reversed else (first, second)
    rows = walk.rows(known)
    vector = _feature_vector(walk, other, known.labels.shape)
    if operation == "add":
        walk.chain.subtract(-vector)
    elif operation == "mul":
        walk.chain.multiply(vector)
    elif operation == "sub":
        if is_reversed:
            walk.chain.multiply(-np.ones_like(vector))
        walk.chain.subtract(-vector if is_reversed else vector)
    elif operation == "div" and not is_reversed:
        walk.chain.multiply(1.0 / vector)
    else:
        raise walk.not_a_chain()
    return walk.advance(rows, walk.tail.size)


def _feature_vector(
    walk: Walk, constant: Any, shape: torch.Size
) -> NDArray[np.float64]:
    """`constant` as one number per feature, `[size]`."""
    tensor = torch.as_tensor(constant, dtype=torch.float64).detach()
    try:
        rows = tensor.expand(shape).reshape(-1, shape[-1])
    except RuntimeError:
        raise walk.not_a_chain("changes the number of values") from None
    if not bool((rows == rows[0]).all()):
        raise walk.not_a_chain("differs between the rows of a batch")
    vector: NDArray[np.float64] = rows[0].numpy().copy()
    return vector


def _add_last(walk: Walk, operation: str, first: Known, second: Known) -> Known:
    """One of the two summands is read from the model input."""
    for z, last in ((first, second), (second, first)):
        rows = walk.tail.rows(z.labels)
        if operation != "add" or rows is None:
            continue
        try:
            added = last.labels.expand(z.labels.shape)
        except RuntimeError:
            continue
        sources = added - walk.x.base - rows[..., None] * walk.x.size
        flat = sources.reshape(-1, walk.tail.size)
        same = bool((flat == flat[0]).all())
        if same and bool(((flat >= 0) & (flat < walk.x.size)).all()):
            return walk.extend(rows, AddLast(tuple(flat[0].tolist())))
    raise walk.not_a_chain("joins two branches")


def _dropout(walk: Walk, z: Known, _probability: float, is_training: bool) -> Known:
    if is_training:
        raise walk.not_a_chain()
    return z


def _with_shape(walk: Walk, z: Any, *args: Any, **kwargs: Any) -> Tensor:
    """A constant that takes nothing but its shape from what is known."""
    made: Tensor = walk.node.target(torch.empty(z.labels.shape), *args, **kwargs)
    return made


def _move(walk: Walk, *args: Any, **kwargs: Any) -> Any:
    """Numbers go elsewhere: so do their labels."""
    if any(isinstance(leaf, Tensor) for leaf in leaves((args, kwargs))):
        raise walk.not_a_chain("joins numbers with constants")
    plain_args, plain_kwargs = fx.node.map_aggregate(
        (args, kwargs), lambda leaf: leaf.labels if isinstance(leaf, Known) else leaf
    )
    moved = walk.node.target(*plain_args, **plain_kwargs)
    return Known(moved) if isinstance(moved, Tensor) else [*map(Known, moved)]


HANDLERS: Handlers = {
    operator.getitem: lambda walk, parts, index: parts[index],
    _aten._assert_tensor_metadata.default: lambda walk, *_, **__: None,
    **dict.fromkeys(DROPOUTS, _dropout),
    **dict.fromkeys(_SHAPE_ONLY, _with_shape),
    **dict.fromkeys(MOVING_OPERATIONS, _move),
    _aten.linear.default: _linear,
    _aten.embedding.default: _embedding,
    _aten.to.dtype: _to_dtype,
    _aten.tanh.default: partial(_activation, "tanh"),
    _aten.relu.default: partial(_activation, "relu"),
    _aten.relu_.default: partial(_activation, "relu"),
    _aten.sigmoid.default: partial(_activation, "sigmoid"),
    _aten.softmax.int: _softmax,
    _aten.neg.default: _negative,
    _aten.add.Tensor: partial(_arithmetic, "add"),
    _aten.add_.Tensor: partial(_arithmetic, "add"),
    _aten.sub.Tensor: partial(_arithmetic, "sub"),
    _aten.sub_.Tensor: partial(_arithmetic, "sub"),
    _aten.rsub.Scalar: partial(_arithmetic, "rsub"),
    _aten.rsub.Tensor: partial(_arithmetic, "rsub"),
    _aten.mul.Tensor: partial(_arithmetic, "mul"),
    _aten.mul_.Tensor: partial(_arithmetic, "mul"),
    _aten.div.Tensor: partial(_arithmetic, "div"),
    _aten.div_.Tensor: partial(_arithmetic, "div"),
}
