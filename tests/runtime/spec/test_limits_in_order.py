"""A pair of limits whose lower one is above the upper one is refused, in every engine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.artifacts import integer_rnne, native_model, quantised_model
from support.strategies import random_weights

from rnnedge_runtime.backends.native import native_engine
from rnnedge_runtime.errors import FormatError, SpecError
from rnnedge_runtime.formats.rnne_file import CHECKSUM_AT, file_checksum, read_sections
from rnnedge_runtime.spec.layers import AddLast, Affine, Difference, Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.spec.weights import canonical_weights

LAYERS = (Difference(1, (0,)), Affine(2), Gru(2, 3), Linear(3, 1))
SPEC = ModelSpec(
    (Feature("x", clip=(-2.0, 2.0), range=(-9.0, 9.0)),),
    (Target("x"),),
    (*LAYERS, AddLast((0,), is_clipped=False)),
)


def drawn() -> dict[str, np.ndarray]:
    weights = random_weights(SPEC, np.random.default_rng(0))
    weights["layers.0.low"][:], weights["layers.0.high"][:] = -1, 1
    return weights


def integers() -> QuantisedModel:
    return quantised_model(SPEC, drawn())


def test_floats() -> None:
    weights = drawn()
    native_model(SPEC, weights)
    weights["layers.0.low"][:] = 1.5
    with pytest.raises(SpecError, match=r"'layers\.0\.low' is above 'layers\.0\.high'"):
        canonical_weights(SPEC, weights)
    with pytest.raises(FormatError, match="out of its range"):
        native_model(SPEC, weights)


@pytest.mark.parametrize(
    "low",
    ["layers.0.change_low", "input.0.low", "input.0.reading_low"],
)
def test_integers(low: str) -> None:
    model = integers()
    content = integer_rnne(model)
    native_engine(SPEC, content)
    high = f"{low.removesuffix('low')}high"
    swapped = {**model.tensors, low: model.tensors[high], high: model.tensors[low]}
    with pytest.raises(FormatError, match=rf"'{high}' does not fit: below its low"):
        replace(model, tensors=swapped)
    stored = read_sections(content, where="model")[b"WGTS"]
    at = content.index(stored)
    for name, tensor in model.tensors.items():
        if name in (low, high):
            new = swapped[name].tobytes()
            content = content[:at] + new + content[at + len(new) :]
        at += -(-tensor.nbytes // 4) * 4
    signed = bytearray(content)
    signed[CHECKSUM_AT : CHECKSUM_AT + 4] = file_checksum(content).to_bytes(4, "little")
    with pytest.raises(FormatError, match="out of its range"):
        native_engine(SPEC, bytes(signed))
