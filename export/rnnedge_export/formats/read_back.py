"""The weights that were written, read back out of the file and compared bit by bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from rnnedge_runtime.backends.reference import read_weights
from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.parameters import Parameters
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.spec.weights import Weights, weight_shapes

from ..torch_model.sequence_model import SequenceModel
from .reading import read_parameters


def written_parameters(format_name: str, path: Path, spec: ModelSpec) -> Parameters:
    """What an artifact of a chain of layers computes with.

    Raises:
        FormatError: it does not have the digest that the file states.
    """
    if format_name == "onnx":
        return read_weights(path)[1]
    if format_name != "torchscript":
        return read_parameters(path)
    model = SequenceModel(spec)
    held = torch.jit.load(path, map_location="cpu").state_dict()
    model.load_state_dict({name: held[name] for name in model.state_dict()})
    return model.weights()


def changed_weight(
    format_name: str, path: Path, spec: ModelSpec, weights: Weights
) -> str:
    """The first weight in a file that is another than the model's; "" where all are its."""
    try:
        written = written_parameters(format_name, path, spec)
    except FormatError as error:
        return str(error)
    if isinstance(written, QuantisedModel):
        return ""
    for name in weight_shapes(spec):
        found, expected = written[name], weights[name]
        differs = _bits(found) != _bits(expected)
        if differs.any():
            at = np.unravel_index(int(np.argmax(differs)), differs.shape)
            place = ", ".join(map(str, at))
            return (
                f"the file holds {found[at]:.9g} as {name}[{place}], the model has "
                f"{expected[at]:.9g}"
            )
    return ""


def _bits(array: NDArray[np.float32]) -> NDArray[np.uint32]:
    return np.ascontiguousarray(array, dtype=np.float32).view(np.uint32)
