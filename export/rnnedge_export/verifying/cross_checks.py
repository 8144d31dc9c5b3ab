"""Checks of two artifacts: one model in two formats, or one spec in two numerics."""

from __future__ import annotations

import numpy as np

from rnnedge_runtime.spec.spec_json import spec_to_json
from rnnedge_runtime.tolerances import INT8_STD_FRACTION, PARITY_ULPS

from ..compare.parity import compare, target_errors
from ..compare.runs import Array, step_through
from ..compare.verification_stream import Inputs
from .check import Check, outcome
from .evidence import Evidence
from .judged_checks import measured_again, stored_judgement

DIFFERENCE = "mean difference of int8 from float"


def compare_pair(first: Evidence, other: Evidence) -> list[Check]:
    """Two artifacts of one run.

    In the same numerics they have one digest and the same outputs; in float and in
    integers they have one spec and stand apart by what the integers cost.
    """
    models = first.model, other.model
    name = " + ".join(model.name for model in models)
    if models[0].metadata.numerics != models[1].metadata.numerics:
        return _two_numerics(name, first, other)
    digests = [model.digest for model in models]
    detail = " and ".join(digest[:12] for digest in digests)
    is_same = digests[0] == digests[1]
    checks = [Check(name, "same digest", outcome(is_same), detail=detail)]
    sizes = [(model.spec.input_size, model.spec.output_size) for model in models]
    if sizes[0] != sizes[1]:
        detail = "the models have other numbers of inputs or outputs"
        return [*checks, Check(name, "same outputs", "failed", detail=detail)]
    y = _outputs(other, first.x)
    if first.is_bitwise and other.is_bitwise:
        is_equal = y.tobytes() == first.y.tobytes()
        return [*checks, Check(name, "same outputs, bit for bit", outcome(is_equal))]
    if not np.isfinite(first.limits).all():
        detail = "the model amplifies rounding without bound, so that any two runs part"
        return [*checks, Check(name, "same outputs", "not checked", detail=detail)]
    parity = compare(y, first.y, first.spec, first.limits)
    where = f"at step {parity.step}, output {parity.output}"
    figures = parity.max_error, parity.limit
    is_within = outcome(parity.is_within)
    return [*checks, Check(name, "same outputs", is_within, *figures, where)]


def _two_numerics(name: str, first: Evidence, other: Evidence) -> list[Check]:
    """The mean difference bounds what the error of the forecasts can change by."""
    is_same = spec_to_json(first.spec) == spec_to_json(other.spec)
    detail = " and ".join(
        f"{item.model.metadata.numerics} {item.model.digest[:12]}"
        for item in (first, other)
    )
    same = Check(name, "one spec in two numerics", outcome(is_same), detail=detail)
    if not is_same:
        return [same]
    integers, item = (other, first)
    if first.model.metadata.is_integer:
        integers, item = (first, other)
    stored = stored_judgement(integers.model)
    if stored is not None:
        models = integers.model, item.model
        limits = np.atleast_2d(item.limits)[-1]
        return [same, measured_again(DIFFERENCE, stored, *models, limits)]
    y, expected = (
        found.astype(np.float64) for found in (_outputs(other, first.x), first.y)
    )
    means = np.abs(y - expected).mean(axis=0)
    scales = target_errors(first.spec, np.maximum(y.std(axis=0), expected.std(axis=0)))
    ulps = PARITY_ULPS * np.spacing(np.abs(expected).max(axis=0).astype(np.float32))
    limits = INT8_STD_FRACTION * scales + ulps
    worst = int(np.argmax(means / limits))
    is_within = outcome(bool(np.isfinite(y).all() and (means <= limits).all()))
    detail = (
        f"output {first.spec.outputs[worst].name}; limit: "
        f"{100 * INT8_STD_FRACTION:g} % of its target's deviation"
    )
    figures = float(means[worst]), float(limits[worst])
    return [
        same,
        Check(name, DIFFERENCE, is_within, *figures, detail),
    ]


def _outputs(item: Evidence, x: Inputs) -> Array:
    if np.array_equal(item.x, x):
        return item.y
    return step_through(item.engine, item.spec, x)
