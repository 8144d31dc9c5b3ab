"""Layers of files that hold a stack of them: each takes one vector and gives one."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.spec.layers import FUNCTIONS

from ..capture.graph.nodes import Named
from ..capture.graph.rules import binary, elementwise, linear
from . import cells
from .cells import CellWeights, GateFunction, gate_function
from .step import Step, check_shape

CELLS = {"rnn": cells.rnn, "gru": cells.gru, "lstm": cells.lstm}


def dense(
    step: Step, name: str, z: Named, weight: Tensor, bias: Tensor | None
) -> Named:
    """`weight` `[O, I]` times z, and `bias`."""
    size = z.names.numel()
    rows = weight.shape[0] if weight.dim() else 0
    check_shape(step.where, f"{name} weight", weight.shape, (rows, size))
    if bias is not None:
        check_shape(step.where, f"{name} bias", bias.shape, (weight.shape[0],))
    return linear(step.nodes, z, weight, bias)


def recurrent(
    step: Step,
    kind: str,
    name: str,
    z: Named,
    w: CellWeights,
    *,
    functions: Sequence[GateFunction] = (),
    start: Sequence[Tensor] = (),
    resets_product: bool = True,
) -> Named:
    """A cell of `CELLS`; its output, whose state is kept from zeros or `start` on."""
    gates = {"rnn": 1, "gru": 3, "lstm": 4}[kind]
    hidden = w.weight_hh.shape[1]
    rows = gates * hidden
    for what, tensor, shape in (
        ("weight_ih", w.weight_ih, (rows, z.names.numel())),
        ("weight_hh", w.weight_hh, (rows, hidden)),
        ("bias_ih", w.bias_ih, (rows,)),
        ("bias_hh", w.bias_hh, (rows,)),
    ):
        check_shape(step.where, f"{name} {what}", tensor.shape, shape)
    starts = start or [torch.zeros(hidden)] * (2 if kind == "lstm" else 1)
    state = [step.remembered(value) for value in starts]
    nodes = step.nodes
    if kind == "gru":
        functions = functions or (cells.SIGMOID, cells.TANH)
        now = cells.gru(nodes, z, state, w, functions, resets_product=resets_product)
    elif kind == "lstm":
        now = cells.lstm(
            nodes, z, state, w, functions or (cells.SIGMOID, cells.TANH, cells.TANH)
        )
    else:
        now = cells.rnn(nodes, z, state, w, functions[0] if functions else cells.TANH)
    for before, after in zip(state, now, strict=True):
        step.keep(before, after)
    return now[0]


def convolution(
    step: Step,
    name: str,
    z: Named,
    weight: Tensor,
    bias: Tensor | None,
    *,
    dilation: int = 1,
) -> Named:
    """A causal convolution, `weight` `[O, I, K]`, the last tap of this step."""
    if weight.dim() != 3 or type(dilation) is not int or dilation < 1:
        raise SpecError(
            f"{step.where}: layer '{name}' has a weight of shape {list(weight.shape)} and "
            f"dilation {dilation}, expected [O, I, K] and a whole number from 1 on. Write "
            "the file again."
        )
    outputs, inputs, taps = weight.shape
    shape = (outputs, z.names.numel(), taps)
    check_shape(step.where, f"{name} weight", weight.shape, shape)
    seen = step.delayed(z, (taps - 1) * dilation)[::dilation] if taps > 1 else z[None]
    flat = weight.permute(0, 2, 1).reshape(outputs, taps * inputs)
    return linear(step.nodes, Named(seen.names.reshape(-1)), flat, bias)


def batch_norm(
    step: Step,
    z: Named,
    scale: Tensor | None,
    shift: Tensor | None,
    mean: Tensor,
    variance: Tensor,
    eps: float,
) -> Named:
    """Of recorded statistics."""
    factor = (variance.double() + eps).rsqrt()
    factor = factor if scale is None else factor * scale.double()
    term = -mean.double() * factor
    term = term if shift is None else term + shift.double()
    return binary(step.nodes, "add", binary(step.nodes, "multiply", z, factor), term)


def layer_norm(
    step: Step, z: Named, scale: Tensor | None, shift: Tensor | None, eps: float
) -> Named:
    """Of all values of z."""
    fields = {"groups": 1, "eps": eps, "centred": True}
    y = step.nodes.make("norm", (z,), z.shape, fields=fields)
    y = y if scale is None else binary(step.nodes, "multiply", y, scale)
    return y if shift is None else binary(step.nodes, "add", y, shift)


def activation(step: Step, name: str, z: Named, function: str) -> Named:
    """A function by name; "" and "linear" leave z as it is.

    Raises:
        SpecError: there is none of this name.
    """
    if function in ("", "linear", "identity"):
        return z
    if function == "softmax":
        return step.nodes.make("softmax", (z,), z.shape, fields={"groups": 1})
    return named_function(step, name, function)(step.nodes, z)


def named_function(step: Step, name: str, function: str) -> GateFunction:
    """An elementwise function, with its usual parameters."""
    if function in ("", "linear", "identity"):
        return cells.IDENTITY
    parameters = _PARAMETERS.get(function, ())
    if function == "relu6":
        return gate_function("hardtanh", 0.0, 6.0)
    if function not in FUNCTIONS:
        raise SpecError(
            f"{step.where}: layer '{name}' has the activation '{function}', expected one "
            f"of linear, softmax, {', '.join(FUNCTIONS)}. Use one of these."
        )
    return gate_function(function, *parameters)


def parametric(step: Step, z: Named, slope: Tensor) -> Named:
    """PReLU with a slope for each value, or one."""
    if slope.numel() == 1:
        return elementwise(step.nodes, z, "leaky_relu", float(slope))
    low = binary(step.nodes, "minimum", z, 0.0)
    scaled = binary(step.nodes, "multiply", low, slope.reshape(-1))
    return binary(step.nodes, "add", elementwise(step.nodes, z, "relu"), scaled)


_PARAMETERS: dict[str, tuple[float, ...]] = {
    "leaky_relu": (0.01,),
    "elu": (1.0,),
    "softplus": (1.0, 20.0),
    "hardtanh": (-1.0, 1.0),
}
"""Of the functions that have some, as PyTorch has them."""
