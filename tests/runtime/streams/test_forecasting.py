"""Forecasts up to the horizon and, by feeding outputs back, beyond it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.artifacts import START, reference_model
from support.strategies import random_readings, random_weights, seeds

from rnnedge_runtime.errors import SpecError, StateError
from rnnedge_runtime.spec.derived import DerivedInput
from rnnedge_runtime.spec.layers import AddLast, Gru, Linear, Lstm
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.spec.weights import canonical_weights
from rnnedge_runtime.streams.stream import Stream

PERIOD_S = 600.0


def free_runner(
    num_targets: int, horizon: int, quantiles: tuple[float, ...], num_derived: int
) -> ModelSpec:
    """Every feature is a target, in another order."""
    names = [f"t{k}" for k in range(num_targets)]
    size = num_targets + 2 * num_derived
    output_size = num_targets * horizon * max(1, len(quantiles))
    return ModelSpec(
        features=tuple(Feature(name, clip=(-4, 4)) for name in reversed(names)),
        targets=tuple(Target(name) for name in names),
        layers=(Lstm(size, 6), Gru(6, 5), Linear(5, output_size)),
        horizon=horizon,
        derived=(DerivedInput(86_400), DerivedInput(7_000, 11))[:num_derived],
        quantiles=quantiles,
        sample_period_s=PERIOD_S,
    )


def started(spec: ModelSpec, seed: int, size: int = 12) -> tuple[Stream, int]:
    """A stream after `size` readings and the time of the last."""
    rng = np.random.default_rng(seed)
    stream = reference_model(spec, random_weights(spec, rng)).stream()
    stream.run(random_readings(spec, rng, size), START)
    return stream, START + round((size - 1) * PERIOD_S)


@settings(max_examples=60)
@given(
    num_targets=st.integers(1, 3),
    horizon=st.integers(1, 3),
    quantiles=st.sampled_from(((), (0.5,), (0.1, 0.5, 0.9))),
    num_derived=st.integers(0, 2),
    num_steps=st.integers(1, 9),
    seed=seeds,
)
def test_forecast_equals_feeding_outputs_back_by_hand(
    num_targets: int,
    horizon: int,
    quantiles: tuple[float, ...],
    num_derived: int,
    num_steps: int,
    seed: int,
) -> None:
    spec = free_runner(num_targets, horizon, quantiles, num_derived)
    stream, last_time = started(spec, seed)
    found = stream.forecast(num_steps)
    position = {output: k for k, output in enumerate(spec.outputs)}

    def value(
        y: np.ndarray, target: Target, step: int, quantile: float | None
    ) -> float:
        return next(
            float(y[k])
            for output, k in position.items()
            if (output.target, output.step) == (target.name, step)
            and output.quantile == quantile
        )

    def row(y: np.ndarray, step: int) -> list:
        if quantiles:
            return [[value(y, t, step, q) for q in quantiles] for t in spec.targets]
        return [value(y, t, step, None) for t in spec.targets]

    by_hand = reference_model(
        spec, random_weights(spec, np.random.default_rng(seed))
    ).stream()
    by_hand.restore(stream.snapshot())
    y = stream._output
    rows = [row(y, step) for step in range(1, horizon + 1)]
    median = 0.5 if quantiles else None
    targets = {target.name: target for target in spec.targets}
    for k in range(1, num_steps - horizon + 1):
        reading = [value(y, targets[f.name], 1, median) for f in spec.features]
        y = by_hand.step(reading, last_time + round(k * PERIOD_S))
        rows.append(row(y, horizon))
    np.testing.assert_array_equal(found, rows[:num_steps])
    shape = (num_steps, num_targets, len(quantiles))
    assert found.shape == (shape if quantiles else shape[:2])


def test_an_input_that_is_not_forecast_stops_at_the_horizon() -> None:
    spec = ModelSpec(
        features=(Feature("temp"), Feature("wind"), Feature("rain")),
        targets=(Target("temp"),),
        layers=(Gru(3, 4), Linear(4, 6)),
        horizon=6,
    )
    stream, _ = started(spec, 0)
    assert stream.forecast(6).shape == (6, 1)
    message = (
        "more than 6 steps.*wind, rain are inputs and not a target.*at most 6 steps"
    )
    with pytest.raises(SpecError, match=message):
        stream.forecast(7)


def test_quantiles_without_a_median_stop_at_the_horizon() -> None:
    stream, _ = started(free_runner(1, 2, (0.25, 0.75), 0), 0)
    assert stream.forecast(2).shape == (2, 1, 2)
    with pytest.raises(SpecError, match=r"0\.5 is not among"):
        stream.forecast(3)


def test_derived_inputs_need_the_sampling_period_beyond_the_horizon() -> None:
    spec = dataclasses.replace(free_runner(1, 2, (), 1), sample_period_s=None)
    stream = reference_model(
        spec, random_weights(spec, np.random.default_rng(0))
    ).stream()
    stream.step([0.5], 0)
    assert stream.forecast(2).shape == (2, 1)
    with pytest.raises(
        SpecError, match=r"forecast: the model does not know its sampling"
    ):
        stream.forecast(3)


@pytest.mark.parametrize("back", ["start", "reset", "restore", "empty"])
def test_a_forecast_needs_a_reading(back: str) -> None:
    spec = free_runner(1, 2, (), 0)
    stream, _ = started(spec, 0, size=0 if back in ("start", "empty") else 5)
    if back == "reset":
        stream.reset()
    if back == "restore":
        stream.restore(stream.snapshot())
    with pytest.raises(StateError, match="no reading was stepped"):
        stream.forecast(1)


def test_add_last_feeds_back_what_the_graph_clips() -> None:
    """The reading fed back passes the clip of the graph, like any other."""
    spec = ModelSpec(
        features=(Feature("a", clip=(-1, 1)),),
        targets=(Target("a"),),
        layers=(Linear(1, 1), AddLast((0,))),
    )
    weights = {"layers.0.weight": [[1.0]], "layers.0.bias": [0.5]}
    stream = reference_model(spec, canonical_weights(spec, weights)).stream()
    assert stream.step([0.25]) == 1.0
    np.testing.assert_array_equal(stream.forecast(3), [[1.0], [2.5], [2.5]])


@given(seed=seeds, num_steps=st.integers(3, 8))
def test_inputs_that_are_no_target_stay_where_they_were(
    seed: int, num_steps: int
) -> None:
    spec = dataclasses.replace(
        free_runner(2, 2, (), 1),
        targets=(Target("t1"),),
        layers=(Gru(4, 5), Linear(5, 2)),
    )
    stream, _ = started(spec, seed)
    with pytest.raises(SpecError, match="hold=True"):
        stream.forecast(num_steps)
    forecast = stream.forecast(num_steps, hold=True)
    last = stream._last_step()
    assert last is not None
    steps = [*last.output]
    other = stream.model.stream()
    other.restore(stream.snapshot())
    for k in range(1, num_steps - 1):
        reading = [
            steps[-2] if name == "t1" else held
            for name, held in zip(spec.feature_names, last.held, strict=True)
        ]
        y = other.step(reading, time=last.time + round(k * PERIOD_S))
        steps[-1:] = [y[0], y[1]]
    assert np.allclose(forecast[:2, 0], last.output)
    assert forecast.shape == (num_steps, 1)
