"""Comparisons, logic and choices by them: flags are 0 and 1."""

from __future__ import annotations

import math
from typing import Any

import torch

from ...module.reasons import not_a_chain
from .nodes import Named, Nodes
from .rules import binary, elementwise
from .tracing import Call, Rule

_SMALLEST = 2.0**-40
"""What counts as more than zero: numbers nearer to zero are partly."""


def positive(nodes: Nodes, z: Named) -> Named:
    """1 where `z` is above zero, else 0."""
    clipped = elementwise(nodes, z, "hardtanh", 0.0, _SMALLEST)
    return binary(nodes, "multiply", clipped, 1 / _SMALLEST)


def without(nodes: Nodes, flag: Any) -> Named:
    """1 where `flag` is 0, and 0 where it is 1."""
    return binary(nodes, "subtract", 1.0, flag)


def is_other(nodes: Nodes, a: Any, b: Any) -> Named:
    """1 where `a` is not `b`."""
    return positive(nodes, elementwise(nodes, _difference(nodes, a, b), "abs"))


def chosen(nodes: Nodes, flag: Any, a: Any, b: Any) -> Named:
    """`a` where `flag` is 1, else `b`."""
    given = nodes.named(flag)
    numbers = nodes.numbers(given)
    left, right = nodes.named(a), nodes.named(b)
    flags, first, second = torch.broadcast_tensors(given.names, left.names, right.names)
    if numbers is not None:
        is_set = nodes.numbers(Named(flags))
        assert is_set is not None
        return Named(torch.where(is_set != 0, first, second))
    kept = binary(nodes, "multiply", Named(flags), _bounded(nodes, Named(first)))
    rest = without(nodes, Named(flags))
    other = binary(nodes, "multiply", rest, _bounded(nodes, Named(second)))
    return binary(nodes, "add", kept, other)


def _bounded(nodes: Nodes, z: Named) -> Named:
    """Infinite constants as the largest numbers, which times 0 are 0."""
    numbers = nodes.numbers(z)
    if numbers is None or bool(numbers.isfinite().all()):
        return z
    largest = torch.finfo(torch.float32).max
    return nodes.constant(numbers.reshape(z.shape).clamp(-largest, largest))


def _difference(nodes: Nodes, a: Any, b: Any) -> Named:
    return binary(nodes, "subtract", a, b)


def _more(nodes: Nodes, call: Call) -> Named:
    return positive(nodes, _difference(nodes, *call.args[:2]))


def _less(nodes: Nodes, call: Call) -> Named:
    return positive(nodes, _difference(nodes, call.args[1], call.args[0]))


def _at_least(nodes: Nodes, call: Call) -> Named:
    return without(nodes, _less(nodes, call))


def _at_most(nodes: Nodes, call: Call) -> Named:
    return without(nodes, _more(nodes, call))


def _other(nodes: Nodes, call: Call) -> Named:
    return is_other(nodes, *call.args[:2])


def _equal(nodes: Nodes, call: Call) -> Named:
    return without(nodes, _other(nodes, call))


def _both(nodes: Nodes, call: Call) -> Named:
    return binary(nodes, "multiply", *call.args[:2])


def _either(nodes: Nodes, call: Call) -> Named:
    return binary(nodes, "maximum", *call.args[:2])


def _one_of(nodes: Nodes, call: Call) -> Named:
    return elementwise(nodes, _difference(nodes, *call.args[:2]), "abs")


def _not(nodes: Nodes, call: Call) -> Named:
    return without(nodes, call.args[0])


def _sign(nodes: Nodes, call: Call) -> Named:
    z = call.args[0]
    below = positive(nodes, binary(nodes, "multiply", z, -1.0))
    return binary(nodes, "subtract", positive(nodes, z), below)


def _where(nodes: Nodes, call: Call) -> Named:
    if len(call.args) < 3:
        raise not_a_chain(call.node, "gives positions")
    return chosen(nodes, *call.args[:3])


def _masked_fill(nodes: Nodes, call: Call) -> Named:
    z, mask, value = call.args[:3]
    number = value.item() if isinstance(value, torch.Tensor) else value
    is_known = nodes.numbers(nodes.named(mask)) is not None
    if isinstance(number, float) and not math.isfinite(number) and not is_known:
        number = math.copysign(_MASKED, number)
    return chosen(nodes, mask, number, z)


_MASKED = 1e4
"""What stands for infinity in a mask that is not known before: softmax makes it 0."""

CHOICES: dict[str, Rule] = {
    f"aten.{name}": rule
    for name, rule in {
        **dict.fromkeys(("gt", "greater"), _more),
        **dict.fromkeys(("lt", "less"), _less),
        **dict.fromkeys(("ge", "greater_equal"), _at_least),
        **dict.fromkeys(("le", "less_equal"), _at_most),
        **dict.fromkeys(("ne", "not_equal"), _other),
        "eq": _equal,
        **dict.fromkeys(("logical_and", "bitwise_and", "__and__"), _both),
        **dict.fromkeys(("logical_or", "bitwise_or", "__or__"), _either),
        **dict.fromkeys(("logical_xor", "bitwise_xor", "__xor__"), _one_of),
        **dict.fromkeys(("logical_not", "bitwise_not"), _not),
        "sign": _sign,
        "where": _where,
        "masked_fill": _masked_fill,
    }.items()
}
"""By name of the operation."""
