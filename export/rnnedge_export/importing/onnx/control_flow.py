"""If, Scan and Loop of an ONNX graph, where what they do is known beforehand."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch

from ...capture.graph.nodes import Named
from .call import OnnxCall, Value

CONTROL_FLOW = frozenset(["If", "Loop", "Scan", "SequenceMap"])

_LONGEST_LOOP = 256
_ADVICE = "Write the file of one step without it; the loop over time is ours."


class Walker(Protocol):
    """What walks a graph: `walking.Walker`."""

    values: dict[str, Value]

    def walk(self, graph: Any) -> None:
        """Compute every node of a graph."""


def control_flow(walker: Walker, node: Any, call: OnnxCall) -> None:
    """Compute a node of `CONTROL_FLOW`.

    An If needs a constant condition, a Loop a constant number of rounds that nothing ends
    before; a Scan steps over time, or over an axis within one step.

    Raises:
        SpecError: what is computed depends on the readings.
    """
    if call.operator == "If":
        found = _if(walker, node, call)
    elif call.operator == "Scan":
        found = _scan(walker, call)
    elif call.operator == "Loop":
        found = _loop(walker, call)
    else:
        raise call.refused("works on sequences", _ADVICE)
    walker.values |= dict(zip(node.output, found, strict=True))


def _if(walker: Walker, node: Any, call: OnnxCall) -> list[Value]:
    condition = _known(call, call.input(0))
    if condition is None:
        raise call.refused(
            "is control flow: what is computed would depend on the readings", _ADVICE
        )
    branch = "then_branch" if bool(condition.all()) else "else_branch"
    graph = call.attributes[branch]
    walker.walk(graph)
    return [walker.values[item.name] for item in graph.output]


def _scan(walker: Walker, call: OnnxCall) -> list[Value]:
    body, num_scanned = call.attribute("body"), call.attribute("num_scan_inputs")
    num_states = len(call.inputs) - num_scanned
    axes = call.attribute("scan_input_axes") or [0] * num_scanned
    backward = [
        *(call.attribute("scan_input_directions") or ()),
        *(call.attribute("scan_output_directions") or ()),
    ]
    rows = [
        call.named(num_states + k).names.movedim(axis, 0) for k, axis in enumerate(axes)
    ]
    num_steps = len(rows[0])
    if any(backward):
        raise call.refused(
            "goes backward: it needs readings that are still to come",
            "Train with a forward layer; only such can stream.",
        )
    is_over_time = call.is_carried and num_steps == 1
    states = list(call.inputs[:num_states])
    kept: list[Named | None] = [None] * num_states
    for k, value in enumerate(states):
        known = _known(call, value)
        if is_over_time and known is not None:
            start = torch.from_numpy(np.array(known, np.float32))
            states[k] = kept[k] = call.step.remembered(start)
    collected: list[list[torch.Tensor]] = []
    for t in range(num_steps):
        given = [*states, *(Named(row[t]) for row in rows)]
        made = _body(walker, body, given)
        states = made[:num_states]
        collected.append(
            [call.step.nodes.named(_tensor(value)).names for value in made[num_states:]]
        )
    for before, now in zip(kept, states, strict=True):
        if before is not None:
            call.step.keep(before, call.step.nodes.named(_tensor(now)))
    out_axes = call.attribute("scan_output_axes") or [0] * len(collected[0])
    scanned = [
        Named(torch.stack(parts).movedim(0, axis))
        for parts, axis in zip(zip(*collected, strict=True), out_axes, strict=True)
    ]
    return [*states, *scanned]


def _loop(walker: Walker, call: OnnxCall) -> list[Value]:
    count = _known(call, call.input(0))
    going = _known(call, call.input(1))
    has_condition = call.input(1) is not None
    if count is None or (has_condition and going is None):
        raise call.refused(
            "is control flow: how often it goes round would depend on the readings",
            _ADVICE,
        )
    num_rounds = int(count.reshape(-1)[0])
    if num_rounds > _LONGEST_LOOP:
        raise call.refused(
            f"goes round {num_rounds:,} times in one step, expected at most "
            f"{_LONGEST_LOOP}",
            _ADVICE,
        )
    body, states = call.attribute("body"), list(call.inputs[2:])
    is_going = np.array(True) if going is None else going
    collected: list[list[torch.Tensor]] = []
    for k in range(num_rounds):
        if not bool(is_going.all()):
            break
        made = _body(walker, body, [np.array(k, np.int64), is_going, *states])
        known = _known(call, made[0])
        if known is None:
            raise call.refused(
                "is control flow: when it ends would depend on the readings", _ADVICE
            )
        is_going, states = known, made[1 : 1 + len(states)]
        collected.append(
            [
                call.step.nodes.named(_tensor(value)).names
                for value in made[1 + len(states) :]
            ]
        )
    scanned = [Named(torch.stack(parts)) for parts in zip(*collected, strict=True)]
    if len(states) + len(scanned) != call.num_outputs:
        raise call.refused("never goes round, but gives rows", _ADVICE)
    return [*states, *scanned]


def _body(walker: Walker, body: Any, given: list[Value]) -> list[Value]:
    for item, value in zip(body.input, given, strict=True):
        walker.values[item.name] = value
    walker.walk(body)
    return [walker.values[item.name] for item in body.output]


def _known(call: OnnxCall, value: Value) -> Any:
    """The array that a value is, None where it is computed or left out."""
    if isinstance(value, Named):
        numbers = call.step.nodes.numbers(value)
        return None if numbers is None else numbers.numpy()
    return value if value is None else np.asarray(value)


def _tensor(value: Value) -> Any:
    return value if isinstance(value, Named) else torch.from_numpy(np.array(value))
