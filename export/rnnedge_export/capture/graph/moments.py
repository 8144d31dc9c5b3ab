"""Means, spreads and lengths over axes, logarithms near them, and attention."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from ...module.reasons import not_a_chain
from .frames import extreme
from .nodes import Named, Nodes
from .rules import axes_of, binary, elementwise, matmul_of, summed
from .tracing import Call, Rule


def _kept(z: Named, total: Named, axes: Sequence[int]) -> Named:
    """With an axis of one for each axis that went."""
    over = {axis % len(z.shape) for axis in axes}
    shape = [1 if k in over else n for k, n in enumerate(z.shape)]
    return Named(total.names.reshape(shape))


def _dropped(z: Named, axes: Sequence[int], *, keep: bool) -> Named:
    if keep:
        return z
    over = {axis % len(z.shape) for axis in axes}
    return Named(z.names.reshape([n for k, n in enumerate(z.shape) if k not in over]))


def _variance(nodes: Nodes, call: Call) -> tuple[Named, Named, list[int], bool]:
    """It and the mean, with axes of one; the axes, and whether they stay."""
    z = call.args[0]
    dim = call.argument(1, "dim")
    if isinstance(dim, bool):  # the older form: unbiased alone
        dim, correction = None, 1.0 if dim else 0.0
    else:
        given = call.argument(2, "correction", 1.0)
        correction = 1.0 if given is None else float(given)
    axes = axes_of(z, dim or None)
    keep = bool(call.argument(3, "keepdim", False))
    count = math.prod(z.shape[axis] for axis in axes)
    if count <= correction:
        raise not_a_chain(call.node, "spreads over one value")
    total = summed(nodes, z, axes, keep=True)
    mean = binary(nodes, "multiply", total, 1 / count)
    centred = binary(nodes, "subtract", z, mean)
    squares = binary(nodes, "multiply", centred, centred)
    spread = summed(nodes, squares, axes, keep=True)
    spread = binary(nodes, "multiply", spread, 1 / (count - correction))
    return spread, mean, axes, keep


def _var(nodes: Nodes, call: Call) -> Named:
    spread, _, axes, keep = _variance(nodes, call)
    return _dropped(spread, axes, keep=keep)


def _std(nodes: Nodes, call: Call) -> Named:
    spread, _, axes, keep = _variance(nodes, call)
    return _dropped(elementwise(nodes, spread, "sqrt"), axes, keep=keep)


def _both(nodes: Nodes, call: Call) -> tuple[Named, Named]:
    spread, mean, axes, keep = _variance(nodes, call)
    if "std" in call.name:
        spread = elementwise(nodes, spread, "sqrt")
    return _dropped(spread, axes, keep=keep), _dropped(mean, axes, keep=keep)


def _length(nodes: Nodes, call: Call) -> Named:
    z, order = call.args[0], call.argument(1, "ord", 2)
    axes = axes_of(z, call.argument(2, "dim"))
    keep = bool(call.argument(3, "keepdim", False))
    order = 2 if order is None else order
    if order == 2:
        total = summed(nodes, binary(nodes, "multiply", z, z), axes, keep=keep)
        return elementwise(nodes, total, "sqrt")
    sizes = elementwise(nodes, z, "abs")
    if order == 1:
        return summed(nodes, sizes, axes, keep=keep)
    if order in (math.inf, -math.inf):
        operation = "maximum" if order > 0 else "minimum"
        found = extreme(nodes, sizes, axes, operation)
        return _kept(z, found, axes) if keep else found
    raise not_a_chain(call.node, f"has the order {order}")


def _log_sum_exp(nodes: Nodes, call: Call) -> Named:
    z, axes = call.args[0], axes_of(call.args[0], call.args[1])
    largest = _kept(z, extreme(nodes, z, axes, "maximum"), axes)
    powers = elementwise(nodes, binary(nodes, "subtract", z, largest), "exp")
    total = elementwise(nodes, summed(nodes, powers, axes, keep=True), "log")
    keep = bool(call.argument(2, "keepdim", False))
    return _dropped(binary(nodes, "add", total, largest), axes, keep=keep)


def _instance_norm(nodes: Nodes, call: Call) -> Named:
    z, weight, bias = call.args[:3]
    if not call.argument(5, "use_input_stats", True):
        raise not_a_chain(call.node, "keeps statistics")
    groups = z.shape[0] * z.shape[1]
    fields = {"groups": groups, "eps": call.argument(7, "eps", 1e-5), "centred": True}
    y = nodes.make("norm", (z,), z.shape, fields=fields)
    shape = [1, -1, *[1] * (len(z.shape) - 2)]
    y = y if weight is None else binary(nodes, "multiply", y, weight.reshape(shape))
    return y if bias is None else binary(nodes, "add", y, bias.reshape(shape))


def _log_of(shift: float, scale: float) -> Rule:
    """`log(z + shift) * scale`."""

    def rule(nodes: Nodes, call: Call) -> Named:
        z = binary(nodes, "add", call.args[0], shift) if shift else call.args[0]
        y = elementwise(nodes, z, "log")
        return y if scale == 1 else binary(nodes, "multiply", y, scale)

    return rule


def _exp_of(scale: float, shift: float) -> Rule:
    """`exp(z * scale) + shift`."""

    def rule(nodes: Nodes, call: Call) -> Named:
        z = call.args[0]
        z = z if scale == 1 else binary(nodes, "multiply", z, scale)
        y = elementwise(nodes, z, "exp")
        return y if not shift else binary(nodes, "add", y, shift)

    return rule


def _log_sigmoid(nodes: Nodes, call: Call) -> Named:
    z = binary(nodes, "multiply", call.args[0], -1.0)
    return binary(nodes, "multiply", elementwise(nodes, z, "softplus", 1, 20), -1.0)


def _attention(nodes: Nodes, call: Call) -> Named:
    q, k, v = (nodes.named(part) for part in call.args[:3])
    mask, is_causal = (
        call.argument(3, "attn_mask"),
        call.argument(5, "is_causal", False),
    )
    if call.argument(4, "dropout_p", 0.0):
        raise not_a_chain(call.node, "drops values at random")
    scale = call.kwargs.get("scale") or 1 / math.sqrt(q.shape[-1])
    if q.names.dim() > 2 and k.shape[-3] != q.shape[-3]:  # grouped queries
        times = q.shape[-3] // k.shape[-3]
        k, v = (Named(t.names.repeat_interleave(times, -3)) for t in (k, v))
    scores = matmul_of(nodes, binary(nodes, "multiply", q, scale), Named(k.names.mT))
    if is_causal:
        allowed = torch.ones(q.shape[-2], k.shape[-2]).tril()
        mask = torch.zeros_like(allowed).masked_fill(allowed == 0, _MASKED)
    if isinstance(mask, torch.Tensor) and mask.dtype == torch.bool:
        mask = torch.zeros(mask.shape).masked_fill(~mask, _MASKED)
    elif isinstance(mask, torch.Tensor):
        mask = mask.clamp(min=_MASKED)
    elif isinstance(mask, Named) and call.node.args[3].meta["val"].dtype == torch.bool:
        mask = binary(nodes, "multiply", binary(nodes, "subtract", mask, 1.0), -_MASKED)
    if mask is not None:
        scores = binary(nodes, "add", scores, mask)
    fields = {"groups": scores.names.numel() // scores.shape[-1]}
    weights = nodes.make("softmax", (scores,), scores.shape, fields=fields)
    return matmul_of(nodes, weights, v)


_MASKED = -1e4
"""What stands for minus infinity: softmax makes 0 of it."""

MOMENTS: dict[str, Rule] = {
    f"aten.{name}": rule
    for name, rule in {
        "var": _var,
        "std": _std,
        "var_mean": _both,
        "std_mean": _both,
        "linalg_vector_norm": _length,
        "logsumexp": _log_sum_exp,
        "instance_norm": _instance_norm,
        "log1p": _log_of(1.0, 1.0),
        "log2": _log_of(0.0, 1 / math.log(2)),
        "log10": _log_of(0.0, 1 / math.log(10)),
        "expm1": _exp_of(1.0, -1.0),
        "exp2": _exp_of(math.log(2), 0.0),
        "log_sigmoid": _log_sigmoid,
        "scaled_dot_product_attention": _attention,
    }.items()
}
"""By name of the operation."""
