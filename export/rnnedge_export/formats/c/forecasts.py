"""The C statements by which a forecast fills the next hole: it becomes what is held."""

from __future__ import annotations

import numpy as np

from rnnedge_runtime.spec.layers import Embedding
from rnnedge_runtime.spec.model_spec import LARGEST_FLOAT32, ModelSpec
from rnnedge_runtime.spec.w8a16_model import QuantisedModel

from .literals import float_literal


def forecast_lines(spec: ModelSpec) -> list[str]:
    """Statements at the end of a step that wrote `y`, where readings are held as floats."""
    return [
        f"rnne_f32_keep_forecast(y[{output}], {_ends(spec, k)}, s->held + {k});"
        for k, output in spec.forecast_fills
    ]


def integer_forecast_lines(model: QuantisedModel, name: str, result: str) -> list[str]:
    """The same where readings are held as integers.

    Args:
        model: it.
        name: its C identifier.
        result: where the integers of the outputs are; "" where the step wrote `y`.
    """
    spec, tensors = model.spec, model.tensors
    if not model.roles[0].is_first:
        return forecast_lines(spec)
    first = spec.layers[0]
    lines = []
    for k, output in spec.forecast_fills:
        y = f"y[{output}]"
        if result:
            unit = f"{name}_output_step[{output}], {name}_output_shift[{output}]"
            y = f"rnne_q_output({result}[{output}], {unit})"
        if isinstance(first, Embedding):
            call, given = "keep_forecast_token", f"{first.num_embeddings}.0f"
        else:
            is_wide = model.holds_readings
            call = "keep_forecast_32" if is_wide else "keep_forecast"
            ends = ("reading_low", "reading_high") if is_wide else ("low", "high")
            rate = [
                float_literal(tensors[f"input.0.{n}"][k]) for n in ("shift", "rate")
            ]
            given = ", ".join(
                [*rate, *(str(int(tensors[f"input.0.{end}"][k])) for end in ends)]
            )
        lines.append(f"rnne_q_{call}({y}, {_ends(spec, k)}, {given}, s->held + {k});")
    return lines


def _ends(spec: ModelSpec, k: int) -> str:
    low, high = spec.features[k].range or (-LARGEST_FLOAT32, LARGEST_FLOAT32)
    return ", ".join(float_literal(np.float32(end)) for end in (low, high))
