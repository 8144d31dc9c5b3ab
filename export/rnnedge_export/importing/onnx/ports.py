"""Which inputs and outputs of an ONNX graph are readings, outputs and state."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnnedge_runtime.errors import SpecError


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output.

    Attributes:
        name: in the file.
        dims: sizes; a name or "" where one is not fixed.
        is_float: whether it holds numbers with a fraction.
    """

    name: str
    dims: tuple[int | str, ...]
    is_float: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """For one step of one stream."""
        return tuple(size if isinstance(size, int) else 1 for size in self.dims)


@dataclass(frozen=True, slots=True)
class Ports:
    """Those of a graph.

    Attributes:
        x: the readings.
        outputs: what the model gives.
        states: state inputs by the outputs that are their next values.
        left: outputs that are neither.
    """

    x: Port
    outputs: tuple[Port, ...]
    states: dict[Port, Port]
    left: tuple[Port, ...]


def read_ports(
    where: str,
    graph: Any,
    *,
    outputs: Sequence[str] = (),
    states: Mapping[str, str] | None = None,
) -> Ports:
    """Find them, the states by name where `states` does not say.

    Raises:
        SpecError: a name that the graph has not, a state of which no output is the next.
    """
    constants = {tensor.name for tensor in graph.initializer}
    ins = [_port(where, item) for item in graph.input if item.name not in constants]
    outs = [_port(where, item) for item in graph.output]
    given = dict(states or {})
    by_name = {port.name: port for port in (*ins, *outs)}
    for name in (*outputs, *given, *given.values()):
        if name not in by_name:
            raise SpecError(
                f"{where}: it has no input or output '{name}', expected some of "
                f"{', '.join(by_name)}. Check the name."
            )
    candidates = [port for port in ins if port.name not in given]
    if not candidates:
        raise SpecError(f"{where}: it has no input for readings. Write one.")
    x, *others = candidates
    chosen = {by_name[i]: by_name[o] for i, o in given.items()}
    free = [port for port in outs if port not in chosen.values()]
    free = [port for port in free if port.name not in outputs]
    first = () if outputs else tuple(free[:1])
    if others and not outputs and len(free) <= len(others):
        first = ()
    rest = [port for port in free if port not in first]
    for state in others:
        next_value = _next_of(state, rest)
        if next_value is None:
            raise SpecError(
                f"{where}: input '{state.name}' {list(state.dims)} is no reading, and no "
                "output is its next value. Name it with states= (`--state "
                f"{state.name}=OUTPUT`), or write the file with one input for readings."
            )
        chosen[state] = next_value
        rest.remove(next_value)
    named = tuple(by_name[name] for name in outputs) or first
    if not named:
        raise SpecError(
            f"{where}: all its outputs are states. Name the output of the model with "
            "outputs= (`--output`)."
        )
    return Ports(x, named, chosen, tuple(rest))


def _next_of(state: Port, outputs: Sequence[Port]) -> Port | None:
    fitting = [port for port in outputs if len(port.dims) in (0, len(state.dims))]
    fitting = [
        port
        for port in fitting
        if all(
            a == b or isinstance(a, str) or isinstance(b, str)
            for a, b in zip(port.dims, state.dims, strict=False)
        )
    ]
    alike = [port for port in fitting if _stem(port.name) == _stem(state.name)]
    return next(iter(alike or fitting), None)


def _stem(name: str) -> str:
    """A name without what says "before" or "after"."""
    words = re.split(r"[^a-z0-9]+", name.lower())
    words = [word for word in words if word not in _TIMES]
    joined = "_".join(words)
    return re.sub(r"(?<=[a-z])(in|out|n|new|next|prev|0)$", "", joined)


_TIMES = frozenset(
    ["in", "out", "input", "output", "new", "next", "prev", "previous", "old", "n", "0"]
)


def _port(where: str, item: Any) -> Port:
    kind = item.type.tensor_type
    if not item.type.HasField("tensor_type"):
        raise SpecError(
            f"{where}: '{item.name}' is no tensor. Write the model with plain tensors."
        )
    dims = tuple(
        dim.dim_value
        if dim.HasField("dim_value") and dim.dim_value > 0
        else dim.dim_param
        for dim in kind.shape.dim
    )
    return Port(item.name, dims, kind.elem_type in (1, 10, 11, 16))
