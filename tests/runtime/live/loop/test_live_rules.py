"""What live streams refuse, drop, count and start anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.artifacts import native_model
from support.live_batches import START_US, live_streams
from support.strategies import random_weights, seeds

from rnnedge_runtime.errors import DataError, ShapeError
from rnnedge_runtime.live.loop.nouns import Batch, Counters, Outcome
from rnnedge_runtime.live.loop.streams import LiveStreams
from rnnedge_runtime.live.row_stream import RowStream
from rnnedge_runtime.spec.derived import DerivedInput
from rnnedge_runtime.spec.layers import Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.tables.rows.row import Row

MINUTE_US = 60_000_000
SPEC = ModelSpec(
    features=(Feature("a", clip=(-3.0, 3.0), range=(-9.0, 9.0)), Feature("b")),
    targets=(Target("a"),),
    layers=(Gru(4, 5), Linear(5, 1)),
    derived=(DerivedInput(86_400),),
    sample_period_s=60.0,
    max_gap_s=300.0,
)
NAN = float("nan")


def model_of(spec: ModelSpec = SPEC) -> Model:
    return native_model(spec, random_weights(spec, np.random.default_rng(0)))


def give(
    streams: LiveStreams,
    minute: float,
    values: tuple[float, ...] = (1.0, 2.0),
    *,
    series: int = 0,
    now: float | None = None,
) -> Outcome:
    """One reading at some minute, received then or at another."""
    time_us = START_US + round(minute * MINUTE_US)
    now_us = time_us if now is None else START_US + round(now * MINUTE_US)
    return streams.apply(
        Batch(
            now_us,
            np.array([series], dtype=np.int32),
            np.array([time_us], dtype=np.int64),
            np.array([values], dtype=np.float32),
        )
    )


def quiet(streams: LiveStreams, minute: float) -> Outcome:
    """A batch without readings."""
    width = streams._spec.num_features
    none = np.empty(0, dtype=np.int64)
    values = np.empty((0, width), np.float32)
    now_us = START_US + round(minute * MINUTE_US)
    return streams.apply(Batch(now_us, none.astype(np.int32), none, values))


def counted(streams: LiveStreams) -> dict[str, int]:
    return {
        what: number
        for (name, what), number in streams._counters.counts.items()
        if name == "streams" and what != "readings"
    }


@pytest.mark.parametrize("wait", [0, 2])
def test_a_late_reading_is_counted_and_changes_nothing(wait: int) -> None:
    streams = live_streams(model_of(), wait_us=wait * MINUTE_US)
    for minute in range(5):
        give(streams, minute)
    quiet(streams, 10)
    before = streams.snapshot()[60:-4]
    outcome = give(streams, 2.0, now=10)
    assert not len(outcome.series)
    assert streams.snapshot()[60:-4] == before
    assert counted(streams) == {"late": 1}


@pytest.mark.parametrize("wait", [0, 2])
def test_a_reading_from_the_future_never_drags_the_clock(wait: int) -> None:
    settings = {"wait_us": wait * MINUTE_US, "future_us": MINUTE_US}
    streams, other = live_streams(model_of(), **settings), live_streams(model_of())
    found, expected = [], []
    for minute in range(6):
        if minute == 3:
            for ahead in (1.1, 60, 60 * 24 * 365 * 50):
                assert not len(give(streams, minute + ahead, now=minute).series)
        found += give(streams, minute).values.tolist()
        expected += give(other, minute).values.tolist()
    found += quiet(streams, 8).values.tolist()
    assert found == expected
    assert counted(streams) == {"dropped: from the future": 3}


@pytest.mark.parametrize("time_us", [-(2**63), 2**63 - 1, -(10**17)])
def test_a_time_in_no_year_is_dropped(time_us: int) -> None:
    streams = live_streams(model_of(), future_us=2**62)
    batch = Batch(
        START_US,
        np.zeros(1, dtype=np.int32),
        np.array([time_us]),
        np.zeros((1, 2), dtype=np.float32),
    )
    assert not len(streams.apply(batch).series)
    assert sum(counted(streams).values()) == 1


def test_readings_are_counted_as_rows_are() -> None:
    streams = live_streams(model_of())
    values = [(1.0, 2.0), (5.0, NAN), (99.0, np.inf), (NAN, NAN), (-4.0, 0.0)]
    for minute, each in enumerate(values):
        give(streams, minute, each)
    assert counted(streams) == {
        "missing a": 1,
        "missing b": 3,
        "implausible a": 1,
        "clipped a": 2,
    }


def test_a_refused_reading_is_dropped_and_steps_nothing() -> None:
    features = (Feature("a", missing="reject", range=(-9.0, 9.0)), Feature("b"))
    streams = live_streams(model_of(replace(SPEC, features=features)))
    give(streams, 0)
    before = streams.snapshot()[60:-4]
    for minute, value in enumerate((NAN, np.inf, 20.0)):
        assert not len(give(streams, 1 + 0.01 * minute, (value, 1.0)).series)
    assert streams.snapshot()[60:-4] == before
    assert len(give(streams, 1.05, (1.0, NAN)).series) == 1
    assert counted(streams) == {
        "dropped: missing a": 2,
        "dropped: implausible a": 1,
        "missing b": 1,
    }


def test_a_hole_that_a_policy_of_reject_forbids_starts_a_new_stretch() -> None:
    features = (Feature("a", missing="reject"), Feature("b"))
    model = model_of(replace(SPEC, features=features))
    streams = live_streams(model)
    give(streams, 0, (3.0, 3.0))
    found = give(streams, 2)
    assert counted(streams) == {"new stretches": 1}
    assert found.values.tolist() == give(live_streams(model), 2).values.tolist()


@pytest.mark.parametrize(("on_gap", "max_gap_s"), [("reset", 120.0), ("step", None)])
def test_a_long_hole_starts_anew_or_is_stepped(on_gap: str, max_gap_s: float) -> None:
    model = model_of()
    streams = live_streams(model, on_gap=on_gap, max_gap_s=max_gap_s)
    give(streams, 0, (3.0, 3.0))
    found = give(streams, 7)
    fresh = give(live_streams(model), 7)
    assert (found.values.tolist() == fresh.values.tolist()) == (on_gap == "reset")
    what = {"new stretches": 1} if on_gap == "reset" else {"holes stepped": 6}
    assert counted(streams) == what


@pytest.mark.parametrize("max_gap_s", [0.0, 60.0, 90.0, NAN, -5.0])
def test_a_longest_hole_of_one_and_a_half_periods_or_less_is_refused(
    max_gap_s: float,
) -> None:
    with pytest.raises(DataError, match="above 90 s, or leave --max-gap out"):
        live_streams(model_of(), max_gap_s=max_gap_s)
    live_streams(model_of(), max_gap_s=90.001)


def test_a_model_without_a_period_has_no_longest_hole_and_steps_every_reading() -> None:
    model = model_of(replace(SPEC, sample_period_s=None, max_gap_s=None))
    with pytest.raises(DataError, match="no sampling period"):
        live_streams(model, max_gap_s=60.0)
    streams, rows = live_streams(model), RowStream(model)
    expected = []
    for number, minute in enumerate((0, 1, 1.001, 50, 10_000)):
        found = give(streams, minute)
        time_us = START_US + round(minute * MINUTE_US)
        row = Row(number, None, time_us, np.array([1, 2], dtype=np.float32))
        expected = rows.advance(row)
        assert found.values[0].tobytes() == expected.tobytes()
    assert len(give(streams, 10_000).series) == 1  # the time of its receipt
    assert not len(give(streams, 10_000, now=10_001).series)
    assert not len(give(streams, 9_000, now=10_001).series)
    assert counted(streams) == {"repeated": 1, "late": 1}


def test_a_warm_start_does_not_undo_itself() -> None:
    """The hole between history and the first live reading is stepped, however long."""
    model = model_of()
    history = np.arange(10) * MINUTE_US + START_US
    values = np.random.default_rng(0).normal(size=(10, 2)).astype(np.float32)
    primed, stepped = live_streams(model), live_streams(model, on_gap="step")
    order = np.random.default_rng(1).permutation(10)
    primed.prime(["0"] * 10, history[order], values[order])
    for minute in range(10):
        give(stepped, minute, tuple(values[minute]))
    restored = live_streams(model)
    restored.restore(primed.snapshot())
    expected = give(stepped, 100).values.tolist()
    for streams in (primed, restored):
        assert give(streams, 100).values.tolist() == expected
        assert counted(streams) == {"holes stepped": 90}
        give(streams, 200)
        assert counted(streams) == {"holes stepped": 90, "new stretches": 1}


def test_history_has_no_cap_against_now_and_is_counted_apart() -> None:
    counters = Counters()
    streams = live_streams(model_of(), future_us=0, counters=counters)
    times = START_US + MINUTE_US * np.array([0, 1, 9, 9])
    streams.prime(["x"] * 4, times, np.ones((4, 2), dtype=np.float32))
    assert streams.sequence == 0
    assert streams.names == ["0", "1", "2", "x"]
    assert dict(counters.counts) == {
        ("history", "new stretches"): 1,
        ("history", "repeated"): 1,
    }


def test_a_clock_set_back_makes_nothing_wait_longer() -> None:
    streams = live_streams(model_of(), wait_us=2 * MINUTE_US)
    give(streams, 0, now=100)
    give(streams, 1, now=50)
    assert streams.due_us() == START_US + 52 * MINUTE_US
    assert len(quiet(streams, 52).series) == 2


def test_parts_of_a_slot_are_joined_while_they_wait() -> None:
    streams = live_streams(model_of(), wait_us=MINUTE_US)
    whole = live_streams(model_of())
    give(whole, 0)
    give(whole, 1, (5.0, 6.0))
    expected = give(whole, 2, (7.0, 8.0)).values.tolist()
    give(streams, 0)
    assert len(quiet(streams, 1).series) == 1
    assert not len(give(streams, 1.1, (NAN, 6.0)).series)
    assert not len(give(streams, 1.1, (NAN, 9.0)).series)
    outcome = give(streams, 1.0, (5.0, NAN), now=1.2)
    assert outcome.readings.tolist() == [[5.0, 6.0]]
    assert outcome.rows.tolist() == [0]
    assert give(streams, 2, (7.0, 8.0)).values.tolist() == expected
    assert {"joined": 1, "repeated": 1}.items() <= counted(streams).items()


def test_a_reading_in_a_later_slot_waits_for_the_one_before() -> None:
    streams = live_streams(model_of(), wait_us=5 * MINUTE_US)
    give(streams, 0)
    quiet(streams, 5)
    assert not len(give(streams, 2).series)
    outcome = give(streams, 1, now=2.5)
    assert outcome.time_us.tolist() == [START_US + k * MINUTE_US for k in (1, 2)]
    assert outcome.rows.tolist() == [0, -1]


def test_columns_that_do_not_fit_change_nothing() -> None:
    streams = live_streams(model_of())
    give(streams, 0)
    before = streams.snapshot()
    for batch in (
        Batch(0, np.zeros(1, np.int32), np.zeros(2, np.int64), np.zeros((1, 2), "f4")),
        Batch(0, np.zeros(1, np.int32), np.zeros(1, np.int64), np.zeros((1, 3), "f4")),
        Batch(0, np.full(1, 3, np.int32), np.zeros(1, int), np.zeros((1, 2), "f4")),
        Batch(0, np.full(1, -1, np.int32), np.zeros(1, int), np.zeros((1, 2), "f4")),
    ):
        with pytest.raises(ShapeError):
            streams.apply(batch)
    assert streams.snapshot() == before


def test_readings_outside_the_limits_of_a_sensor_are_missing() -> None:
    limited = replace(
        SPEC, features=(replace(SPEC.features[0], range=(-2.0, 2.0)), Feature("b"))
    )
    streams, plain = live_streams(model_of(), limited=limited), live_streams(model_of())
    give(streams, 0), give(plain, 0)
    found, expected = give(streams, 1, (2.5, 1.0)), give(plain, 1, (NAN, 1.0))
    assert found.values.tolist() == expected.values.tolist()
    assert found.readings[0, 0] == 2.5
    assert counted(streams) == {"implausible a": 1}


@settings(max_examples=20)
@given(seed=seeds, cut=st.integers(0, 59))
def test_a_stuck_sensor_is_counted_from_the_same_reading_after_a_restart(
    seed: int, cut: int
) -> None:
    watched = replace(SPEC.features[0], longest_unchanged=3)
    model = model_of(replace(SPEC, features=(watched, Feature("b"))))
    rng = np.random.default_rng(seed)
    streams, rows = live_streams(model), RowStream(model)
    value = 0.0
    for minute in range(60):
        if rng.random() < 0.06:
            value = float(np.float32(rng.normal()))
        each = (NAN if rng.random() < 0.1 else value, 1.0)
        give(streams, minute, each)
        time_us = START_US + minute * MINUTE_US
        rows.advance(Row(minute, None, time_us, np.array(each, dtype=np.float32)))
        if minute == cut:
            counters = streams._counters
            blob = streams.snapshot()
            streams = live_streams(model, counters=counters)
            streams.restore(blob)
    expected = [
        number
        for what, (number, _) in rows.findings.counts.items()
        if "unchanged" in what
    ]
    assert counted(streams).get("stuck a", 0) == sum(expected)
