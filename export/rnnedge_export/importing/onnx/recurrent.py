"""GRU, LSTM and RNN of ONNX, with all their attributes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
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


def _functions(
    call: OnnxCall, defaults: Sequence[str], ways: int
) -> list[GateFunction]:
    """Those of each direction, one after the other."""
    given = call.attribute("activations") or [*defaults] * ways
    if len(given) != len(defaults) * ways:
        raise call.refused(
            f"has {len(given)} activations, expected {len(defaults) * ways}",
            "Write the file again.",
        )
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


def _weights(
    call: OnnxCall, order: Sequence[int], inputs: int, ways: int
) -> list[CellWeights]:
    """Of each direction."""
    hidden, gates = call.attribute("hidden_size"), len(order)
    w, r = call.tensor(1, "weight W"), call.tensor(2, "weight R")
    if w is None or r is None:
        raise call.refused("has no weights", "Write the file again.")
    hidden = r.shape[-1] if hidden is None else hidden
    rows = gates * hidden
    b = call.tensor(3, "bias B")
    b = torch.zeros(ways, 2 * rows) if b is None else b
    name = f"{call.operator} '{call.name}' "
    where = call.step.where
    check_shape(where, f"{name}W", w.shape, (ways, rows, inputs))
    check_shape(where, f"{name}R", r.shape, (ways, rows, hidden))
    check_shape(where, f"{name}B", b.shape, (ways, 2 * rows))
    p = call.tensor(7, "peephole P") if call.operator == "LSTM" else None
    has_peepholes = p is not None and bool(p.any())
    if p is not None and has_peepholes:
        check_shape(where, f"{name}P", p.shape, (ways, 3 * hidden))
    found = []
    for way in range(ways):
        given, recurrent, bias, more = (
            in_order(t, order) for t in (w[way], r[way], b[way, :rows], b[way, rows:])
        )
        peepholes: tuple[Tensor, ...] = ()
        if p is not None and has_peepholes:
            i, o, f = p[way].chunk(3)
            peepholes = (i, f, o)
        found.append(CellWeights(given, recurrent, bias, more, peepholes))
    return found


def _check(call: OnnxCall, steps: int) -> None:
    direction = call.attribute("direction", "forward")
    if direction != "forward" and (call.is_carried or steps == 1):
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
    if lengths is not None and bool((np.ravel(lengths) != steps).any()):
        raise call.refused(
            f"ends its sequences after {np.ravel(lengths).tolist()} steps of {steps}",
            "Write the file without sequence_lens.",
        )


def _rule(
    cell: _Cell,
    order: Sequence[int],
    defaults: Sequence[str],
    options: Callable[[OnnxCall], dict[str, Any]],
) -> Rule:
    def rule(call: OnnxCall) -> list[Named]:
        is_batch_first = call.attribute("layout", 0) == 1
        x = call.named(0).names
        x = x.transpose(0, 1) if is_batch_first else x
        num_steps, batch, inputs = x.shape
        _check(call, num_steps)
        direction = call.attribute("direction", "forward")
        ways = 2 if direction == "bidirectional" else 1
        weights = _weights(call, order, inputs, ways)
        hidden = weights[0].weight_hh.shape[1]
        functions = _functions(call, defaults, ways)
        if batch > 1:
            call.step.notes.append(
                f"{call.operator} '{call.name}' has a batch of {batch}: all of it is one "
                "step of one stream."
            )
        of_ways, finals = [], []
        for way, w in enumerate(weights):
            own = functions[way * len(defaults) : (way + 1) * len(defaults)]
            states, kept = _states(call, way, batch, hidden, num_steps)
            is_reverse = way == 1 or direction == "reverse"
            seen = []
            for z in x.flip(0) if is_reverse else x:
                # A batch goes through one matrix, as positions of it; else all is flat.
                z = z if batch > 1 else z[0]
                given: Any = own[0] if len(defaults) == 1 else own
                states = cell(
                    call.step.nodes, Named(z), states, w, given, **options(call)
                )
                seen.append(states[0].names.reshape(batch, hidden))
            for before, now in zip(kept, states, strict=True):
                if before is not None:
                    call.step.keep(before, now)
            of_ways.append(torch.stack(seen[::-1] if is_reverse else seen))
            finals.append([now.names.reshape(batch, hidden) for now in states])
        y = torch.stack(of_ways, dim=1)  # [T, directions, B, H]
        ends = [torch.stack(parts) for parts in zip(*finals, strict=True)]
        if is_batch_first:
            y = y.permute(2, 0, 1, 3)
            ends = [end.transpose(0, 1) for end in ends]
        return [Named(y), *map(Named, ends)]

    return rule


def _states(
    call: OnnxCall, way: int, batch: int, hidden: int, steps: int
) -> tuple[list[Named], list[Named | None]]:
    """The state before the step; of each, what to keep it in where the file does not say."""
    states: list[Named] = []
    kept: list[Named | None] = []
    shape = (hidden,) if batch == 1 else (batch, hidden)
    for position in (5, 6) if call.operator == "LSTM" else (5,):
        given = call.input(position)
        known = None
        if isinstance(given, Named):
            known = call.step.nodes.numbers(given)
        elif given is not None:
            known = torch.from_numpy(np.array(given, np.float32))
        if given is not None:
            ways = 2 if call.attribute("direction") == "bidirectional" else 1
            count = given.names.numel() if isinstance(given, Named) else given.size
            check_shape(
                call.step.where,
                f"{call.operator} '{call.name}' state",
                (count,),
                (ways * batch * hidden,),
            )
        if given is not None and known is None:
            states.append(Named(_of_way(call, given.names, way).reshape(shape)))
            kept.append(None)
            continue
        start = torch.zeros(shape)
        if known is not None:
            start = _of_way(call, known, way).reshape(shape).float()
        if not call.is_carried:
            states.append(call.step.nodes.constant(start))
            kept.append(None)
            continue
        if steps > 1:
            raise call.refused(
                f"takes a window of {steps} steps and starts each from the same state",
                "Write the file with a dynamic time axis, or with the state as input and "
                "output.",
            )
        before = call.step.remembered(start)
        states.append(before)
        kept.append(before)
    return states, kept


def _of_way(call: OnnxCall, state: Tensor, way: int) -> Tensor:
    """The part of one direction of a state `[directions, B, H]`, or with the batch first."""
    if state.dim() != 3:
        return state
    return state[:, way] if call.attribute("layout", 0) == 1 else state[way]


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
