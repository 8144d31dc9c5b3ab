"""Checks of one engine against itself: a run, chunks, its state, a snapshot, held readings."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from rnnedge_runtime.spec.clip import range_bounds
from rnnedge_runtime.streams.inputs import hold_readings, pass_missing
from rnnedge_runtime.streams.stream import Stream

from ..compare.runs import Array, run_through
from ..compare.verification_stream import Inputs, with_implausible
from .check import Check
from .evidence import Evidence

_RUN_STEPS = 500
_SNAPSHOT_STEPS = 50
_SEED = 7


def run_equals_step(evidence: Evidence) -> Iterator[Check]:
    """A run is its single steps."""
    x = evidence.x[:_RUN_STEPS]
    name = f"one run of {len(x)} steps = single steps"
    y = run_through(evidence.engine, evidence.spec, x, cuts=())
    yield evidence.same_steps(name, y)


def chunks_equal_run(evidence: Evidence) -> Iterator[Check]:
    """The state carries everything from one chunk to the next."""
    x = evidence.x[:_RUN_STEPS]
    cuts = np.random.default_rng(_SEED).choice(np.arange(1, len(x)), 12, False)
    name = f"{len(cuts) + 1} chunks = single steps"
    y = run_through(evidence.engine, evidence.spec, x, cuts=sorted(cuts))
    yield evidence.same_steps(name, y)


def state_changes(evidence: Evidence) -> Iterator[Check]:
    """A state that stays as it was, where the reference's does not, has no wire."""
    stepper = evidence.engine.stepper()
    initial = stepper.get_state()
    out = np.empty(evidence.spec.output_size, dtype=evidence.engine.dtype)
    changed = [False] * len(initial)
    for row in evidence.x[:_RUN_STEPS]:
        stepper.step(row, out)
        for k, tensor in enumerate(stepper.get_state()):
            changed[k] |= not np.array_equal(tensor, initial[k])
    expected = [not evidence.is_integer] * len(initial)  # those equal NumPy's bytes
    if evidence.judgement is not None:
        expected = evidence.judgement.has_changed
    names = [entry.name for entry in evidence.spec.graph_state]
    frozen = [
        name
        for name, is_changed, must in zip(names, changed, expected, strict=True)
        if must and not is_changed
    ]
    detail = f"{', '.join(frozen)} stays as it was" if frozen else ", ".join(names)
    yield evidence.check("state changes", not frozen, detail=detail)


def snapshot_restores(evidence: Evidence) -> Iterator[Check]:
    """A stream restored mid-way goes on with the same bits."""
    stream, other = evidence.model.stream(), evidence.model.stream()
    readings = evidence.x[: 2 * _SNAPSHOT_STEPS, : evidence.spec.num_features]
    _step_stream(stream, readings[:_SNAPSHOT_STEPS])
    blob = stream.snapshot()
    other.restore(blob)
    expected, found = (
        _step_stream(item, readings[_SNAPSHOT_STEPS:], first=_SNAPSHOT_STEPS)
        for item in (stream, other)
    )
    is_equal = found.tobytes() == expected.tobytes()
    detail = f"{len(blob)} bytes after {_SNAPSHOT_STEPS} steps, bits compared"
    yield evidence.check("snapshot restores", is_equal, detail=detail)


def implausible_readings(evidence: Evidence) -> Iterator[Check]:
    """A reading outside its range gives the output of the one held for it."""
    spec = evidence.spec
    features = spec.features
    if all(item.range is None or item.missing == "reject" for item in features):
        return
    x = evidence.x[:_SNAPSHOT_STEPS, : spec.num_features]
    readings = with_implausible(spec, x)
    initial = spec.state[-1].initial_array()
    held = hold_readings(features, readings, initial, where="verify")
    held = pass_missing(features, readings, held)
    found, expected = (
        _step_stream(evidence.model.stream(), rows) for rows in (readings, held)
    )
    is_equal = found.tobytes() == expected.tobytes()
    yield evidence.check("implausible readings are held, bit for bit", is_equal)


def forecasts_fill_holes(evidence: Evidence) -> Iterator[Check]:
    """A missing reading gives the output of the forecast in its place, where it does so."""
    spec = evidence.spec
    fills = spec.forecast_fills
    if not fills:
        return
    readings = evidence.x[:_SNAPSHOT_STEPS, : spec.num_features].copy()
    filled = readings.copy()
    for k, _ in fills:
        readings[(np.arange(len(readings)) + k) % 7 > 3, k] = np.nan
    low, high = range_bounds(spec)
    found, expected = evidence.model.stream(), evidence.model.stream()
    held = spec.state[-1].initial_array()
    is_equal = True
    for t, row in enumerate(readings):
        for k, _ in fills:
            filled[t, k] = held[k] if np.isnan(row[k]) else row[k]
        time = round(t * (spec.sample_period_s or 1.0))
        y = expected.step(filled[t], time=time)
        is_equal &= found.step(row, time=time).tobytes() == y.tobytes()
        for k, output in fills:
            is_known = np.isfinite(np.float32(y[output]))
            held[k] = y[output].clip(low[k], high[k]) if is_known else filled[t, k]
    yield evidence.check("forecasts fill holes, bit for bit", is_equal)


def _step_stream(stream: Stream, readings: Inputs, *, first: int = 0) -> Array:
    period = stream.model.spec.sample_period_s or 1.0
    return np.array(
        [
            stream.step(row, time=round((first + t) * period))
            for t, row in enumerate(readings)
        ]
    )
