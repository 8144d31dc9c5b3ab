"""Policy `predict`: the forecast of the step before fills a hole, in every way to step."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.artifacts import (
    BITWISE,
    integer_rnne,
    load_backend,
    native_model,
    quantised_model,
    reference_model,
    times_of,
    unclipped_specs,
)
from support.graph_strategies import graph_specs
from support.predicting import (
    can_predict,
    holed_readings,
    outputs_by_hand,
    predicting,
    predicting_specs,
)
from support.strategies import model_specs, partitions, random_weights, seeds

from rnnedge_runtime.backends.native import native_engine
from rnnedge_runtime.backends.numpy_engine import numpy_engine
from rnnedge_runtime.backends.numpy_w8a16 import IntegerEngine
from rnnedge_runtime.errors import NonFiniteError, SpecError
from rnnedge_runtime.formats.metadata import Metadata
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.spec_json import format_version, spec_from_json, spec_to_json
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.streams.model import Model

SPECS = predicting_specs(st.one_of(model_specs(), graph_specs()))
NUM_STEPS = 40


@st.composite
def integer_models(draw) -> QuantisedModel:
    """Models in integers that predict; readings held as int16, int32 or float."""
    specs = st.one_of(model_specs(), unclipped_specs(), graph_specs())
    while True:
        spec = draw(specs.filter(can_predict))
        weights = random_weights(spec, np.random.default_rng(draw(seeds)))
        try:
            model = quantised_model(spec, weights)
        except SpecError:
            continue
        return dataclasses.replace(model, spec=predicting(spec))


def _outputs(model: Model, readings: np.ndarray, cuts: list[int]) -> np.ndarray:
    """The outputs of one stream, in runs of these lengths, restored between them."""
    times = times_of(model.spec, len(readings))
    stream, parts, at = model.stream(), [], 0
    for size in cuts:
        rows = slice(at, at + size)
        parts.append(stream.run(readings[rows], None if times is None else times[rows]))
        blob = stream.snapshot()
        stream = model.stream()
        stream.restore(blob)
        assert stream.snapshot() == blob
        at += size
    return np.concatenate(parts)


def _check_ways(model: Model, readings: np.ndarray, cuts: list[int]) -> np.ndarray:
    """Steps are runs are chunks are a fleet, bit for bit; returns the outputs."""
    times = times_of(model.spec, len(readings))
    each = [None] * len(readings) if times is None else [int(t) for t in times]
    stream = model.stream()
    expected = np.array(
        [stream.step(row, time) for row, time in zip(readings, each, strict=True)]
    )
    other = model.stream()
    assert other.run(readings, times).tobytes() == expected.tobytes()
    assert other.snapshot() == stream.snapshot()
    assert _outputs(model, readings, cuts).tobytes() == expected.tobytes()
    fleet = model.streams(3)
    for t, row in enumerate(readings):
        y = fleet.step(np.tile(row, (2, 1)), each[t], index=[2, 0])
        assert y[0].tobytes() == y[1].tobytes() == expected[t].tobytes()
    assert fleet.snapshot(2) == stream.snapshot()
    return expected


@settings(max_examples=40)
@given(data=st.data(), spec=SPECS, seed=seeds)
def test_a_hole_takes_the_forecast_of_the_step_before(
    data: st.DataObject, spec: ModelSpec, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    weights = random_weights(spec, rng)
    readings = holed_readings(spec, rng, NUM_STEPS)
    cuts = data.draw(partitions(NUM_STEPS))
    engine = numpy_engine(spec, weights)
    by_hand = outputs_by_hand(engine, readings, times_of(spec, NUM_STEPS))
    model = reference_model(spec, weights)
    found = _check_ways(dataclasses.replace(model, engine=engine), readings, cuts)
    assert found.tobytes() == by_hand.tobytes()
    found = _check_ways(native_model(spec, weights), readings, cuts)
    assert found.tobytes() == by_hand.tobytes()
    judge = outputs_by_hand(model.engine, readings, times_of(spec, NUM_STEPS))
    assert _check_ways(model, readings, cuts).tobytes() == judge.tobytes()
