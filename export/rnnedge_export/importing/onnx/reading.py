"""An ONNX file as a ModelSpec with weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from rnnedge_runtime.errors import FormatError, SpecError, first_line

from ...capture.graph.nodes import Named
from ..step import Imported, Step
from .over_time import check_steps_apart
from .ports import Ports, read_ports
from .walking import Walker

OPSETS = range(9, 23)


def load_onnx(path: Path) -> Any:
    """The model in a file, functions of its own written out.

    Raises:
        FormatError: it is no ONNX model.
        SpecError: its opset is not among those that are read.
    """
    import onnx
    from onnx import inliner

    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except Exception as error:  # protobuf's own errors have no common base
        raise FormatError(
            f"{path}: it is no valid ONNX model: {first_line(error)}. Write the file again."
        ) from None
    opset = opset_of(model)
    if opset not in OPSETS:
        raise SpecError(
            f"{path}: it uses opset {opset}, expected {OPSETS[0]} to {OPSETS[-1]}. Write it "
            "with one of these (`opset_version=`)."
        )
    return inliner.inline_local_functions(model) if model.functions else model


def opset_of(model: Any) -> int:
    """Version of ONNX's own operators."""
    versions = [
        item.version for item in model.opset_import if item.domain in ("", "ai.onnx")
    ]
    return int(versions[0]) if versions else 0


def import_onnx(
    path: Path,
    *,
    features: Sequence[str] = (),
    targets: Sequence[str] = (),
    outputs: Sequence[str] = (),
    states: Mapping[str, str] | None = None,
) -> Imported:
    """Read a file; the meaning of the options is that of `import_model`."""
    model = load_onnx(path)
    where = str(path)
    check_steps_apart(where, model)
    ports = read_ports(where, model.graph, outputs=outputs, states=states)
    step = Step(where)
    x = step.nodes.input(ports.x.shape)
    values = {ports.x.name: x}
    for port in ports.states:
        values[port.name] = step.remembered(torch.zeros(port.shape))
    walker = Walker(step, opset_of(model), values)
    walker.walk(model.graph)
    for port, after in ports.states.items():
        _keep(
            step, values[port.name], walker.values[after.name], (port.name, after.name)
        )
    given = [_output(walker, port.name) for port in ports.outputs]
    y = Named(torch.cat(given))
    _note(step, ports)
    return step.finish(x.names.numel(), y, features=features, targets=targets)


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
