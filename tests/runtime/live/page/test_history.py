"""Rows of each series in bounded memory, against a dictionary of lists."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnedge_runtime.live.loop.nouns import Counters, Outcome
from rnnedge_runtime.live.page import feed as feeding
from rnnedge_runtime.live.page.feed import Feed
from rnnedge_runtime.live.page.history import History, Position
from rnnedge_runtime.live.sinks.newest import Newest


def drawn(rng: np.random.Generator, num_series: int, first: int) -> Outcome:
    size = int(rng.integers(0, 20))
    return Outcome(
        first,
        0,
        rng.integers(0, num_series, size).astype(np.int32),
        first + np.arange(size),
        rng.normal(size=(size, 3)).astype(np.float32),
        rng.normal(size=(size, 2)).astype(np.float32),
        np.arange(size, dtype=np.int32),
    )


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 30), st.integers(1, 7))
def test_a_reader_gets_every_row_once_in_order(
    seed: int, num_series: int, num_rows: int
) -> None:
    rng = np.random.default_rng(seed)
    history = History(3, 2, num_rows=num_rows, max_nbytes=0)
    assert history.max_series == 16
    expected: dict[int, list[tuple[int, bytes, bytes]]] = defaultdict(list)
    shown: dict[int, list[tuple[int, bytes, bytes]]] = {}
    position: dict[int, Position] = {}
    kept: set[int] = set()
    for first in range(0, 1000, 100):
        outcome = drawn(rng, num_series, first)
        history.take(outcome)
        new = sorted(set(outcome.series.tolist()) - kept)
        kept |= set(new[: 16 - len(kept)])
        for k, number in enumerate(outcome.series.tolist()):
            row = outcome.readings[k].tobytes(), outcome.values[k].tobytes()
            expected[number].append((int(outcome.time_us[k]), *row))
        for number in rng.integers(0, num_series, 3).tolist():
            past = history.since(position.get(number, Position(number)))
            if past is None:
                continue
            rows = [
                (int(time_us), reading.tobytes(), value.tobytes())
                for time_us, reading, value in zip(
                    past.time_us, past.readings, past.values, strict=True
                )
            ]
            before = [] if past.is_whole else shown[number]
            shown[number] = [*before, *rows]
            position[number] = past.end
            assert shown[number][-num_rows:] == expected[number][-num_rows:]
            assert history.since(past.end) is None
    assert set(shown) <= kept


def test_a_series_that_is_looked_at_takes_the_room_of_another() -> None:
    history = History(1, 1, num_rows=4, max_nbytes=0)
    size = history.max_series
    numbers = np.arange(size + 5, dtype=np.int32)
    rows = np.zeros((size + 5, 1), np.float32)
    outcome = Outcome(1, 0, numbers, numbers.astype(np.int64), rows, rows, numbers)
    history.take(outcome)
    last = size + 4
    assert history.since(Position(last)) is None
    for number in range(1, size):
        history.look_at(number)
    history.look_at(last)
    history.take(outcome)
    past = history.since(Position(last))
    assert past is not None
    assert past.time_us.tolist() == [last]
    assert history.since(Position(0)) is None
    assert history.since(Position(1)) is not None


def test_memory_is_bounded_and_taken_as_it_is_needed() -> None:
    history = History(5, 6)
    assert history.max_series * 240 * (8 + 4 * 11) <= 32_000_000
    assert history._values.nbytes == 0


def test_the_loop_never_waits_for_the_page() -> None:
    """A page that takes nothing in: the rest is counted and left out."""
    counters = Counters()
    feed = Feed(History(1, 1), Newest(1, 1), counters)
    size = feeding.MAX_WAITING_ROWS // 4
    numbers = np.zeros(size, np.int32)
    rows = np.zeros((size, 1), np.float32)
    outcome = Outcome(1, 0, numbers, np.zeros(size, np.int64), rows, rows, numbers)
    for _ in range(9):
        feed.observe(outcome)
    assert counters.counts["page", "dropped: no time"] == 4 * size
    feed.take_in()
    feed.observe(outcome)
    assert counters.counts["page", "dropped: no time"] == 4 * size
    assert feed.num_forecasts == 10 * size
