"""Sensors that stick, against a loop written out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.strategies import seeds

from rnnedge_runtime.errors import StateError
from rnnedge_runtime.monitoring.stuck import (
    StuckSensor,
    StuckSensors,
    longest_runs,
    most_unchanged,
)
from rnnedge_runtime.spec.layers import Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target


def spec_of(*longest: int | None) -> ModelSpec:
    features = tuple(
        Feature(f"x{k}", longest_unchanged=n) for k, n in enumerate(longest)
    )
    return ModelSpec(features, (Target("y"),), (Linear(len(features), 1),))


def drawn_readings(rng: np.random.Generator, *shape: int) -> tuple[np.ndarray, ...]:
    """Readings that often stay the same, and which of them are known."""
    values = rng.integers(0, 2, shape).astype(np.float32)
    values *= rng.random(shape) < rng.choice([0.02, 0.5])
    known = rng.random(shape) < rng.choice([0.5, 1.0])
    values[~known] = np.nan
    return values, known


def runs_by_hand(values: np.ndarray, known: np.ndarray) -> list[int]:
    """How long the run is after every row of one series and feature."""
    found, last, run = [], None, 0
    for value, is_known in zip(values, known, strict=True):
        if is_known:
            run = run + 1 if value == last else 1
            last = value
        found.append(run)
    return found


@settings(max_examples=50)
@given(seed=seeds, count=st.integers(1, 5), size=st.integers(0, 60))
def test_runs_and_flags_are_those_of_a_loop(seed: int, count: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    spec = spec_of(None, 1, 7)
    values, known = drawn_readings(rng, size, count, 3)
    sensors = StuckSensors(spec, count)
    alone = [StuckSensor(spec) for _ in range(count)]
    for t in range(size):
        rows = rng.permutation(count) if rng.random() < 0.5 else None
        order = slice(None) if rows is None else rows
        flags = sensors.advance(values[t][order], known[t][order], rows)
        for j, row in enumerate(range(count) if rows is None else rows):
            single = alone[row].advance(values[t, row].tolist(), known[t, row].tolist())
            assert single == np.flatnonzero(flags[j]).tolist()
            for k in range(3):
                hand = runs_by_hand(values[: t + 1, row, k], known[: t + 1, row, k])
                limit = (np.inf, 10, 14)[k]
                assert sensors.runs[row, k] == hand[-1]
                assert flags[j, k] == (known[t, row, k] and hand[-1] > limit)
        if rng.random() < 0.2:
            other = StuckSensors(spec, count)
            other.set_state(**sensors.state())
            sensors = other


@settings(max_examples=50)
@given(seed=seeds, sizes=st.lists(st.integers(0, 40), min_size=1, max_size=3))
def test_the_longest_run_is_that_of_a_loop(seed: int, sizes: list[int]) -> None:
    rng = np.random.default_rng(seed)
    pairs = [drawn_readings(rng, size, 2) for size in sizes]
    found = longest_runs(*zip(*pairs, strict=True))
    for k in range(2):
        runs = [max(runs_by_hand(v[:, k], w[:, k]), default=0) for v, w in pairs]
        assert found[k] == max(runs)


def test_what_may_stay_unchanged() -> None:
    assert most_unchanged(Feature("x")) is None
    assert most_unchanged(Feature("x", longest_unchanged=1)) == 10
    assert most_unchanged(Feature("x", longest_unchanged=12)) == 24
    assert not StuckSensors(spec_of(None)).is_watched
    assert StuckSensors(spec_of(None, 1)).is_watched


def test_series_are_added_and_start_anew() -> None:
    sensors = StuckSensors(spec_of(1), 1)
    ones, known = np.ones((1, 1), np.float32), np.ones((1, 1), bool)
    for _ in range(11):
        flags = sensors.advance(ones, known)
    assert flags.all()
    sensors.add(2)
    assert sensors.runs.ravel().tolist() == [11, 0, 0]
    sensors.reset(np.array([0]))
    assert not sensors.advance(ones, known, np.array([0])).any()
    assert sensors.runs.ravel().tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("last", "runs"),
    [
        (np.zeros((1, 2), np.float32), np.ones((1, 1), np.int64)),
        (np.zeros((1, 2), np.float32), np.ones((1, 2), np.int64)),
        (np.zeros(1, np.float32), np.ones(1, np.int64)),
        (np.zeros((1, 1)), np.ones((1, 1), np.int64)),
        (np.zeros((1, 1), np.float32), np.ones((1, 1))),
        (np.full((1, 1), np.nan, np.float32), np.ones((1, 1), np.int64)),
        (np.zeros((1, 1), np.float32), np.full((1, 1), -1)),
        (np.zeros((1, 1), np.float32), np.zeros((1, 1), np.int64)),
    ],
)
def test_no_state_is_refused(last: np.ndarray, runs: np.ndarray) -> None:
    sensors = StuckSensors(spec_of(1), 1)
    with pytest.raises(StateError, match="no state of 1 features"):
        sensors.set_state(last, runs)
    assert not sensors.runs.any()
