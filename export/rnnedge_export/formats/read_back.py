"""The weights that were written, read back out of the file and compared bit by bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import FormatError
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.spec.weights import Weights, weight_shapes

from .registry import format_of


def changed_weight(path: Path, spec: ModelSpec, weights: Weights) -> str:
    """The first weight in a file that is another than the model's; "" where all are its."""
    try:
        _, written = format_of(path).read(path)
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
