"""Comparisons and choices: a truth value is 1 or 0, made by the function `step`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .nodes import Named, Nodes
from .rules import binary, elementwise
from .tracing import Call, Rule


def above(nodes: Nodes, a: Any, b: Any) -> Named:
    """1 where a > b, else 0."""
    return elementwise(nodes, binary(nodes, "subtract", a, b), "step")


def negated(nodes: Nodes, truth: Named) -> Named:
    """1 for 0 and 0 for 1."""
    return binary(nodes, "subtract", 1.0, truth)


def equal(nodes: Nodes, a: Any, b: Any) -> Named:
    """1 where a is b, else 0."""
    apart = elementwise(nodes, binary(nodes, "subtract", a, b), "abs")
    return negated(nodes, elementwise(nodes, apart, "step"))


def chosen(nodes: Nodes, truth: Any, a: Any, b: Any) -> Named:
    """A where the truth is 1, b where it is 0; both have to be finite."""
    if isinstance(truth, Tensor):
        names = torch.where(truth, nodes.named(a).names, nodes.named(b).names)
        return Named(names)
    if _is_zero(b):
        return binary(nodes, "multiply", truth, a)
    if _is_zero(a):
        return binary(nodes, "multiply", negated(nodes, truth), b)
    of_a = binary(nodes, "multiply", truth, a)
    return binary(
        nodes, "add", of_a, binary(nodes, "multiply", negated(nodes, truth), b)
    )


def _is_zero(value: Any) -> bool:
    if isinstance(value, Named):
        return False
    return not bool(torch.as_tensor(value).any())


def _compare(*, swapped: bool = False, inverse: bool = False) -> Rule:
    def rule(nodes: Nodes, call: Call) -> Named:
        a, b = call.args[:2][::-1] if swapped else call.args[:2]
        truth = above(nodes, a, b)
        return negated(nodes, truth) if inverse else truth

    return rule


def _equals(nodes: Nodes, call: Call) -> Named:
    return equal(nodes, *call.args[:2])


def _differs(nodes: Nodes, call: Call) -> Named:
    return negated(nodes, equal(nodes, *call.args[:2]))


def _where(nodes: Nodes, call: Call) -> Named:
    return chosen(nodes, *call.args[:3])


def _masked_fill(nodes: Nodes, call: Call) -> Named:
    z, mask, value = call.args[:3]
    return chosen(nodes, mask, value, z)


def _both(nodes: Nodes, call: Call) -> Named:
    return binary(nodes, "multiply", *map(_truth, call.args[:2]))


def _either(nodes: Nodes, call: Call) -> Named:
    return binary(nodes, "maximum", *map(_truth, call.args[:2]))


def _one_of(nodes: Nodes, call: Call) -> Named:
    apart = binary(nodes, "subtract", *map(_truth, call.args[:2]))
    return elementwise(nodes, apart, "abs")


def _not(nodes: Nodes, call: Call) -> Named:
    return negated(nodes, call.args[0])


def _truth(value: Any) -> Any:
    return value.float() if isinstance(value, Tensor) else value


def _sign(nodes: Nodes, call: Call) -> Named:
    z = call.args[0]
    below = elementwise(nodes, binary(nodes, "multiply", z, -1.0), "step")
    return binary(nodes, "subtract", elementwise(nodes, z, "step"), below)


def _threshold(nodes: Nodes, call: Call) -> Named:
    z, limit, value = call.args[:3]
    return chosen(nodes, above(nodes, z, limit), z, value)


def _hardshrink(nodes: Nodes, call: Call) -> Named:
    z, limit = call.args[0], call.argument(1, "lambd", 0.5)
    return chosen(nodes, above(nodes, elementwise(nodes, z, "abs"), limit), z, 0.0)


COMPARISONS: dict[str, Rule] = {
    "aten." + name: rule
    for name, rule in {
        "gt": _compare(),
        "lt": _compare(swapped=True),
        "ge": _compare(swapped=True, inverse=True),
        "le": _compare(inverse=True),
        "greater": _compare(),
        "less": _compare(swapped=True),
        "greater_equal": _compare(swapped=True, inverse=True),
        "less_equal": _compare(inverse=True),
        "eq": _equals,
        "ne": _differs,
        "not_equal": _differs,
        "where": _where,
        "masked_fill": _masked_fill,
        "logical_and": _both,
        "bitwise_and": _both,
        "__and__": _both,
        "logical_or": _either,
        "bitwise_or": _either,
        "__or__": _either,
        "__xor__": _one_of,
        "logical_xor": _one_of,
        "bitwise_xor": _one_of,
        "logical_not": _not,
        "bitwise_not": _not,
        "sign": _sign,
        "sgn": _sign,
        "threshold": _threshold,
        "hardshrink": _hardshrink,
    }.items()
}
"""By name of the operation."""
