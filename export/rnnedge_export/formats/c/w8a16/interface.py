"""What the header of a model in integers declares beside the functions of every model."""

from __future__ import annotations

import numpy as np

from rnnedge_runtime.numerics.w8a16 import MISSING, MISSING_READING
from rnnedge_runtime.spec.layers import Embedding
from rnnedge_runtime.spec.w8a16_model import QuantisedModel

from ..literals import comment


def integer_interface(name: str, model: QuantisedModel) -> str:
    """Declarations of the calls on integers, and what the integers stand for.

    Args:
        name: the model's C identifier.
        model: its integers.
    """
    upper = name.upper()
    if not model.is_integer_only:
        kept = [
            f"layer {k} ({layer.kind})"
            for k, (layer, part) in enumerate(
                zip(model.spec.layers, model.roles, strict=True)
            )
            if part.role == "float"
        ]
        return "\n" + comment(
            [
                f"There is no {name}_step_q(): kept in float are "
                f"{', '.join(kept)}. The other layers are in integers."
            ]
        )
    lines = [
        "---- the model without any float operation ----",
        "",
        "An integer q stands for q * step + shift, in the units above:",
        "",
        *_scales(model),
    ]
    q, missing = "int16_t", MISSING
    if model.holds_readings:
        q, missing = "int32_t", MISSING_READING
    return f"""
{comment(lines)}\
extern const float {name}_input_step[{upper}_INPUT_SIZE];
extern const float {name}_input_shift[{upper}_INPUT_SIZE];
extern const float {name}_output_step[{upper}_OUTPUT_SIZE];
extern const float {name}_output_shift[{upper}_OUTPUT_SIZE];

/*
 * {name}_step() on integers, with the same results: it is {name}_quantise(),
 * {name}_step_q(), {name}_dequantise(). In x, {missing} is a missing reading.
 */
int {name}_step_q({name}_state *s, const {q} *x, {q} *y);

/* {name}_time() on integers: out is x + {upper}_NUM_FEATURES. */
void {name}_time_q(int64_t unix_time_s, {q} *out);

/* Between the two: every input, every output. */
void {name}_quantise(const float *x, {q} *q);
void {name}_dequantise(const {q} *q, float *y);
"""


def _scales(model: QuantisedModel) -> list[str]:
    spec, tensors = model.spec, model.tensors
    names = [feature.name for feature in spec.features]
    for item in spec.derived:
        names += [f"{part} of {item.period_s} s" for part in ("sine", "cosine")]
    held = "reading_" if model.holds_readings else ""
    if isinstance(spec.layers[0], Embedding):
        lines = [f"  x [0] {names[0]}: the token itself"]
    else:
        lines = [
            f"  x [{k}] {text}: q * {step:.6g} {shift:+.6g}, q from {low} to {high}"
            for k, (text, step, shift, low, high) in enumerate(
                zip(
                    names,
                    *(
                        np.asarray(tensors[f"input.0.{key}"])
                        for key in ("step", "shift", f"{held}low", f"{held}high")
                    ),
                    strict=True,
                )
            )
        ]
    last = len(spec.layers) - 1
    pairs = zip(
        spec.outputs,
        np.asarray(tensors[f"output.{last}.step"]),
        np.asarray(tensors[f"output.{last}.offset"]),
        strict=True,
    )
    return lines + [
        f"  y [{k}] {output.name}: q * {step:.6g} {offset:+.6g}"
        for k, (output, step, offset) in enumerate(pairs)
    ]
