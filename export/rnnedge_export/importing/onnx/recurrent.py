"""GRU, LSTM and RNN of ONNX, with all their attributes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ...capture.graph.nodes import Named, Nodes
from ...capture.graph.rules import binary, elementwise
from .. import cells
from ..cells import CellWeights, GateFunction, gate_function, in_order
from ..step import check_shape
from .call import OnnxCall, Rule

_Cell = Callable[..., list[Named]]


def _scaled(z_of: Callable[[Nodes, Named], Named], scale: float) -> GateFunction:
    return GateFunction("", lambda n, z: binary(n, "multiply", z_of(n, z), scale))


def _scaled_tanh(alpha: float, beta: float) -> GateFunction:
    def inner(nodes: Nodes, z: Named) -> Named:
        return elementwise(nodes, binary(nodes, "multiply", z, beta), "tanh")

    return _scaled(inner, alpha)


_FUNCTIONS: dict[str, tuple[Callable[..., GateFunction], tuple[float, ...]]] = {
    "sigmoid": (lambda: cells.SIGMOID, ()),
    "tanh": (lambda: cells.TANH, ()),
    "relu": (lambda: cells.RELU, ()),
    "affine": (cells.affine, (1.0, 0.0)),
    "leakyrelu": (lambda a: gate_function("leaky_relu", a), (0.01,)),
    "scaledtanh": (_scaled_tanh, (1.0, 1.0)),
    "hardsigmoid": (cells.hard_sigmoid, (0.2, 0.5)),
    "elu": (lambda a: gate_function("elu", a), (1.0,)),
    "softsign": (lambda: gate_function("softsign"), ()),
    "softplus": (lambda: gate_function("softplus", 1.0, 20.0), ()),
}
"""By name in lower case: how it is made, and its alpha and beta where none are given."""


def _functions(call: OnnxCall, defaults: Sequence[str]) -> list[GateFunction]:
    given = call.attribute("activations") or defaults
    alphas = list(call.attribute("activation_alpha") or ())
    betas = list(call.attribute("activation_beta") or ())
    found = []
    for name in [str(item) for item in given]:
        row = _FUNCTIONS.get(name.lower())
        if row is None:
            raise call.refused(
                f"has the activation {name}", f"Use one of {', '.join(_FUNCTIONS)}."
            )
        make, parameters = row
        lists = (alphas, betas)[: len(parameters)]
        values = [
            given.pop(0) if given else default
            for given, default in zip(lists, parameters, strict=True)
        ]
        found.append(make(*values))
    clip = call.attribute("clip", 0.0)
    return [_clipped(function, clip) for function in found] if clip else found


def _clipped(function: GateFunction, clip: float) -> GateFunction:
    def apply(nodes: Nodes, z: Named) -> Named:
        return function(nodes, elementwise(nodes, z, "hardtanh", -clip, clip))

    return GateFunction("", apply)


def _weights(call: OnnxCall, order: Sequence[int], inputs: int) -> CellWeights:
    hidden, gates = call.attribute("hidden_size"), len(order)
    w, r = call.tensor(1, "weight W"), call.tensor(2, "weight R")
    if w is None or r is None:
        raise call.refused("has no weights", "Write the file again.")
    hidden = r.shape[-1] if hidden is None else hidden
    rows = gates * hidden
    b = call.tensor(3, "bias B")
    b = torch.zeros(1, 2 * rows) if b is None else b
    name = f"{call.operator} '{call.name}' "
    where = call.step.where
    check_shape(where, f"{name}W", w.shape, (1, rows, inputs))
    check_shape(where, f"{name}R", r.shape, (1, rows, hidden))
    check_shape(where, f"{name}B", b.shape, (1, 2 * rows))
    p = call.tensor(7, "peephole P") if call.operator == "LSTM" else None
    peepholes: tuple[Tensor, ...] = ()
    if p is not None and bool(p.any()):
        check_shape(where, f"{name}P", p.shape, (1, 3 * hidden))
        i, o, f = p[0].chunk(3)
        peepholes = (i, f, o)
    given, recurrent, bias, more = (
        in_order(t, order) for t in (w[0], r[0], b[0, :rows], b[0, rows:])
    )
    return CellWeights(given, recurrent, bias, more, peepholes)


def _check(call: OnnxCall) -> None:
    direction = call.attribute("direction", "forward")
    if direction != "forward":
        raise call.refused(
            f"is {direction}: it needs readings that are still to come",
            "Train with a forward layer; only such can stream.",
        )
    lengths = call.input(4)
    if lengths is not None and isinstance(lengths, Named):
        raise call.refused(
            "takes the lengths of its sequences as an input",
            "Write the file without sequence_lens.",
        )


def _rule(
    cell: _Cell,
    order: Sequence[int],
    defaults: Sequence[str],
    options: Callable[[OnnxCall], dict[str, Any]],
) -> Rule:
    def rule(call: OnnxCall) -> list[Named]:
        _check(call)
        is_batch_first = call.attribute("layout", 0) == 1
        x = call.named(0).names
        x = x.transpose(0, 1) if is_batch_first else x
        if x.shape[1] != 1:
            raise call.refused(
                f"steps {x.shape[1]} streams at once",
                "Write the file for a batch of 1.",
            )
        w = _weights(call, order, x.shape[2])
        hidden = w.weight_hh.shape[1]
        functions = _functions(call, defaults)
        states, kept = _states(call, hidden, len(x))
        seen = []
        for z in x[:, 0]:
            states = cell(
                call.step.nodes, Named(z), states, w, _given(functions), **options(call)
            )
            seen.append(states[0].names)
        for before, now in zip(kept, states, strict=True):
            if before is not None:
                call.step.keep(before, now)
        y = torch.stack(seen)[:, None, None]  # [T, 1 direction, B, H]
        finals = [now.names[None, None] for now in states]
        if is_batch_first:
            y = y.permute(2, 0, 1, 3)
        return [Named(y), *map(Named, finals)]

    def _given(functions: list[GateFunction]) -> Any:
        return functions[0] if len(defaults) == 1 else functions

    return rule


def _states(
    call: OnnxCall, hidden: int, steps: int
) -> tuple[list[Named], list[Named | None]]:
    """The state before the step; of each, what to keep it in where the file does not say."""
    states: list[Named] = []
    kept: list[Named | None] = []
    for position in (5, 6) if call.operator == "LSTM" else (5,):
        given = call.input(position)
        if isinstance(given, Named) and call.step.nodes.numbers(given) is None:
            check_shape(
                call.step.where,
                f"{call.operator} '{call.name}' state",
                (given.names.numel(),),
                (hidden,),
            )
            states.append(Named(given.names.reshape(-1)))
            kept.append(None)
            continue
        if steps > 1:
            raise call.refused(
                f"takes a window of {steps} steps and starts each from the same state",
                "Write the file with a dynamic time axis, or with the state as input and "
                "output.",
            )
        known = call.tensor(position, "initial state")
        start = torch.zeros(hidden) if known is None else known.reshape(-1)
        before = call.step.remembered(start)
        states.append(before)
        kept.append(before)
    return states, kept


RECURRENT: dict[str, Rule] = {
    "RNN": _rule(cells.rnn, (0,), ("Tanh",), lambda call: {}),
    "GRU": _rule(
        cells.gru,
        (1, 0, 2),  # z r h to r z n
        ("Sigmoid", "Tanh"),
        lambda call: {"resets_product": bool(call.attribute("linear_before_reset", 0))},
    ),
    "LSTM": _rule(
        cells.lstm,
        (0, 2, 3, 1),  # i o f c to i f g o
        ("Sigmoid", "Tanh", "Tanh"),
        lambda call: {"is_coupled": bool(call.attribute("input_forget", 0))},
    ),
}
"""By operator."""
