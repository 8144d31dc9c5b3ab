"""Operations that are short formulas of others."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from .nodes import Named, Nodes
from .rules import binary, elementwise, one
from .tracing import Call, Rule


def _log(base: float) -> Rule:
    def rule(nodes: Nodes, call: Call) -> Named:
        natural = elementwise(nodes, call.args[0], "log")
        return binary(nodes, "multiply", natural, 1 / math.log(base))

    return rule


def _log1p(nodes: Nodes, call: Call) -> Named:
    return elementwise(nodes, binary(nodes, "add", call.args[0], 1.0), "log")


def _expm1(nodes: Nodes, call: Call) -> Named:
    return binary(nodes, "subtract", elementwise(nodes, call.args[0], "exp"), 1.0)


def _exp2(nodes: Nodes, call: Call) -> Named:
    return elementwise(
        nodes, binary(nodes, "multiply", call.args[0], math.log(2)), "exp"
    )


def _power_of(nodes: Nodes, call: Call) -> Named:
    """A number to the power of z."""
    base, z = call.args[:2]
    power = binary(nodes, "multiply", z, torch.log(torch.as_tensor(base).double()))
    return elementwise(nodes, power, "exp")


def _power(nodes: Nodes, call: Call) -> Named:
    """Of positive values; NaN for others, as a power that is no whole number is."""
    z, exponent = call.args[:2]
    power = binary(nodes, "multiply", elementwise(nodes, z, "log"), exponent)
    return elementwise(nodes, power, "exp")


def _tan(nodes: Nodes, call: Call) -> Named:
    z = call.args[0]
    return binary(
        nodes, "divide", elementwise(nodes, z, "sin"), elementwise(nodes, z, "cos")
    )


def _hyperbolic(operation: str) -> Rule:
    def rule(nodes: Nodes, call: Call) -> Named:
        z = call.args[0]
        down = elementwise(nodes, binary(nodes, "multiply", z, -1.0), "exp")
        both = binary(nodes, operation, elementwise(nodes, z, "exp"), down)
        return binary(nodes, "multiply", both, 0.5)

    return rule


def _ceil(nodes: Nodes, call: Call) -> Named:
    down = elementwise(nodes, binary(nodes, "multiply", call.args[0], -1.0), "floor")
    return binary(nodes, "multiply", down, -1.0)


def _frac(nodes: Nodes, call: Call) -> Named:
    z = call.args[0]
    return binary(nodes, "subtract", z, truncated(nodes, z))


def _trunc(nodes: Nodes, call: Call) -> Named:
    return truncated(nodes, call.args[0])


def truncated(nodes: Nodes, z: Any) -> Named:
    """Whole numbers towards 0: the floor of what is above it, less that of what is below."""
    up = elementwise(nodes, elementwise(nodes, z, "relu"), "floor")
    below = elementwise(nodes, binary(nodes, "multiply", z, -1.0), "relu")
    return binary(nodes, "subtract", up, elementwise(nodes, below, "floor"))


def _remainder(nodes: Nodes, call: Call) -> Named:
    a, b = call.args[:2]
    quotient = elementwise(nodes, binary(nodes, "divide", a, b), "floor")
    return binary(nodes, "subtract", a, binary(nodes, "multiply", quotient, b))


def _floor_divide(nodes: Nodes, call: Call) -> Named:
    return elementwise(nodes, binary(nodes, "divide", *call.args[:2]), "floor")


def _log_sigmoid(nodes: Nodes, call: Call) -> Named:
    down = binary(nodes, "multiply", call.args[0], -1.0)
    return binary(
        nodes, "multiply", elementwise(nodes, down, "softplus", 1.0, 20.0), -1.0
    )


def _tanhshrink(nodes: Nodes, call: Call) -> Named:
    z = call.args[0]
    return binary(nodes, "subtract", z, elementwise(nodes, z, "tanh"))


def _softshrink(nodes: Nodes, call: Call) -> Named:
    z, limit = call.args[0], float(call.argument(1, "lambd", 0.5))
    held = elementwise(nodes, z, "hardtanh", -limit, limit)
    return binary(nodes, "subtract", z, held)


def _glu(nodes: Nodes, call: Call) -> Named:
    z, axis = call.args[0], call.argument(1, "dim", -1)
    value, gate = (Named(part) for part in z.names.chunk(2, axis))
    return binary(nodes, "multiply", value, elementwise(nodes, gate, "sigmoid"))


def _lerp(nodes: Nodes, call: Call) -> Named:
    a, b, share = call.args[:3]
    apart = binary(nodes, "subtract", b, a)
    return binary(nodes, "add", a, binary(nodes, "multiply", share, apart))


def _add_of(operation: str) -> Rule:
    def rule(nodes: Nodes, call: Call) -> Named:
        z, a, b = call.args[:3]
        value = call.argument(3, "value", 1)
        added = binary(nodes, operation, a, b)
        if value != 1:
            added = binary(nodes, "multiply", added, value)
        return binary(nodes, "add", z, added)

    return rule


def _hypot(nodes: Nodes, call: Call) -> Named:
    squares = [binary(nodes, "multiply", z, z) for z in call.args[:2]]
    return elementwise(nodes, binary(nodes, "add", *squares), "sqrt")


def _logit(nodes: Nodes, call: Call) -> Named:
    z, eps = call.args[0], call.argument(1, "eps")
    if eps is not None:
        z = elementwise(nodes, z, "hardtanh", eps, 1 - eps)
    odds = binary(nodes, "divide", z, binary(nodes, "subtract", 1.0, z))
    return elementwise(nodes, odds, "log")


def _log_add_exp(nodes: Nodes, call: Call) -> Named:
    a, b = call.args[:2]
    apart = elementwise(nodes, binary(nodes, "subtract", a, b), "abs")
    down = binary(nodes, "multiply", apart, -1.0)
    rest = elementwise(nodes, down, "softplus", 1.0, 20.0)
    return binary(nodes, "add", binary(nodes, "maximum", a, b), rest)


def _one_hot(nodes: Nodes, call: Call) -> Named:
    indices, num = call.args[0], int(call.argument(1, "num_classes", -1))
    if num < 0:
        num = int(call.node.meta["val"].shape[-1])
    rows = [
        nodes.make(
            "embedding",
            (Named(name.reshape(1)),),
            (num,),
            fields={"num_embeddings": num},
            weights={"weight": torch.eye(num)},
        ).names
        for name in indices.names.reshape(-1)
    ]
    return Named(torch.stack(rows).reshape(*indices.shape, num))


def _scaled(factor: float) -> Rule:
    def rule(nodes: Nodes, call: Call) -> Named:
        return binary(nodes, "multiply", call.args[0], factor)

    return rule


def _heaviside(nodes: Nodes, call: Call) -> Named:
    z, at_zero = call.args[:2]
    if isinstance(at_zero, Tensor) and not bool(at_zero.any()):
        return elementwise(nodes, z, "step")
    down = elementwise(nodes, binary(nodes, "multiply", z, -1.0), "step")
    up = elementwise(nodes, z, "step")
    both = binary(nodes, "add", up, down)
    rest = binary(nodes, "multiply", binary(nodes, "subtract", 1.0, both), at_zero)
    return binary(nodes, "add", up, rest)


FORMULAS: dict[str, Rule] = {
    "aten." + name: rule
    for name, rule in {
        **{name: one(name) for name in ("sin", "cos", "floor")},
        "log2": _log(2),
        "log10": _log(10),
        "log1p": _log1p,
        "special_log1p": _log1p,
        "expm1": _expm1,
        "exp2": _exp2,
        "pow.Scalar": _power_of,
        "pow.Tensor_Tensor": _power,
        "tan": _tan,
        "sinh": _hyperbolic("subtract"),
        "cosh": _hyperbolic("add"),
        "ceil": _ceil,
        "trunc": _trunc,
        "fix": _trunc,
        "frac": _frac,
        "remainder": _remainder,
        "floor_divide": _floor_divide,
        "log_sigmoid": _log_sigmoid,
        "tanhshrink": _tanhshrink,
        "softshrink": _softshrink,
        "glu": _glu,
        "lerp": _lerp,
        "addcmul": _add_of("multiply"),
        "addcdiv": _add_of("divide"),
        "hypot": _hypot,
        "logit": _logit,
        "logaddexp": _log_add_exp,
        "one_hot": _one_hot,
        "deg2rad": _scaled(math.pi / 180),
        "rad2deg": _scaled(180 / math.pi),
        "heaviside": _heaviside,
    }.items()
}
"""By name of the operation."""
