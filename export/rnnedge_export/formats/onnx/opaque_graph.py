"""A module that is not a chain of layers, as the graph that it is.

One step of one stream: `x` `[1, 1, I]` and the state in the module's own shapes, `h_0`,
`h_1`, ... by position; `y` `[1, 1, O]` and `<name>_out`. What PyTorch's exporters write
about the exporting machine is left out.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import onnx
import onnxruntime
import torch

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.formats.metadata import Metadata

from ...module.reasons import error_text
from ...module.user_module import UserModule
from ...module.value_reads import BranchError, traced_step
from ...tools.silence import silence
from .graph import OPSET, seal_model

_OPTIONS: Any = {"opset_version": OPSET, "verbose": False}


def build_foreign_onnx(user: UserModule, metadata: Metadata) -> bytes:
    """The sealed ONNX file of an opaque module.

    Raises:
        SpecError: PyTorch's exporters cannot express the module either.
    """
    states = [entry.name for entry in metadata.spec.graph_state]
    inputs, outputs = ["x", *states], ["y", *(f"{name}_out" for name in states)]
    names = {"input_names": inputs, "output_names": outputs}
    reasons: dict[str, None] = {}
    for attempt in (_of_program, partial(_of_program, is_decomposed=True), _of_trace):
        try:
            with silence():
                model = attempt(user, names)
            _check_names(model, inputs, outputs)
            _strip(model)
            onnx.checker.check_model(model, full_check=True)
            _check_first_step(model, user)
            return seal_model(model, metadata)
        except BranchError:
            raise
        except Exception as error:  # exporters and checkers raise errors of many types
            reasons[error_text(error)] = None
    advice = "Use operations that torch.onnx.export supports."
    if isinstance(user.module, torch.jit.ScriptModule):
        advice = "Export the module that was scripted, or export it to TorchScript."
    raise SpecError(
        f"export to ONNX: PyTorch's exporters cannot express {user.name}: "
        f"{'; '.join(reasons)}. {advice}"
    )


def _of_program(
    user: UserModule, names: dict[str, list[str]], *, is_decomposed: bool = False
) -> Any:
    """The exporter knows no LSTM with a projection; what it is decomposed to, it does."""
    program: Any = user.program()
    if is_decomposed:
        program = program.run_decompositions()
    exported = torch.onnx.export(program, dynamo=True, **_OPTIONS, **names)
    assert exported is not None
    return exported.model_proto


def _of_trace(user: UserModule, names: dict[str, list[str]]) -> Any:
    """PyTorch's older exporter."""
    buffer = io.BytesIO()
    traced = traced_step(user, "ONNX")
    example = user.first_step
    torch.onnx.export(traced, example, buffer, dynamo=False, **_OPTIONS, **names)
    return onnx.load_model_from_string(buffer.getvalue())


def _check_first_step(model: onnx.ModelProto, user: UserModule) -> None:
    """Raise an error of some type where ONNX Runtime cannot run the graph as promised."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    names = [item.name for item in session.get_inputs()]
    values = zip(names, user.first_step, strict=True)
    feed = {name: value.numpy() for name, value in values}
    _, *new_state = session.run(None, feed)
    found = [list(tensor.shape) for tensor in new_state]
    expected = [list(tensor.shape) for tensor in user.state]
    if found != expected:
        raise SpecError(f"the graph gives state {found} for {expected}")


def _check_names(
    model: onnx.ModelProto, inputs: Sequence[str], outputs: Sequence[str]
) -> None:
    found = [item.name for item in model.graph.input]
    if found != list(inputs):
        missing = ", ".join(sorted(set(inputs) - set(found))) or "none"
        raise SpecError(f"the graph does not use every input (unused: {missing})")
    if [item.name for item in model.graph.output] != list(outputs):
        raise SpecError("the graph does not have one output per state")


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
