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
        dtype: of its numbers, for NumPy.
    """

    name: str
    dims: tuple[int | str, ...]
    is_float: bool
    dtype: str = "float32"

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
        constants: inputs that are the same number in every step.
    """

    x: Port
    outputs: tuple[Port, ...]
    states: dict[Port, Port]
    left: tuple[Port, ...]
    constants: tuple[Port, ...] = ()


def read_ports(
    where: str,
    graph: Any,
    *,
    outputs: Sequence[str] = (),
    states: Mapping[str, str] | None = None,
    constants: Sequence[str] = (),
) -> Ports:
    """Find them, the states by name where `states` does not say.

    Raises:
        SpecError: a name that the graph has not, a state of which no output is the next.
    """
    held = {tensor.name for tensor in graph.initializer}
    ins = [_port(where, item) for item in graph.input if item.name not in held]
    outs = [_port(where, item) for item in graph.output]
    given = dict(states or {})
    by_name = {port.name: port for port in (*ins, *outs)}
    for name in (*outputs, *given, *given.values(), *constants):
        if name not in by_name:
            raise SpecError(
                f"{where}: it has no input or output '{name}', expected some of "
                f"{', '.join(by_name)}. Check the name."
            )
    fixed = tuple(port for port in ins if port.name in constants)
    candidates = [port for port in ins if port.name not in given and port not in fixed]
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
                "output is its next value. Name that with states= (`--state "
                f"{state.name}=OUTPUT`), or give it one number for all steps with "
                f"constants= (`--constant {state.name}=NUMBER`)."
            )
        chosen[state] = next_value
        rest.remove(next_value)
    named = tuple(by_name[name] for name in outputs) or first
    if not named:
        raise SpecError(
            f"{where}: all its outputs are states. Name the output of the model with "
            "outputs= (`--output`)."
        )
    return Ports(x, named, chosen, tuple(rest), fixed)


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
    is_float = kind.elem_type in (1, 10, 11, 16)
    dtype = "float32" if is_float else _DTYPES.get(kind.elem_type, "float32")
    return Port(item.name, dims, is_float, dtype)


_DTYPES = {6: "int32", 7: "int64", 9: "bool"}
"""By the number that ONNX gives a type."""
