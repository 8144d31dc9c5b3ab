"""An ONNX artifact: the graph of a chain of layers, or that of a module that is none."""

from __future__ import annotations

from pathlib import Path

from rnnedge_runtime.spec.w8a16_model import QuantisedModel

from ..variant import Variant
from .graph import build_onnx
from .opaque_graph import build_foreign_onnx


def write_onnx(variant: Variant, path: Path) -> None:
    """Write the file, raising as `build_onnx` and `build_foreign_onnx`."""
    user, parameters = variant.original.user, variant.parameters
    if user is not None and variant.metadata.spec.is_opaque:
        content = build_foreign_onnx(user, variant.metadata)
    else:
        assert not isinstance(parameters, QuantisedModel)
        content = build_onnx(variant.metadata, parameters)
    path.write_bytes(content)
