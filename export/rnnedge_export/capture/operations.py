"""What single operations of a graph become: linear, activation, scaler, embedding."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, fx

from rnnedge_runtime.spec.layers import Activation, AddLast, Embedding, Linear, Softmax

from ..module.reasons import not_a_chain
from .labels import MOVING_OPERATIONS
from .walk import Call, Handler, Known, Walk

_aten = torch.ops.aten
_ACTIVATIONS = {
    _aten.tanh.default: "tanh",
    _aten.relu.default: "relu",
    _aten.relu_.default: "relu",
    _aten.sigmoid.default: "sigmoid",
}


def _feature_vector(
    node: fx.Node, constant: Any, shape: torch.Size
) -> NDArray[np.float64]:
    """`constant` as one number per feature, `[size]`."""
    tensor = torch.as_tensor(constant, dtype=torch.float64).detach()
    try:
        rows = tensor.expand(shape).reshape(-1, shape[-1])
    except RuntimeError:
        raise not_a_chain(node, "changes the number of values") from None
    if not bool((rows == rows[0]).all()):
        raise not_a_chain(node, "differs between the rows of a batch")
    vector: NDArray[np.float64] = rows[0].numpy().copy()
    return vector


def _linear(walk: Walk, call: Call) -> Known:
    z, weight, *rest = call.args
    rows = walk.rows(call.node, z)
    if not isinstance(weight, Tensor):
        raise not_a_chain(call.node, "has a weight that depends on x")
    bias = rest[0] if rest and rest[0] is not None else torch.zeros(len(weight))
    layer = Linear(weight.shape[1], weight.shape[0])
    return walk.extend(rows, layer, {"weight": weight, "bias": bias})


def _embedding(walk: Walk, call: Call) -> Known:
    table, token = call.args[:2]
    if walk.tail is not walk.x or walk.x.size != 1 or not isinstance(table, Tensor):
        raise not_a_chain(call.node, "is not the first layer, on one token")
    rows = walk.rows(call.node, Known(token.labels[..., None]))
    return walk.extend(rows, Embedding(*table.shape), {"weight": table})


def _to_dtype(walk: Walk, call: Call) -> Known:
    """Token ids arrive as float32; only an embedding may read them as integers.

    A layer computes in float32 what the module computes in float64.
    """
    readers = [user.target for user in call.node.users]
    is_token = all(
        target in (_aten.embedding.default, _aten._assert_tensor_metadata.default)
        or target in MOVING_OPERATIONS
        for target in readers
    )
    integers = (torch.int64, torch.int32)
    known, dtype = call.args[:2]
    if dtype in (torch.float32, torch.float64) or (dtype in integers and is_token):
        return known
    raise not_a_chain(call.node)


def _activation(walk: Walk, call: Call) -> Known:
    rows = walk.rows(call.node, call.args[0])
    name: Any = _ACTIVATIONS[call.node.target]
    return walk.extend(rows, Activation(walk.tail.size, name))


def _softmax(walk: Walk, call: Call) -> Known:
    rows = walk.rows(call.node, call.args[0])
    if call.args[1] not in (-1, rows.ndim):
        raise not_a_chain(call.node, "is not over the last axis")
    return walk.extend(rows, Softmax(walk.tail.size))


def _arithmetic(walk: Walk, call: Call) -> Known:
    """Scalers: sums, differences, products and quotients with constants."""
    node, args, kwargs = call
    first, second = args[:2]
    operation = str(node.target).split(".")[1].rstrip("_")
    if operation == "rsub":
        operation, first, second = "sub", second, first
    if len(args) > 2 or kwargs.get("alpha", 1) != 1 or "rounding_mode" in kwargs:
        raise not_a_chain(node)
    if isinstance(first, Known) and isinstance(second, Known):
        return _add_last(walk, node, operation, first, second)
    is_reversed = isinstance(second, Known)
    known, other = (second, first) if is_reversed else (first, second)
    rows = walk.rows(node, known)
    vector = _feature_vector(node, other, known.labels.shape)
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
        raise not_a_chain(node)
    return walk.advance(rows, walk.tail.size)


def _negative(walk: Walk, call: Call) -> Known:
    rows = walk.rows(call.node, call.args[0])
    walk.chain.multiply(-np.ones(walk.tail.size))
    return walk.advance(rows, walk.tail.size)


def _add_last(
    walk: Walk, node: fx.Node, operation: str, first: Known, second: Known
) -> Known:
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
    raise not_a_chain(node, "joins two branches")


HANDLERS: dict[Any, Handler] = {
    _aten.linear.default: _linear,
    _aten.embedding.default: _embedding,
    _aten.to.dtype: _to_dtype,
    _aten.softmax.int: _softmax,
    _aten.neg.default: _negative,
    **dict.fromkeys(_ACTIVATIONS, _activation),
    **dict.fromkeys(
        (
            _aten.add.Tensor,
            _aten.add_.Tensor,
            _aten.sub.Tensor,
            _aten.sub_.Tensor,
            _aten.rsub.Scalar,
            _aten.rsub.Tensor,
            _aten.mul.Tensor,
            _aten.mul_.Tensor,
            _aten.div.Tensor,
            _aten.div_.Tensor,
        ),
        _arithmetic,
    ),
}
