"""An ONNX file as a ModelSpec with weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rnnedge_runtime.errors import SpecError

from ...capture.graph.nodes import Named
from ..limits import check_size
from ..step import Imported, Step
from .loading import load_onnx, opset_of
from .over_time import check_steps_apart, stepped
from .ports import Ports, read_ports
from .walking import Walker


def import_onnx(
    path: Path,
    *,
    features: Sequence[str] = (),
    targets: Sequence[str] = (),
    outputs: Sequence[str] = (),
    states: Mapping[str, str] | None = None,
    constants: Mapping[str, float] | None = None,
) -> Imported:
    """Read a file; the meaning of the options is that of `import_model`."""
    model = load_onnx(path)
    where = str(path)
    check_steps_apart(where, model)
    constants = constants or {}
    ports = read_ports(
        where, model.graph, outputs=outputs, states=states, constants=tuple(constants)
    )
    step = Step(where)
    for port in (ports.x, *ports.states, *ports.constants):
        check_size(where, port.name, port.shape)
    x = step.nodes.input(ports.x.shape)
    values: dict[str, Any] = {ports.x.name: x}
    for port in ports.states:
        values[port.name] = step.remembered(torch.zeros(port.shape))
    for port in ports.constants:
        values[port.name] = np.full(port.shape, constants[port.name], port.dtype)
    over_time = None if not ports.states else stepped(model)
    walker = Walker(step, opset_of(model), values, over_time=over_time)
    walker.walk(model.graph)
    for port, after in ports.states.items():
        _keep(
            step, values[port.name], walker.values[after.name], (port.name, after.name)
        )
    given = [_output(walker, port.name) for port in ports.outputs]
    y = Named(torch.cat(given))
    _note(step, ports)
    read = {name for node in model.graph.node for name in node.input}
    for port in ports.states:
        if port.name not in read:
            step.notes.append(
                f"State '{port.name}' is read by no operator of the file."
            )
    return step.finish(
        x.names.numel(),
        y,
        features=features or _names(ports.x.name, x.names.numel()),
        targets=targets or _target_names(walker, ports),
    )


def _names(name: str, size: int) -> list[str]:
    """Of the values of a tensor: its own name, numbered where there are several."""
    return [name] if size == 1 else [f"{name}_{k}" for k in range(size)]


def _target_names(walker: Walker, ports: Ports) -> list[str]:
    return [
        name
        for port in ports.outputs
        for name in _names(port.name, len(_output(walker, port.name)))
    ]


def _keep(step: Step, before: Named, after: Any, names: tuple[str, str]) -> None:
    after = step.nodes.named(after)
    if after.names.numel() != before.names.numel():
        raise SpecError(
            f"{step.where}: state '{names[0]}' has {before.names.numel()} values, but "
            f"'{names[1]}', its next value, has {after.names.numel()}. Name the right "
            "output with states= (`--state`)."
        )
    step.keep(before, after)


def _output(walker: Walker, name: str) -> Any:
    return walker.step.nodes.named(walker.values[name]).names.reshape(-1)


def _note(step: Step, ports: Ports) -> None:
    if ports.left:
        names = ", ".join(port.name for port in ports.left)
        step.notes.append(
            f"Outputs left out: {names}. Name those you need with outputs= (`--output`)."
        )
    if ports.states:
        pairs = ", ".join(f"{a.name} to {b.name}" for a, b in ports.states.items())
        step.notes.append(f"State goes from {pairs}, and starts from zeros.")
