"""Readings that wait: those shuffled within the wait give what those in order give."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.artifacts import native_model
from support.live_batches import (
    START_US,
    Readings,
    forecasts_of_rows,
    live_streams,
    with_holes_held,
)
from support.strategies import random_readings, random_weights, seeds, sensor_specs

from rnnedge_runtime.live.loop.nouns import Counters, Outcome
from rnnedge_runtime.live.loop.streams import LiveStreams
from rnnedge_runtime.spec.derived import DerivedInput
from rnnedge_runtime.spec.layers import Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target

SPEC = ModelSpec(
    features=(Feature("a"), Feature("b", range=(-2.0, 2.0))),
    targets=(Target("a"),),
    layers=(Gru(4, 5), Linear(5, 1)),
    derived=(DerivedInput(86_400),),
    sample_period_s=60.0,
)


def ordered(spec: ModelSpec, rng: np.random.Generator, size: int = 30) -> Readings:
    """One reading a slot of three series, jittering, with holes short and long."""
    period_us = (spec.sample_period_s or 1.0) * 1e6
    kinds = rng.choice([1, 2, 3, 20], (3, size), p=[0.7, 0.15, 0.1, 0.05])
    slots = np.cumsum(kinds, axis=1) + rng.uniform(-0.15, 0.15, kinds.shape)
    series = np.repeat(np.arange(3, dtype=np.int32), size)
    time_us = START_US + np.rint(slots.ravel() * period_us).astype(np.int64)
    order = np.argsort(time_us, kind="stable")
    values = random_readings(spec, rng, len(series))
    return Readings(series[order], time_us[order], values[order])


def play(
    streams: LiveStreams, readings: Readings, now_us: np.ndarray, end_us: int
) -> list[Outcome]:
    """Outcomes of the readings as they come in at `now_us`, and of the wait after them."""
    outcomes = []
    order = np.argsort(now_us, kind="stable")
    for row in order:
        now = int(now_us[row])
        while (due := streams.due_us()) is not None and due <= now:
            outcomes.append(streams.apply(readings.part(slice(0, 0)).batch(due)))
        outcomes.append(streams.apply(readings.part(slice(row, row + 1)).batch(now)))
    outcomes.append(streams.apply(readings.part(slice(0, 0)).batch(end_us)))
    assert streams.due_us() is None
    return outcomes


def by_series(outcomes: list[Outcome]) -> dict[int, list[tuple[int, bytes]]]:
    found: dict[int, list[tuple[int, bytes]]] = {}
    for outcome in outcomes:
        columns = (outcome.series.tolist(), outcome.time_us.tolist(), outcome.values)
        for series, time_us, values in zip(*columns, strict=True):
            found.setdefault(series, []).append((time_us, values.tobytes()))
    return found


@settings(max_examples=20)
@given(spec=sensor_specs(), seed=seeds, wait=st.sampled_from([1, 3, 8]))
def test_any_shuffle_within_the_wait_gives_the_ordered_stream(
    spec: ModelSpec, seed: int, wait: int
) -> None:
    rng = np.random.default_rng(seed)
    spec = with_holes_held(spec)
    model = native_model(spec, random_weights(spec, rng))
    readings = ordered(spec, rng)
    wait_us = round(wait * spec.sample_period_s * 1e6)
    delays = rng.integers(0, wait_us, len(readings))
    counters = Counters()
    streams = live_streams(model, wait_us=wait_us, counters=counters)
    end_us = int(readings.time_us.max()) + 3 * wait_us
    found = by_series(play(streams, readings, readings.time_us + delays, end_us))
    expected: dict[int, list[tuple[int, bytes]]] = {}
    for row, values in forecasts_of_rows(model, readings):
        place = (int(readings.time_us[row]), values)
        expected.setdefault(int(readings.series[row]), []).append(place)
    assert found == expected
    assert not counters.counts["streams", "late"]


@settings(max_examples=12)
@given(seed=seeds, cut=st.integers(0, 89))
def test_what_waits_is_in_the_snapshot(seed: int, cut: int) -> None:
    rng = np.random.default_rng(seed)
    spec = with_holes_held(SPEC)
    model = native_model(spec, random_weights(spec, rng))
    readings = ordered(spec, rng)
    wait_us = 180_000_000
    now_us = readings.time_us + rng.integers(0, wait_us, len(readings))
    order = np.argsort(now_us, kind="stable")
    streams, other = (live_streams(model, wait_us=wait_us) for _ in range(2))
    for count, row in enumerate(order):
        batch = readings.part(slice(row, row + 1)).batch(int(now_us[row]))
        outcome = streams.apply(batch)
        if count > cut:
            assert_same(outcome, other.apply(batch))
        if count == cut:
            other.restore(streams.snapshot())
            assert other.due_us() == streams.due_us()
    assert other.snapshot() == streams.snapshot()


def assert_same(one: Outcome, other: Outcome) -> None:
    assert (one.sequence, one.now_us) == (other.sequence, other.now_us)
    for name in ("series", "time_us", "readings", "values", "rows"):
        first, second = getattr(one, name), getattr(other, name)
        assert first.tobytes() == second.tobytes(), name
