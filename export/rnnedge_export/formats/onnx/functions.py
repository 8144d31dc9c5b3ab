"""Each elementwise function as ONNX operators of opset 18."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from rnnedge_runtime.spec.layers import Activation

from .builder import ELEMENTWISE, GraphBuilder


def write_function(
    builder: GraphBuilder, prefix: str, layer: Activation, z: str
) -> str:
    """Add the nodes of an activation behind `z`."""
    FUNCTIONS[layer.function](Operators(builder, prefix), z, *layer.parameters)
    last = builder.nodes[-1]
    last.name = last.output[0] = f"{prefix}.out"
    return last.name


class Operators:
    """Operators of one layer, their nodes numbered; the last one gives its output."""

    def __init__(self, builder: GraphBuilder, prefix: str) -> None:
        self.builder = builder
        self.prefix = prefix
        self.count = 0

    def __call__(self, operator: str, *inputs: str | float, **fields: object) -> str:
        """One node; a number among its inputs is a constant."""
        names = [
            value if isinstance(value, str) else self.constant(value)
            for value in inputs
        ]
        self.count += 1
        name = f"{self.prefix}.{operator.lower()}_{self.count}"
        return self.builder.add(operator, names, name, **fields)

    def constant(self, value: float) -> str:
        """A float32 number, stored once in a file."""
        return self.builder.constant(
            f"number_{value!r}", np.array(value, dtype=np.float32)
        )


Write = Callable[..., str]


def _one(operator: str, **fields: object) -> Write:
    return lambda op, z: op(operator, z, **fields)


def _gelu(op: Operators, z: str) -> str:
    upper = op("Add", op("Erf", op("Mul", z, math.sqrt(0.5))), 1.0)
    return op("Mul", op("Mul", z, 0.5), upper)


def _gelu_tanh(op: Operators, z: str) -> str:
    cube = op("Mul", op("Mul", op("Mul", z, z), z), 0.044715)
    v = op("Mul", op("Add", z, cube), math.sqrt(2 / math.pi))
    return op("Mul", op("Mul", z, 0.5), op("Add", op("Tanh", v), 1.0))


def _softplus(op: Operators, z: str, beta: float, threshold: float) -> str:
    v = op("Mul", z, beta)
    y = op("Div", op("Softplus", v), beta)
    return op("Where", op("Greater", v, threshold), z, y)


FUNCTIONS: dict[str, Write] = {
    **{name: _one(operator) for name, operator in ELEMENTWISE.items()},
    "leaky_relu": lambda op, z, slope: op("LeakyRelu", z, alpha=slope),
    "elu": lambda op, z, alpha: op("Elu", z, alpha=alpha),
    "selu": _one("Selu"),
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "silu": lambda op, z: op("Mul", z, op("Sigmoid", z)),
    "mish": lambda op, z: op("Mul", z, op("Tanh", op("Softplus", z))),
    "softplus": _softplus,
    "hardtanh": lambda op, z, low, high: op("Clip", z, low, high),
    "hardsigmoid": _one("HardSigmoid", alpha=1 / 6, beta=0.5),
    "hardswish": _one("HardSwish"),
    "softsign": _one("Softsign"),
    "exp": _one("Exp"),
    "log": _one("Log"),
    "sqrt": _one("Sqrt"),
    "rsqrt": lambda op, z: op("Reciprocal", op("Sqrt", z)),
    "reciprocal": _one("Reciprocal"),
    "abs": _one("Abs"),
    "erf": _one("Erf"),
    "step": lambda op, z: op("Where", op("Greater", z, 0.0), 1.0, 0.0),
    "floor": _one("Floor"),
    "sin": _one("Sin"),
    "cos": _one("Cos"),
}
"""Of the operators, the argument and the function's parameters."""
