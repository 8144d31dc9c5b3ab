"""The contract every backend must keep, in one function.

Running a sequence at once and running it step by step give the same numbers; the state is
all there is between two steps. The numbers of the properties are those of the list in
`verify_stream_contract`.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from support.artifacts import times_of
from support.strategies import random_readings

from rnnedge_runtime.errors import RnnEdgeError, ShapeError, SpecError, StateError
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.streams.stream import Stream
from rnnedge_runtime.tolerances import parity_limit

MakeStream = Callable[[], Stream]


@dataclass(frozen=True)
class Probe:
    """One stream of readings and what is known of it.

    Attributes:
        judged: `[T, O]` outputs of the float64 reference.
        limit: largest difference between two ways to compute the same step; 0 for bits.
    """

    make_stream: MakeStream
    spec: ModelSpec
    rng: np.random.Generator
    readings: np.ndarray
    judged: np.ndarray
    limit: float

    def times(self, first: int, last: int) -> np.ndarray | None:
        times = times_of(self.spec, len(self.readings))
        return None if times is None else times[first:last]

    def run(self, stream: Stream, first: int, last: int) -> np.ndarray:
        return stream.run(self.readings[first:last], self.times(first, last))

    def step(self, stream: Stream, t: int) -> np.ndarray:
        times = self.times(t, t + 1)
        return stream.step(
            self.readings[t], time=None if times is None else int(times[0])
        )

    def garbage(self, size: int) -> np.ndarray:
        return 100 * random_readings(self.spec, self.rng, size)

    def assert_same(self, found: np.ndarray, expected: np.ndarray) -> None:
        assert found.shape == expected.shape
        assert np.abs(found - expected).max(initial=0.0) <= self.limit


def verify_stream_contract(
    make_stream: MakeStream,
    spec: ModelSpec,
    rng: np.random.Generator,
    *,
    make_judge: MakeStream,
    readings: np.ndarray | None = None,
    is_bitwise: bool = False,
    float32_error: float = 0.0,
) -> None:
    """Assert properties 1 to 9 and 11 of a backend's streams.

    1 run equals repeated step; 2 chunks of any length; 3 a snapshot carries everything,
    and a state by name all but the steps;
    4 streams are independent, alone and in a fleet; 5 causality; 6 reset equals fresh;
    7 a failed call leaves the state; 8 so does a forecast; 9 parity with the judge;
    11 the same bytes twice, in any thread.

    Args:
        make_stream: a new stream of the backend under test.
        make_judge: a new stream of the float64 reference.
        readings: `[T, F]`; drawn when not given.
        is_bitwise: whether the backend promises the same bits for run and step.
        float32_error: PyTorch's own error on `readings` (`tolerances.parity_limit`).
    """
    if readings is None:
        readings = random_readings(spec, rng, int(rng.integers(8, 20)))
    judged = make_judge().run(readings, times_of(spec, len(readings)))
    parity = parity_limit(judged, float32_error)
    limit = 0.0 if is_bitwise else parity
    probe = Probe(make_stream, spec, rng, readings, judged, limit)
    for verify in (
        run_equals_repeated_step,
        chunks_of_any_length,
        snapshot_carries_everything,
        state_by_name_carries_what_it_names,
        streams_are_independent,
        outputs_are_causal,
        reset_equals_fresh,
        failed_call_leaves_the_state,
        forecast_leaves_the_state,
        same_bytes_twice_in_any_thread,
    ):
        verify(probe)
    found = probe.run(make_stream(), 0, len(readings))
    assert np.abs(found - judged).max(initial=0.0) <= parity


def run_equals_repeated_step(probe: Probe) -> None:
    size = len(probe.readings)
    at_once, by_step = probe.make_stream(), probe.make_stream()
    expected = probe.run(at_once, 0, size)
    found = np.array([probe.step(by_step, t) for t in range(size)])
    probe.assert_same(found, expected)
    assert at_once.num_steps == by_step.num_steps == size


def chunks_of_any_length(probe: Probe) -> None:
    size = len(probe.readings)
    cuts = [0, *sorted(probe.rng.integers(0, size + 1, 4)), size]
    stream = probe.make_stream()
    chunks = [probe.run(stream, *cut) for cut in itertools.pairwise(cuts)]
    probe.assert_same(np.concatenate(chunks), probe.run(probe.make_stream(), 0, size))
    primed = probe.make_stream()
    for first, last in itertools.pairwise(cuts[:-1]):
        primed.prime(probe.readings[first:last], probe.times(first, last))
    probe.assert_same(probe.run(primed, cuts[-2], size), chunks[-1])


def snapshot_carries_everything(probe: Probe) -> None:
    size = len(probe.readings)
    cut = int(probe.rng.integers(0, size))
    stream, other = probe.make_stream(), probe.make_stream()
    probe.run(stream, 0, cut)
    other.run(probe.garbage(3), probe.times(0, 3))
    blob = stream.snapshot()
    other.restore(blob)
    assert other.snapshot() == blob
    assert other.num_steps == cut
    np.testing.assert_array_equal(
        probe.run(other, cut, size), probe.run(stream, cut, size)
    )
    assert other.snapshot() == stream.snapshot()


def state_by_name_carries_what_it_names(probe: Probe) -> None:
    size = len(probe.readings)
    cut = int(probe.rng.integers(0, size))
    stream, other = probe.make_stream(), probe.make_stream()
    probe.run(stream, 0, cut)
    other.run(probe.garbage(cut), probe.times(0, cut))
    blob = stream.snapshot()
    for each in (stream, other):
        each.set_state(stream.state())
        assert each.snapshot() == blob
    np.testing.assert_array_equal(
        probe.run(other, cut, size), probe.run(stream, cut, size)
    )


def streams_are_independent(probe: Probe) -> None:
    size = len(probe.readings)
    alone, beside, garbage = (probe.make_stream() for _ in range(3))
    noise = probe.garbage(size)
    fleet = probe.make_stream().model.streams(3)
    times = times_of(probe.spec, size)
    for t in range(size):
        expected = probe.step(alone, t)
        time = None if times is None else int(times[t])
        garbage.step(noise[t], time=time)
        np.testing.assert_array_equal(probe.step(beside, t), expected)
        rows = np.stack([noise[t], probe.readings[t], noise[-t]])
        probe.assert_same(fleet.step(rows, time=time)[1], expected)


def outputs_are_causal(probe: Probe) -> None:
    size = len(probe.readings)
    cut = int(probe.rng.integers(0, size))
    expected = probe.run(probe.make_stream(), 0, size)
    changed = probe.readings.copy()
    changed[cut + 1 :] = probe.garbage(size - cut - 1)
    found = probe.make_stream().run(changed, probe.times(0, size))
    np.testing.assert_array_equal(found[: cut + 1], expected[: cut + 1])


def reset_equals_fresh(probe: Probe) -> None:
    size = len(probe.readings)
    used, fresh = probe.make_stream(), probe.make_stream()
    initial = fresh.snapshot()
    used.run(probe.garbage(5), probe.times(0, 5))
    assert used.snapshot() != initial
    used.reset()
    assert used.snapshot() == initial
    np.testing.assert_array_equal(probe.run(used, 0, size), probe.run(fresh, 0, size))


def failed_call_leaves_the_state(probe: Probe) -> None:
    stream = probe.make_stream()
    good, spec = probe.readings[0], probe.spec
    time = None if probe.times(0, 1) is None else int(probe.times(0, 1)[0])
    probe.step(stream, 0)
    before = stream.snapshot()
    rejected = [
        np.where(np.arange(spec.num_features) == k, np.nan, np.zeros_like(good))
        for k, feature in enumerate(spec.features)
        if feature.missing == "reject"
    ]
    calls: list[Callable[[], object]] = [
        lambda: stream.step(np.append(good, 0), time=time),
        lambda: stream.step("warm", time=time),
        lambda: stream.step(good, time=time, out=np.empty(spec.output_size + 1)),
        lambda: stream.run(good, time),
        lambda: stream.restore(before[:-1]),
        lambda: stream.restore(bytes(len(before))),
        *[lambda x=x: stream.step(x, time=time) for x in rejected],
        *[lambda x=x: stream.run([good, x], [time] * 2) for x in rejected],
    ]
    if spec.derived:
        calls += [lambda: stream.step(good), lambda: stream.run([good], [0.5])]
    for call in calls:
        with pytest.raises(RnnEdgeError):
            call()
        assert stream.snapshot() == before


def forecast_leaves_the_state(probe: Probe) -> None:
    spec, stream = probe.spec, probe.make_stream()
    with pytest.raises(StateError, match="Step at least one reading"):
        stream.forecast(1)
    y = probe.step(stream, 0)
    before = stream.snapshot()
    shape = (len(spec.targets), spec.horizon, max(1, len(spec.quantiles)))
    near = stream.forecast(spec.horizon).reshape(spec.horizon, -1)
    expected = y.reshape(shape).transpose(1, 0, 2).reshape(spec.horizon, -1)
    np.testing.assert_array_equal(near, expected)
    can_feed_back = set(spec.feature_names) <= set(spec.target_names)
    if can_feed_back and (not spec.quantiles or 0.5 in spec.quantiles):
        assert len(stream.forecast(spec.horizon + 3)) == spec.horizon + 3
    else:
        with pytest.raises(SpecError):
            stream.forecast(spec.horizon + 3)
    with pytest.raises(ShapeError):
        stream.forecast(0)
    assert stream.snapshot() == before


def same_bytes_twice_in_any_thread(probe: Probe) -> None:
    size = len(probe.readings)
    runs = [probe.run(probe.make_stream(), 0, size)]
    thread = threading.Thread(
        target=lambda: runs.append(probe.run(probe.make_stream(), 0, size))
    )
    thread.start()
    thread.join()
    assert len(runs) == 2
    assert runs[0].tobytes() == runs[1].tobytes()
