"""A module that is not a chain of layers, as the graph that it is.

One step of one stream: `x` `[1, 1, I]` and the state in the module's own shapes, `h_0`,
`h_1`, ... by position; `y` `[1, 1, O]` and `<name>_out`. What PyTorch's exporters write
about the exporting machine is left out.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.metadata import Metadata

from .onnx_graph import OPSET, seal_model
from .subject import Subject
from .user_module import UserModule


def build_foreign_onnx(subject: Subject, metadata: Metadata) -> bytes:
    """The sealed ONNX file of an opaque module.

    Raises:
        SpecError: PyTorch's exporters cannot express the module either.
    """
    user = subject.user
    assert user is not None
    names = [entry.name for entry in subject.spec.graph_state]
    model = _export(
        _FlatStep(user),
        (user.x[:, :1], *user.state),
        input_names=["x", *names],
        output_names=["y", *(f"{name}_out" for name in names)],
        name=user.name,
    )
    _strip(model)
    onnx.checker.check_model(model, full_check=True)
    return seal_model(model, metadata)


def scriptable_step(user: UserModule) -> nn.Module:
    """A module for `save_torchscript`: `forward(x, state: List[Tensor])`.

    Raises:
        SpecError: the user's forward does not take its state as one list.
    """
    takes_list = len(user.arguments()) == 2 and isinstance(user.arguments()[1], list)
    if not takes_list:
        raise SpecError(
            f"export to TorchScript: {user.name} takes its state as separate arguments. "
            "Write forward(x, state: List[Tensor]) -> Tuple[Tensor, List[Tensor]], or "
            "export to ONNX."
        )
    return _ListStep(user.module)


class _FlatStep(nn.Module):
    def __init__(self, user: UserModule) -> None:
        super().__init__()
        self.module = user.module
        self.user = user

    def forward(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        y, new_state = self.user.step(x, state, self.module)
        return (y, *new_state)


class _ListStep(nn.Module):
    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        y, new_state = self.module(x, state)
        return y.reshape(1, 1, -1), new_state


def _export(
    module: nn.Module,
    example: tuple[Tensor, ...],
    *,
    input_names: Sequence[str],
    output_names: Sequence[str],
    name: str,
) -> onnx.ModelProto:
    """PyTorch's exporter, the newer one first."""
    arguments: dict[str, Any] = {
        "input_names": list(input_names),
        "output_names": list(output_names),
        "opset_version": OPSET,
        "verbose": False,
    }
    reasons = []
    with _silence():
        try:
            program = torch.onnx.export(module, example, dynamo=True, **arguments)
            return _check_names(program.model_proto, input_names, output_names)
        except Exception as error:  # the exporter raises errors of many types
            reasons.append(_first_line(error))
        try:
            buffer = io.BytesIO()
            torch.onnx.export(module, example, buffer, dynamo=False, **arguments)
            model = onnx.load_model_from_string(buffer.getvalue())
            return _check_names(model, input_names, output_names)
        except Exception as error:
            reasons.append(_first_line(error))
    raise SpecError(
        f"export to ONNX: PyTorch cannot export {name}: {reasons[0]}; its older exporter: "
        f"{reasons[1]}. Use operations that torch.onnx.export supports."
    )


def _check_names(
    model: onnx.ModelProto, inputs: Sequence[str], outputs: Sequence[str]
) -> onnx.ModelProto:
    found = [item.name for item in model.graph.input]
    if found != list(inputs):
        missing = ", ".join(sorted(set(inputs) - set(found))) or "none"
        raise SpecError(f"the graph does not use every input (unused: {missing})")
    if [item.name for item in model.graph.output] != list(outputs):
        raise SpecError("the graph does not have one output per state")
    return model


def _strip(model: onnx.ModelProto) -> None:
    """Remove stack traces and other notes on the exporting machine."""
    model.doc_string = ""
    del model.metadata_props[:]
    model.producer_name, model.producer_version = "rnnedge", ""
    for graph in _graphs(model.graph):
        graph.doc_string = ""
        del graph.metadata_props[:]
        parts = [
            *graph.node,
            *graph.input,
            *graph.output,
            *graph.value_info,
            *graph.initializer,
        ]
        for part in parts:
            part.doc_string = ""
            del part.metadata_props[:]


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep the exporters' progress lines and warnings from the terminal."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:200].rstrip(".")
