"""What is kept for sinks that are down: bounded, late, dropped once of no use."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from support.live_helpers import ListSink

from rnnedge_runtime.live.loop.nouns import Counters, Outcome
from rnnedge_runtime.live.loop.spool import Route, Spool

HOUR_US = 3_600_000_000


def outcome_of(sequence: int, *, size: int = 1, now_us: int = 0) -> Outcome:
    rng = np.random.default_rng(sequence)
    return Outcome(
        sequence,
        now_us,
        np.arange(size, dtype=np.int32),
        np.full(size, now_us, np.int64),
        rng.normal(size=(size, 2)).astype(np.float32),
        rng.normal(size=(size, 3)).astype(np.float32),
        np.arange(size, dtype=np.int32),
    )


def spool_of(*sinks: ListSink, limit: int = 10**6, **choices: object) -> Spool:
    told: list[str] = []
    spool = Spool(
        [Route(f"sink {k}", sink) for k, sink in enumerate(sinks)],
        counters=Counters(),
        tell=told.append,
        limit_nbytes=limit,
        **choices,  # type: ignore[arg-type]
    )
    spool.told = told  # type: ignore[attr-defined]
    return spool


@given(
    downs=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40),
    sizes=st.lists(st.integers(0, 3), min_size=40, max_size=40),
)
def test_every_sink_gets_everything_once_and_in_order(
    downs: list[tuple[bool, bool]], sizes: list[int]
) -> None:
    now = [False, False]
    sinks = [ListSink(is_down=lambda k=k: now[k]) for k in range(2)]  # type: ignore[misc]
    spool = spool_of(*sinks)
    expected = []
    for sequence, down in enumerate(downs, 1):
        now[:] = down
        outcome = outcome_of(sequence, size=sizes[sequence - 1])
        spool.offer(outcome)
        if sequence % 3 == 0:
            spool.push(0)
        if len(outcome.series):
            expected.append((sequence, outcome.values.tobytes()))
    now[:] = False, False
    while spool.is_behind:
        spool.push(0)
    for k, sink in enumerate(sinks):
        found = [(sent.sequence, sent.values.tobytes()) for sent in sink.outcomes]
        assert found == expected
        for sent in sink.outcomes:
            assert sent.is_late or not downs[sent.sequence - 1][k]
    assert spool.is_drained
    assert spool.nbytes == 0


def test_a_sink_that_is_down_is_said_once_and_so_is_its_return() -> None:
    is_down = True
    sink = ListSink(is_down=lambda: is_down)
    spool = spool_of(sink)
    for sequence in range(1, 6):
        spool.offer(outcome_of(sequence))
        spool.push(0)
    is_down = False
    spool.push(0)
    spool.offer(outcome_of(6))
    assert len(spool.told) == 2  # type: ignore[attr-defined]
    assert [sent.is_late for sent in sink.outcomes] == [True] * 5 + [False]


def test_the_oldest_go_where_there_is_no_room() -> None:
    is_down = True
    sink = ListSink(is_down=lambda: is_down)
    spool = spool_of(sink, limit=2000)
    for sequence in range(1, 101):
        spool.offer(outcome_of(sequence))
        assert spool.nbytes <= 2000
    is_down = False
    spool.push(0)
    kept = [sent.sequence for sent in sink.outcomes]
    assert kept == list(range(101 - len(kept), 101))
    assert 5 < len(kept) < 50
    dropped = spool._counters.counts["spool", "dropped: no room"]
    assert dropped == 100 - len(kept)
    assert sum("oldest are dropped" in line for line in spool.told) == 1  # type: ignore[attr-defined]


def test_a_forecast_is_dropped_once_its_own_time_has_passed() -> None:
    is_down = True
    sink = ListSink(is_down=lambda: is_down)
    spool = spool_of(sink, ahead_us=3 * HOUR_US)
    for sequence in range(1, 6):
        spool.offer(outcome_of(sequence, now_us=sequence * HOUR_US))
    is_down = False
    spool.push(5 * HOUR_US)
    assert [sent.sequence for sent in sink.outcomes] == [3, 4, 5]
    counts = spool._counters.counts
    assert counts["spool", "dropped: its time has passed"] == 2
    assert spool.is_drained


def test_readings_of_the_past_do_not_expire() -> None:
    """Their forecasts were over when they were made, so it was the past that was asked for."""
    is_down = True
    sink = ListSink(is_down=lambda: is_down)
    spool = spool_of(sink, ahead_us=HOUR_US)
    spool.offer(outcome_of(1, now_us=0))
    outcome = outcome_of(2, now_us=9 * HOUR_US)
    outcome.time_us[:] = 0
    spool.offer(outcome)
    is_down = False
    spool.push(10 * HOUR_US)
    assert [sent.sequence for sent in sink.outcomes] == [2]


def test_what_is_kept_outlives_the_process() -> None:
    spool = spool_of(ListSink(is_down=lambda: True))
    for sequence in range(1, 6):
        spool.offer(outcome_of(sequence, size=sequence))
    sink = ListSink()
    again = spool_of(sink)
    again.restore(spool.packed())
    again.arrived({"sink 0": 2}, otherwise=5)
    again.start_at(5)
    again.push(0)
    assert [sent.sequence for sent in sink.outcomes] == [3, 4, 5]
    assert all(sent.is_late for sent in sink.outcomes)
    for sent in sink.outcomes:
        assert (
            sent.values.tobytes()
            == outcome_of(sent.sequence, size=sent.sequence).values.tobytes()
        )
