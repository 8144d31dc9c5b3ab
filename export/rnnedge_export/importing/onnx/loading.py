"""An ONNX file as a checked model, with the weights that lie beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from rnnedge_runtime.errors import FormatError, SpecError, first_line

OPSETS = range(9, 23)


def load_onnx(path: Path) -> Any:
    """The model in a file, functions of its own written out.

    Raises:
        FormatError: it is no ONNX model, or its weights lie outside its folder.
        SpecError: its opset is not among those that are read.
    """
    import onnx
    from onnx import inliner

    try:
        model = onnx.load(path, load_external_data=False)
    except Exception as error:  # protobuf's own errors have no common base
        raise _invalid(path, error) from None
    _check_places(path, model)
    try:
        onnx.load_external_data_for_model(model, str(path.parent))
        onnx.checker.check_model(model)
    except Exception as error:
        raise _invalid(path, error) from None
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


def _invalid(path: Path, error: Exception) -> FormatError:
    return FormatError(
        f"{path}: it is no valid ONNX model: {first_line(error)[:300]}. Write the file "
        "again."
    )


def _check_places(path: Path, model: Any) -> None:
    """Raise FormatError where a weight lies in a file that is not in the model's folder."""
    folder = path.parent.resolve()
    for tensor in _tensors(model.graph):
        if tensor.data_location != tensor.EXTERNAL:
            continue
        told = {entry.key: entry.value for entry in tensor.external_data}
        place = told.get("location", "")
        parts = {*PurePosixPath(place).parts, *PureWindowsPath(place).parts}
        absolute = (
            PurePosixPath(place).is_absolute() or PureWindowsPath(place).is_absolute()
        )
        found = (path.parent / place).resolve()
        if not place or absolute or ".." in parts or not found.is_relative_to(folder):
            raise FormatError(
                f"{path}: weight '{tensor.name}' lies in '{place}', outside the folder of "
                "the file. Put the file with the weights beside the model."
            )
        if not found.is_file():
            raise FormatError(
                f"{path}: weight '{tensor.name}' lies in '{place}', and there is no such "
                "file. Put it beside the model, or write the model in one file."
            )


def _tensors(graph: Any) -> Iterator[Any]:
    """All weights and constants, those of branches too."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            if attribute.HasField("g"):
                yield from _tensors(attribute.g)
            for inner in attribute.graphs:
                yield from _tensors(inner)
