"""Operations that are one matrix and a bias, found by applying them to unit vectors."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, fx

from ...module.reasons import not_a_chain
from .nodes import Named, Nodes
from .rules import binary, linear
from .tracing import Call, Rule

LARGEST_MATRIX = 1 << 22
"""More weights than this one operation does not become."""


def as_matrix(nodes: Nodes, call: Call) -> Named:
    """What the operation does to its one tensor of unknown numbers, as a linear layer.

    The matrix is taken apart: equal blocks along its diagonal are one block at several
    positions, and rows with one number are a product with it.
    """
    found: list[Named] = []
    fx.node.map_aggregate(
        (call.args, call.kwargs),
        lambda leaf: found.append(leaf) if isinstance(leaf, Named) else None,
    )
    if len(found) != 1:
        raise not_a_chain(call.node, "multiplies two tensors of the step")
    z = found[0]
    size, shape = z.names.numel(), call.node.meta["val"].shape
    if size * math.prod(shape) > LARGEST_MATRIX:
        raise not_a_chain(call.node, f"would need {size} x {math.prod(shape)} weights")
    bias = _applied(call, z, torch.zeros(z.shape, dtype=torch.float64))
    rows = torch.eye(size, dtype=torch.float64).reshape(size, *z.shape)
    columns = [_applied(call, z, row) - bias for row in rows]
    matrix = torch.stack([column.reshape(-1) for column in columns], dim=1)
    y = _product(nodes, Named(z.names.reshape(-1)), matrix)
    y = Named(y.names.reshape(shape))
    return binary(nodes, "add", y, bias) if bool(bias.any()) else y


def _applied(call: Call, z: Named, value: Tensor) -> Tensor:
    target: Any = call.node.target

    def given(leaf: Any) -> Any:
        if leaf is z:
            return value
        is_number = isinstance(leaf, Tensor) and leaf.is_floating_point()
        return leaf.double() if is_number else leaf

    args, kwargs = fx.node.map_aggregate((call.args, call.kwargs), given)
    result: Tensor = target(*args, **kwargs)
    return result.double()


def _product(nodes: Nodes, z: Named, matrix: Tensor) -> Named:
    outputs, size = matrix.shape
    if bool(((matrix != 0).sum(1) <= 1).all()):  # rows with one number
        places = matrix.abs().argmax(1)
        factors = matrix.gather(1, places[:, None])[:, 0]
        y = Named(z.names[places])
        is_move = bool((factors == 1).all())
        return y if is_move else binary(nodes, "multiply", y, factors)
    for count in range(math.gcd(outputs, size), 1, -1):
        if outputs % count or size % count:
            continue
        blocks = matrix.reshape(count, outputs // count, count, size // count)
        along = _same_blocks(blocks)
        if along is not None:
            part = Named(z.names.reshape(count, -1))
            return Named(linear(nodes, part, along, None).names.reshape(-1))
        across = _same_blocks(
            matrix.reshape(outputs // count, count, size // count, count).permute(
                1, 0, 3, 2
            )
        )
        if across is not None:
            part = Named(z.names.reshape(-1, count).mT)
            return Named(linear(nodes, part, across, None).names.mT.reshape(-1))
    return linear(nodes, z, matrix, None)


def _same_blocks(blocks: Tensor) -> Tensor | None:
    """The block `[o, i]` of a `[count, o, count, i]` with equal ones along its diagonal."""
    first = blocks[0, :, 0]
    expected = torch.zeros_like(blocks)
    for k in range(len(blocks)):
        expected[k, :, k] = first
    return first if torch.equal(blocks, expected) else None


LINEAR_MAPS: dict[str, Rule] = {
    "aten." + name: as_matrix
    for name in [
        "cumsum",
        "tril",
        "triu",
        "diff",
        "trapezoid",
        "trace",
        "diag",
        "diag_embed",
        "avg_pool1d",
        "avg_pool2d",
        "avg_pool3d",
        "adaptive_avg_pool1d",
        "adaptive_avg_pool2d",
        "conv3d",
        "conv_transpose1d",
        "conv_transpose2d",
        "upsample_nearest1d",
        "upsample_nearest2d",
        "upsample_linear1d",
        "upsample_bilinear2d",
        "im2col",
        "col2im",
        "kron",
        "tensordot",
        "cross",
        "linalg_cross",
    ]
}
"""By name of the operation."""
