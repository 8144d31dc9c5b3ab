"""Norms and softmax over parts of a tensor."""

from __future__ import annotations

import math

import torch

from ...module.reasons import not_a_chain
from .nodes import Named, Nodes
from .rules import binary
from .tracing import Call, Rule


def _layer_norm(nodes: Nodes, call: Call) -> Named:
    z, shape = call.args[:2]
    return _norm(
        nodes, z, math.prod(shape), call.argument(4, "eps", 1e-5), call, "layer"
    )


def _rms_norm(nodes: Nodes, call: Call) -> Named:
    z, shape = call.args[:2]
    eps = call.argument(3, "eps") or torch.finfo(torch.float32).eps
    return _norm(nodes, z, math.prod(shape), eps, call, "rms")


def _norm(
    nodes: Nodes, z: Named, size: int, eps: float, call: Call, kind: str
) -> Named:
    groups = math.prod(z.shape) // size
    fields = {"groups": groups, "eps": eps, "centred": kind != "rms"}
    y = nodes.make("norm", (z,), z.shape, fields=fields)
    weight, bias = call.argument(2, "weight"), call.argument(3, "bias")
    if kind == "rms":
        bias = None
    y = y if weight is None else binary(nodes, "multiply", y, weight)
    return y if bias is None else binary(nodes, "add", y, bias)


def _group_norm(nodes: Nodes, call: Call) -> Named:
    z, num_groups = call.args[:2]
    weight, bias = call.argument(2, "weight"), call.argument(3, "bias")
    fields = {
        "groups": z.shape[0] * num_groups,
        "eps": call.argument(4, "eps", 1e-5),
        "centred": True,
    }
    y = nodes.make("norm", (z,), z.shape, fields=fields)
    shape = [1, -1, *[1] * (len(z.shape) - 2)]
    y = y if weight is None else binary(nodes, "multiply", y, weight.reshape(shape))
    return y if bias is None else binary(nodes, "add", y, bias.reshape(shape))


def _instance_norm(nodes: Nodes, call: Call) -> Named:
    z, weight, bias, _mean, _, uses_input, *_ = call.args
    if not uses_input:
        return _batch_norm(nodes, call)
    fields = {
        "groups": math.prod(z.shape[:2]),
        "eps": call.argument(7, "eps", 1e-5),
        "centred": True,
    }
    y = nodes.make("norm", (z,), z.shape, fields=fields)
    shape = [1, -1, *[1] * (len(z.shape) - 2)]
    y = y if weight is None else binary(nodes, "multiply", y, weight.reshape(shape))
    return y if bias is None else binary(nodes, "add", y, bias.reshape(shape))


def _batch_norm(nodes: Nodes, call: Call) -> Named:
    z, weight, bias, mean, variance, is_training, _, eps, *_ = call.args
    if is_training or mean is None:
        raise not_a_chain(call.node, "takes its statistics from the batch")
    scale = (variance.double() + eps).rsqrt()
    if weight is not None:
        scale = scale * weight.double()
    shift = -mean.double() * scale
    if bias is not None:
        shift = shift + bias.double()
    shape = [1, -1, *[1] * (len(z.shape) - 2)]
    y = binary(nodes, "multiply", z, scale.reshape(shape))
    return binary(nodes, "add", y, shift.reshape(shape))


def _softmax(nodes: Nodes, call: Call) -> Named:
    z, axis = call.args[:2]
    moved = z.names.movedim(axis, -1)
    kind = "log_softmax" if "log" in call.name else "softmax"
    fields = {"groups": moved.numel() // moved.shape[-1]}
    y = nodes.make(kind, (Named(moved),), moved.shape, fields=fields)
    return Named(y.names.movedim(-1, axis))


NORMS: dict[str, Rule] = {
    "aten.layer_norm": _layer_norm,
    "aten.rms_norm": _rms_norm,
    "aten.group_norm": _group_norm,
    "aten.batch_norm": _batch_norm,
    "aten.instance_norm": _instance_norm,
    "aten.softmax": _softmax,
    "aten._softmax": _softmax,
    "aten.log_softmax": _softmax,
    "aten._log_softmax": _softmax,
}
"""By name of the operation."""
