"""Recurrent layers of PyTorch as nodes, one for each layer, step and direction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from rnnedge_runtime.errors import SpecError

from .nodes import Named, Nodes
from .tracing import Call, Rule

_ONE_STEP = 1
_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def cell(
    nodes: Nodes,
    kind: str,
    z: Named,
    state: Sequence[Named],
    tensors: Sequence[Tensor | None],
    **fields: Any,
) -> list[Named]:
    """One step of one layer for one stream; its new state, h first, which is its output."""
    rows = next(tensor for tensor in tensors if tensor is not None).shape[0]
    given = [torch.zeros(rows) if tensor is None else tensor for tensor in tensors[:4]]
    weights = dict(
        zip(_NAMES, [*given, *[torch.zeros(rows)] * (4 - len(given))], strict=True)
    )
    if len(tensors) > 4:
        weights["weight_hr"] = tensors[4]
    sizes = [part.names.numel() for part in state]
    made = nodes.make(kind, (z, *state), (sum(sizes),), fields=fields, weights=weights)
    return [Named(names) for names in made.names.split(sizes)]


def _layers(kind: str, **fields: Any) -> Rule:
    def rule(nodes: Nodes, call: Call) -> Any:
        x, given, params, has_biases, num_layers, _, _, is_both_ways, batch_first = (
            call.args
        )
        states = list(given) if kind == "lstm" else [given]
        states = [nodes.named(state).names for state in states]
        names = x.names
        _check_start(nodes, states, names.shape[1 if batch_first else 0])
        is_single = names.dim() == 2
        if is_single:
            names, states = names[:, None], [state[:, None] for state in states]
        elif batch_first:
            names = names.transpose(0, 1)
        ways = 2 if is_both_ways else 1
        per_layer = len(params) // (num_layers * ways)
        streams, finals = [], []
        for b in range(names.shape[1]):
            z = list(names[:, b].unbind())
            ends = []
            for layer in range(num_layers):
                outputs = []
                for way in range(ways):
                    k = layer * ways + way
                    tensors = list(params[k * per_layer : (k + 1) * per_layer])
                    if not has_biases:
                        tensors[2:2] = [None, None]
                    now = [Named(state[k, b]) for state in states]
                    seen = []
                    for step in z if way == 0 else reversed(z):
                        now = cell(nodes, kind, Named(step), now, tensors, **fields)
                        seen.append(now[0].names)
                    outputs.append(seen if way == 0 else seen[::-1])
                    ends.append(now)
                z = [torch.cat(parts) for parts in zip(*outputs, strict=True)]
            streams.append(torch.stack(z))
            finals.append(ends)
        y = torch.stack(streams, dim=1)
        new = [
            torch.stack(
                [torch.stack([end[s].names for end in ends]) for ends in finals], dim=1
            )
            for s in range(len(states))
        ]
        if is_single:
            y, new = y[:, 0], [state[:, 0] for state in new]
        elif batch_first:
            y = y.transpose(0, 1)
        return (Named(y), *(Named(state) for state in new))

    return rule


def _single(kind: str, **fields: Any) -> Rule:
    def rule(nodes: Nodes, call: Call) -> Any:
        x, given, *tensors = call.args
        states = [nodes.named(s) for s in (given if kind == "lstm" else [given])]
        _check_start(nodes, [state.names for state in states], _ONE_STEP)
        rows = x.names.reshape(-1, x.shape[-1])
        found: list[list[Tensor]] = [[] for _ in states]
        for b, row in enumerate(rows):
            now = [Named(state.names.reshape(len(rows), -1)[b]) for state in states]
            new = cell(nodes, kind, Named(row), now, tensors, **fields)
            for kept, part in zip(found, new, strict=True):
                kept.append(part.names)
        shaped = [
            Named(torch.stack(part).reshape(state.shape))
            for part, state in zip(found, states, strict=True)
        ]
        return tuple(shaped) if kind == "lstm" else shaped[0]

    return rule


def _check_start(nodes: Nodes, states: Sequence[Tensor], num_steps: int) -> None:
    """Refuse a layer that starts anew in every step of a stream.

    One that takes several steps within one call, over a frame, may start from anything.
    """
    is_known = all(nodes.numbers(Named(names)) is not None for names in states)
    if is_known and num_steps == _ONE_STEP:
        raise SpecError(
            f"export: layer '{nodes.path}' starts every call from a constant state, so it "
            "forgets everything from step to step. Take the state as an argument of "
            "forward, pass it to the layer and return the new one."
        )


CELLS: dict[str, Rule] = {
    "aten.gru.input": _layers("gru"),
    "aten.lstm.input": _layers("lstm"),
    "aten.rnn_tanh.input": _layers("rnn", nonlinearity="tanh"),
    "aten.rnn_relu.input": _layers("rnn", nonlinearity="relu"),
    "aten.gru_cell.default": _single("gru"),
    "aten.lstm_cell.default": _single("lstm"),
    "aten.rnn_tanh_cell.default": _single("rnn", nonlinearity="tanh"),
    "aten.rnn_relu_cell.default": _single("rnn", nonlinearity="relu"),
}
"""By name of the operation."""
