"""Products of several tensors: sums over named axes, and attention."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ...module.reasons import not_a_chain
from .linear_maps import as_matrix
from .nodes import Named, Nodes
from .rules import binary, matmul, summed
from .tracing import Call, Rule


def _einsum(nodes: Nodes, call: Call) -> Named:
    equation, operands = call.args[:2]
    if sum(isinstance(operand, Named) for operand in operands) == 1:
        return as_matrix(nodes, call)
    left, arrow, result = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if "..." in equation or any(len(set(term)) < len(term) for term in terms):
        raise not_a_chain(call.node, f"has the equation '{equation}'")
    if not arrow:
        letters = sorted(set(left) - {","})
        result = "".join(letter for letter in letters if left.count(letter) == 1)
    over = [letter for letter in dict.fromkeys(left) if letter not in {*result, ","}]
    order = [*result, *over]
    product: Any = None
    for term, operand in zip(terms, operands, strict=True):
        there = [letter for letter in order if letter in term]
        names = nodes.named(operand).names.permute(
            [term.index(letter) for letter in there]
        )
        for axis, letter in enumerate(order):
            if letter not in term:
                names = names.unsqueeze(axis)
        part = Named(names)
        product = part if product is None else binary(nodes, "multiply", product, part)
    if not over:
        return Named(product.names)
    axes = list(range(len(result), len(order)))
    return summed(nodes, product, axes, keep=False)


def _outer(nodes: Nodes, call: Call) -> Named:
    a, b = (nodes.named(z).names for z in call.args[:2])
    return binary(nodes, "multiply", Named(a[:, None]), Named(b[None]))


def _with_product(nodes: Nodes, call: Call) -> Named:
    """`beta z + alpha (a @ b)`."""
    z, a, b = call.args[:3]
    beta, alpha = call.kwargs.get("beta", 1), call.kwargs.get("alpha", 1)
    product = matmul(nodes, a, b)
    if alpha != 1:
        product = binary(nodes, "multiply", product, alpha)
    if beta != 1:
        z = binary(nodes, "multiply", z, beta)
    return binary(nodes, "add", product, z)


def _attention(nodes: Nodes, call: Call) -> Named:
    """Scaled dot product attention without dropout."""
    query, key, value = call.args[:3]
    mask, dropout = call.argument(3, "attn_mask"), call.argument(4, "dropout_p", 0.0)
    if dropout:
        raise not_a_chain(call.node, "drops values at random")
    if call.argument(7, "enable_gqa", False):
        raise not_a_chain(call.node, "shares keys between heads")
    scale = call.kwargs.get("scale") or 1 / math.sqrt(query.shape[-1])
    key = nodes.named(key)
    scores = matmul(nodes, query, Named(key.names.mT))
    scores = binary(nodes, "multiply", scores, scale)
    if call.argument(5, "is_causal", False):
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
    if isinstance(mask, Tensor):
        return matmul(nodes, _masked_shares(nodes, scores, mask), value)
    if mask is not None:
        scores = binary(nodes, "add", scores, mask)
    return matmul(nodes, _shares(nodes, scores), value)


def _shares(nodes: Nodes, scores: Named) -> Named:
    fields = {"groups": math.prod(scores.shape[:-1])}
    return nodes.make("softmax", (scores,), scores.shape, fields=fields)


def _masked_shares(nodes: Nodes, scores: Named, mask: Tensor) -> Named:
    """Rows with as many scores that count are one softmax; the others have no share."""
    is_seen = mask if mask.dtype == torch.bool else mask > -math.inf
    if mask.dtype != torch.bool and bool(mask[is_seen].any()):
        scores = binary(nodes, "add", scores, mask.masked_fill(~is_seen, 0.0))
    rows = scores.names.reshape(-1, scores.shape[-1])
    seen = is_seen.expand(scores.shape).reshape(rows.shape)
    shares = nodes.constant(torch.zeros(())).names.expand(rows.shape).clone()
    counts = seen.sum(1)
    for count in counts.unique().tolist():
        here = seen & (counts == count)[:, None]
        if count:
            part = Named(rows[here].reshape(-1, count))
            shares[here] = _shares(nodes, part).names.reshape(-1)
    return Named(shares.reshape(scores.shape))


PRODUCTS: dict[str, Rule] = {
    "aten." + name: rule
    for name, rule in {
        "einsum": _einsum,
        "outer": _outer,
        "ger": _outer,
        "baddbmm": _with_product,
        "addmv": _with_product,
        "scaled_dot_product_attention": _attention,
    }.items()
}
"""By name of the operation."""
