"""Checks of two artifacts: one model in two formats, or one spec in two numerics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.spec.spec_json import spec_to_json
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.tolerances import INT8_STD_FRACTION, PARITY_ULPS

from ..compare.parity import target_errors
from ..compare.runs import Array, step_through
from ..compare.verification_stream import Inputs
from ..quantise.judgement import StoredJudgement, mean_differences, repeated
from .check import Check, found
from .evidence import Evidence

DIFFERENCE = "mean difference of int8 from float"


def compare_pair(first: Evidence, other: Evidence) -> Iterator[Check]:
    """Two artifacts of one run.

    In the same numerics they have one digest and the same outputs; in float and in
    integers they have one spec and stand apart by what the integers cost.
    """
    models = first.model, other.model
    pair = " + ".join(model.name for model in models)
    if models[0].metadata.numerics != models[1].metadata.numerics:
        yield from _two_numerics(pair, first, other)
        return
    digests = [model.digest for model in models]
    detail = " and ".join(digest[:12] for digest in digests)
    yield found(pair, "same digest", digests[0] == digests[1], detail=detail)
    name = "same outputs"
    sizes = [(model.spec.input_size, model.spec.output_size) for model in models]
    if sizes[0] != sizes[1]:
        detail = "the models have other numbers of inputs or outputs"
        yield found(pair, name, False, detail=detail)
        return
    y = _outputs(other, first.x)
    if first.is_bitwise and other.is_bitwise:
        is_equal = y.tobytes() == first.y.tobytes()
        yield found(pair, f"{name}, bit for bit", is_equal)
    elif not np.isfinite(first.limits).all():
        detail = "the model amplifies rounding without bound, so that any two runs part"
        yield Check(pair, name, "not checked", detail=detail)
    else:
        check = first.close(name, y, first.y, first.limits)
        yield replace(check, artifact=pair)


def _two_numerics(pair: str, first: Evidence, other: Evidence) -> Iterator[Check]:
    """The mean difference bounds what the error of the forecasts can change by."""
    is_same = spec_to_json(first.spec) == spec_to_json(other.spec)
    detail = " and ".join(
        f"{item.model.metadata.numerics} {item.model.digest[:12]}"
        for item in (first, other)
    )
    yield found(pair, "one spec in two numerics", is_same, detail=detail)
    if not is_same:
        return
    integers, item = (first, other) if first.is_integer else (other, first)
    stored = integers.stored_judgement
    if stored is not None:
        limits = np.atleast_2d(item.limits)[-1]
        yield _measured_again(stored, integers.model, item.model, limits)
        return
    y, expected = (
        outputs.astype(np.float64) for outputs in (_outputs(other, first.x), first.y)
    )
    means = np.abs(y - expected).mean(axis=0)
    scales = target_errors(first.spec, np.maximum(y.std(axis=0), expected.std(axis=0)))
    limits = INT8_STD_FRACTION * scales + _ulps(expected)
    worst = int(np.argmax(means / limits))
    is_within = bool(np.isfinite(y).all() and (means <= limits).all())
    detail = (
        f"output {first.spec.outputs[worst].name}; limit: "
        f"{100 * INT8_STD_FRACTION:g} % of its target's deviation"
    )
    figures = float(means[worst]), float(limits[worst])
    yield found(pair, DIFFERENCE, is_within, figures, detail)


def _measured_again(
    stored: StoredJudgement, integers: Model, other: Model, limits: Array
) -> Check:
    """The difference of integers and float on the recorded steps, against that at export.

    Args:
        stored: judgement of the integers.
        integers: their model.
        other: a float model of the same spec.
        limits: `[O]` what two float32 engines may differ by.
    """
    x = repeated(integers.golden.x)
    y, expected = (
        step_through(model.engine, model.spec, x) for model in (integers, other)
    )
    means = mean_differences(y, expected)
    again = np.array(stored.again)
    limits = limits + _ulps(expected) + np.array(stored.again_limit)
    off = np.abs(means - again)
    off[~np.isfinite(off)] = np.inf
    worst = int(np.argmax(off / limits))
    detail = (
        f"output {integers.spec.outputs[worst].name} on {len(x):,} recorded steps; at "
        f"export {again[worst]:.2e}"
    )
    if stored.float_digest != other.digest:
        detail += (
            f", of the float model {stored.float_digest[:12]}, not {other.digest[:12]}"
        )
    pair = f"{other.name} + {integers.name}"
    figures = float(means[worst]), float(again[worst] + limits[worst])
    is_within = bool(np.isfinite(off).all() and (off <= limits).all())
    return found(pair, DIFFERENCE, is_within, figures, detail)


def _ulps(expected: Array) -> NDArray[np.float32]:
    """`[O]` what float32 may be off by at the level of each output."""
    largest = np.abs(expected).max(axis=0).astype(np.float32)
    return PARITY_ULPS * np.spacing(largest)


def _outputs(item: Evidence, x: Inputs) -> Array:
    if np.array_equal(item.x, x):
        return item.y
    return step_through(item.engine, item.spec, x)
