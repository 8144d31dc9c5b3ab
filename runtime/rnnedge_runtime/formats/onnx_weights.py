"""Reading the canonical weights back out of an `.onnx` artifact."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import ShapeError, SpecError, require, unfit_file
from ..spec.layers import Layer
from ..spec.weights import Weights, canonical_weights, model_digest
from .gate_order import TORCH_GATES_IN_ONNX_ORDER, torch_to_onnx_gate_order
from .metadata import Metadata, check_digest, metadata_from_text, unreadable_error
from .onnx_tensors import check_tensors
from .seal import read_sealed

Initializers = Mapping[str, NDArray[np.float32]]


def read_onnx_weights(path: Path) -> tuple[Metadata, Weights]:
    """Description and canonical weights of an artifact, checked against its digest.

    Raises:
        FormatError: the file is damaged, too new, not an artifact, or its weights do not
            have the digest it states.
        SpecError: the file holds a graph that is not a chain of layers.
        MissingDependencyError: the onnx package is not installed.
    """
    content = read_sealed(path)
    purpose = f"Reading the weights of {path.name} (backend 'reference')"
    onnx = require("onnx", extra="train", purpose=purpose)
    numpy_helper = require("onnx.numpy_helper", extra="train", purpose=purpose)
    check_tensors(content, where=path.name)
    try:
        model = onnx.load_model_from_string(content)
    except Exception:  # protobuf's DecodeError, of which the runtime knows nothing
        raise unreadable_error("an ONNX model", where=path.name) from None
    text = {item.key: item.value for item in model.metadata_props}
    metadata = metadata_from_text(text, where=path.name)
    if metadata.spec.is_opaque:
        raise SpecError(
            f"{path.name}: the reference backend computes chains of layers, and this "
            "file holds a graph of its own. Load it with backend='onnx'."
        )
    initializers = {
        item.name: numpy_helper.to_array(item) for item in model.graph.initializer
    }
    weights: Weights = {}
    try:
        for k, layer in enumerate(metadata.spec.layers):
            weights.update(_layer_weights(f"layers.{k}", layer, initializers))
        weights = canonical_weights(metadata.spec, weights)
    except (KeyError, ShapeError) as error:
        found = f"the weights do not fit the model description ({error})"
        raise unfit_file(path.name, found) from None
    digest = model_digest(metadata.spec, weights, numerics=metadata.numerics)
    check_digest("the weights", digest, metadata.digest, where=path.name)
    return metadata, weights


def _layer_weights(prefix: str, layer: Layer, initializers: Initializers) -> Weights:
    shapes = layer.weight_shapes()
    if layer.kind in TORCH_GATES_IN_ONNX_ORDER and "weight_hr" not in shapes:
        return _node_weights(prefix, layer.kind, initializers)
    return {f"{prefix}.{name}": initializers[f"{prefix}.{name}"] for name in shapes}


def _node_weights(prefix: str, cell: str, initializers: Initializers) -> Weights:
    """Undo the layout of ONNX's RNN, GRU and LSTM nodes: one direction, joined biases."""
    bias_ih, bias_hh = np.split(initializers[f"{prefix}.B"][0], 2)
    tensors = {
        "weight_ih": initializers[f"{prefix}.W"][0],
        "weight_hh": initializers[f"{prefix}.R"][0],
        "bias_ih": bias_ih,
        "bias_hh": bias_hh,
    }
    return {
        f"{prefix}.{name}": torch_to_onnx_gate_order(cell, tensor, inverse=True)
        for name, tensor in tensors.items()
    }
