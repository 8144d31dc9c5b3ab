"""Values that integers cut off, counted per layer, and weights that were."""

from __future__ import annotations

import numpy as np

from rnnedge_runtime.backends.numpy_w8a16 import IntegerEngine
from rnnedge_runtime.numerics.f32 import clip
from rnnedge_runtime.numerics.w8a16 import (
    LARGEST_BIAS,
    LARGEST_FUNCTION_GAIN,
    LARGEST_MULTIPLIER,
    LARGEST_READING,
)
from rnnedge_runtime.spec.clip import clip_bounds
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.streams.w8a16_inputs import IntegerInputs

from ..compare.runs import run_through
from ..compare.verification_stream import Inputs
from .losses import Outputs
from .request import layer_name

_ENDS = {
    "multiplier": LARGEST_MULTIPLIER,
    "bias": LARGEST_BIAS,
    "gain": LARGEST_FUNCTION_GAIN,
}


def count_saturations(
    quantised: QuantisedModel, x: Inputs
) -> tuple[dict[str, int], Outputs]:
    """Values cut off per integer layer and at the model input, and the outputs `[T, O]`."""
    engine = IntegerEngine(quantised)
    y = run_through(engine, quantised.spec, x)
    spec = quantised.spec
    counts = {}
    if quantised.roles[0].is_first:
        counts["input"] = _cut_inputs(quantised, x)
    for k, part in enumerate(quantised.roles):
        if part.role == "integer":
            cut = engine.saturations.get(f"layers.{k}", 0)
            counts[layer_name(spec, k)] = cut
    return counts, y


def cut_rows(quantised: QuantisedModel) -> dict[str, int]:
    """Rows of each tensor of an integer layer that the export set to the end of its range."""
    spec, found = quantised.spec, {}
    for k, part in enumerate(quantised.roles):
        if part.role != "integer":
            continue
        for name, tensor in quantised.tensors.items():
            largest = _ENDS.get(name.rsplit(".", 1)[1].partition("_")[0])
            if largest is None or not name.startswith(f"layers.{k}."):
                continue
            rows = int(np.count_nonzero(np.abs(tensor.astype(np.int64)) == largest))
            if rows:
                what = name.rsplit(".", 1)[1].replace("multiplier", "weight")
                found[f"{layer_name(spec, k)} {what}"] = rows
    return found


def _cut_inputs(quantised: QuantisedModel, x: Inputs) -> int:
    """Inputs more than a step away from what stands for them, clipping apart."""
    inputs = IntegerInputs(quantised)
    clipped = clip(x, *clip_bounds(quantised.spec)).astype(np.float64)
    held = inputs.held_integers(x)
    found = inputs.to_float(inputs.clipped(held))
    if inputs.holds_readings:
        is_wide = quantised.tensors["input.0.reading_high"] == LARGEST_READING
        clipped = np.where(is_wide, x, clipped)
        found = np.where(is_wide, inputs.to_float(held), found)
    step = np.abs(quantised.tensors["input.0.step"].astype(np.float64))
    is_used = quantised.tensors["input.0.rate"] != 0
    return int((np.abs(found - clipped) > step)[:, is_used].sum())
