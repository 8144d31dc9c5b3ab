"""Policy `predict`: the forecast of the step before fills a hole, in every way to step."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.artifacts import (
    BACKENDS,
    BITWISE,
    describe,
    integer_rnne,
    load_backend,
    native_model,
    reference_model,
    times_of,
)
from support.graph_strategies import graph_specs
from support.predicting import (
    can_predict,
    drawn,
    holed_readings,
    integer_models,
    outputs_by_hand,
    predicting,
    predicting_specs,
)
from support.strategies import (
    model_specs,
    partitions,
    random_weights,
    seeds,
    unclipped_specs,
)

from rnnedge_runtime.backends.native import native_engine
from rnnedge_runtime.backends.numpy_engine import numpy_engine
from rnnedge_runtime.backends.numpy_w8a16 import IntegerEngine
from rnnedge_runtime.errors import FormatError, NonFiniteError, SpecError
from rnnedge_runtime.formats.rnne_file import parse_rnne
from rnnedge_runtime.formats.rnne_model import version_of
from rnnedge_runtime.spec.layers import Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.spec_json import (
    format_version,
    network_version,
    spec_from_json,
    spec_to_json,
)
from rnnedge_runtime.spec.w8a16_model import QuantisedModel
from rnnedge_runtime.streams.model import Model

SPECS = predicting_specs(st.one_of(model_specs(), graph_specs()))
NUM_STEPS = 40


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


@settings(max_examples=25)
@given(
    data=st.data(),
    model=integer_models(st.one_of(model_specs(), unclipped_specs(), graph_specs())),
    seed=seeds,
)
def test_in_integers_too(data: st.DataObject, model: QuantisedModel, seed: int) -> None:
    spec = model.spec
    readings = holed_readings(spec, np.random.default_rng(seed), NUM_STEPS)
    cuts = data.draw(partitions(NUM_STEPS))
    engine = IntegerEngine(model)
    by_hand = outputs_by_hand(engine, readings, times_of(spec, NUM_STEPS))
    content = integer_rnne(model)
    metadata = parse_rnne(content, where="test")[0]
    for one in (engine, native_engine(spec, content, engine.inputs)):
        found = _check_ways(Model(metadata, one), readings, cuts)
        assert found.tobytes() == by_hand.tobytes()


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_fills_holes(backend: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    spec = predicting(drawn(model_specs().filter(can_predict), 1)[0])
    weights = random_weights(spec, rng)
    model = load_backend(spec, weights, backend, tmp_path)
    readings = holed_readings(spec, rng, NUM_STEPS)
    times = times_of(spec, NUM_STEPS)
    found = model.stream().run(readings, times)
    steps = model.stream()
    each = [None] * NUM_STEPS if times is None else times.tolist()
    stepped = [steps.step(row, t) for row, t in zip(readings, each, strict=True)]
    judge = reference_model(spec, weights)
    expected = outputs_by_hand(judge.engine, readings, times)
    np.testing.assert_allclose(found, expected, atol=1e-4, rtol=1e-4)
    np.testing.assert_allclose(stepped, expected, atol=1e-4, rtol=1e-4)
    if backend in BITWISE:
        assert np.array(stepped).tobytes() == found.tobytes()


def _spec(**changes: object) -> ModelSpec:
    fields = {
        "features": (Feature("a", missing="predict"), Feature("b", missing="reject")),
        "targets": (Target("b"), Target("a")),
        "layers": (Gru(2, 3), Linear(3, 4)),
        "horizon": 2,
    }
    return ModelSpec(**(fields | changes))


def test_the_output_that_fills_is_one_step_ahead() -> None:
    assert _spec().forecast_fills == ((0, 2),)
    quantiles = (0.1, 0.5, 0.9)
    layers = (Gru(2, 3), Linear(3, 12))
    spec = _spec(quantiles=quantiles, layers=layers)
    assert [spec.outputs[k].name for _, k in spec.forecast_fills] == ["a_1_q50"]


def test_what_nothing_forecasts_is_refused() -> None:
    with pytest.raises(SpecError) as found:
        _spec(targets=(Target("b"), Target("c")))
    assert str(found.value) == (
        "ModelSpec: feature 'a' has missing='predict', but it is not among the targets "
        "(b, c), so nothing forecasts its next reading. Make it a target, or use 'hold'."
    )
    with pytest.raises(SpecError, match=r"the median, .* not among the quantiles"):
        _spec(quantiles=(0.25, 0.75), layers=(Gru(2, 3), Linear(3, 8)))


def test_it_needs_version_4_and_changes_no_older_spec() -> None:
    spec = _spec()
    assert format_version(spec) == 4
    assert network_version(spec) == version_of(spec) == 1
    text = spec_to_json(spec)
    assert spec_from_json(text, where="test") == spec
    older = text.replace('"format_version":4', '"format_version":3')
    with pytest.raises(FormatError, match="says version 3, but holds what version 4"):
        spec_from_json(older, where="test")
    known = dataclasses.replace(spec.features[1], longest_unchanged=12)
    held = Feature("a")
    assert format_version(_spec(features=(held, spec.features[1]))) == 1
    assert format_version(_spec(features=(held, known))) == 4


def test_a_rejected_reading_leaves_the_state_between_holes() -> None:
    spec = _spec()
    weights = random_weights(spec, np.random.default_rng(0))
    rows = np.array([[1, 1], [np.nan, 1], [np.nan, np.nan]], np.float32)
    for model in (reference_model(spec, weights), native_model(spec, weights)):
        stream = model.stream()
        before = stream.snapshot()
        with pytest.raises(NonFiniteError, match="feature 'b' is nan in row 2"):
            stream.run(rows)
        assert stream.snapshot() == before


def test_before_the_first_reading_the_initial_value_fills() -> None:
    spec = _spec(features=(Feature("a", missing="predict", initial=3), Feature("b")))
    model = native_model(spec, random_weights(spec, np.random.default_rng(0)))
    found, expected = model.stream(), model.stream()
    y = found.step([np.nan, 1])
    assert y.tobytes() == expected.step([3, 1]).tobytes()
    assert found.state()["held"].tolist() == [y[2], 1]


def test_an_output_that_is_not_finite_leaves_what_was_held() -> None:
    spec = _spec(layers=(Linear(2, 4),))
    weights = random_weights(spec, np.random.default_rng(0))
    weights["layers.0.weight"][...] = 1e38
    for model in (
        native_model(spec, weights),
        Model(describe(spec, weights, size=1), numpy_engine(spec, weights)),
    ):
        stream = model.stream()
        assert np.isinf(stream.step([7, 7])).all()
        assert stream.state()["held"].tolist() == [7, 7]
