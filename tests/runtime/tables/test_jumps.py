"""Times far ahead, small steps back, and rows that a saved state holds already."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.artifacts import reference_model
from support.strategies import random_weights

from rnnedge_runtime.errors import DataError
from rnnedge_runtime.live.findings import REPEATED_ROWS
from rnnedge_runtime.live.row_stream import RowStream
from rnnedge_runtime.spec.layers import Affine, Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.tables.rows.jumps import NUM_BELIEVED, Jumps, longest_jump_us
from rnnedge_runtime.tables.rows.row import KnownRows, Row

START_US = 1_357_020_000_000_000
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
YEAR = 8760


def rows_at(hours: list[float], series: str | None = None) -> list[Row]:
    values = np.zeros(1, np.float32)
    return [
        Row(k, "", START_US + round(hour * HOUR_US), values, series)
        for k, hour in enumerate(hours, 1)
    ]


def settled(
    rows: list[Row], *, now: float | None = None, last: float | None = None
) -> tuple[list[int], list[int]]:
    """Numbers of the rows that are believed, in order, and of the others."""
    refused: list[int] = []
    jumps = Jumps(
        longest_jump_us(3600.0, None),
        where="log.csv",
        now_us=None if now is None else lambda: START_US + round(now * HOUR_US),
        refuse=lambda fault, row: refused.append(row.number),
    )
    if last is not None:
        jumps.start("", START_US + round(last * HOUR_US))
    return [row.number for row in jumps.settled(rows)], refused


def test_a_time_far_ahead_drags_nothing_along() -> None:
    hours = [*range(20), YEAR, *range(20, 30), 2 * YEAR, 2 * YEAR + 1, *range(30, 40)]
    good, refused = settled(rows_at(hours))
    assert refused == [21, 32, 33]
    assert good == [k for k in range(1, len(hours) + 1) if k not in refused]


def test_the_first_row_may_be_far_ahead() -> None:
    good, refused = settled(rows_at([YEAR, *range(1, 20)]))
    assert (good, refused) == (list(range(2, 21)), [1])


def test_a_long_hole_loses_no_row() -> None:
    for hours in (
        [*range(20), *range(YEAR, YEAR + 20)],
        [*range(3), *range(100, 120)],
        [*range(20), *range(100, 105), *range(200, 220)],
        [*range(20), *range(100, 103)],
    ):
        assert settled(rows_at(hours)) == (list(range(1, len(hours) + 1)), [])


def test_a_last_row_far_ahead_is_not_believed() -> None:
    assert settled(rows_at([*range(20), YEAR]))[1] == [21]


def test_simulated_readings_of_the_future_are_fine_where_they_start_there() -> None:
    hours = [100 * YEAR + k for k in range(20)]
    for now in (None, 0.0):
        assert settled(rows_at(hours), now=now) == (list(range(1, 21)), [])


def test_a_live_row_of_about_now_is_believed_at_once() -> None:
    """After a stop of a year the next row is not waited for."""
    (row,) = rows_at([YEAR])
    assert settled([row], now=YEAR + 0.1, last=0) == ([1], [])
    assert settled([row], now=0, last=0) == ([], [1])
    assert settled(rows_at([0]), now=YEAR) == ([1], [])


def test_the_longest_step_is_that_of_the_option() -> None:
    assert longest_jump_us(3600.0, None) == DAY_US
    assert longest_jump_us(86_400.0, None) == 24 * DAY_US
    assert longest_jump_us(0.02, None) == DAY_US
    assert longest_jump_us(3600.0, "6h") == 6 * HOUR_US
    assert longest_jump_us(3600.0, "off") is None
    assert longest_jump_us(None, None) is None
    with pytest.raises(DataError, match="--max-jump"):
        longest_jump_us(3600.0, "far")


@given(st.data())
def test_series_keep_the_order_of_the_table(data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=60))
    hours = dict.fromkeys("abc", 0)
    rows = []
    for number, name in enumerate(names, 1):
        hours[name] += data.draw(st.sampled_from((1, 1, 1, 3)))
        (row,) = rows_at([hours[name]], name)
        rows.append(Row(number, "", row.time_us, row.readings, name))
    assert settled(rows) == (list(range(1, len(rows) + 1)), [])


@given(
    st.sets(st.integers(1, 198), max_size=20),
    st.floats(24.5, 100 * YEAR),
    st.booleans(),
)
def test_rows_drawn_far_ahead(bad: set[int], ahead: float, is_alike: bool) -> None:
    """Up to nine in a row, each at its own time or all at one, are told."""
    longest = max(
        (k for k in range(1, 21) if any({*range(s, s + k)} <= bad for s in bad)),
        default=0,
    )
    if longest >= NUM_BELIEVED:
        return
    hours = [
        (ahead + (0 if is_alike else k) + 200 if k in bad else float(k))
        for k in range(200)
    ]
    good, refused = settled(rows_at(hours))
    assert refused == [k + 1 for k in sorted(bad)]
    assert len(good) == 200 - len(bad)


def test_a_small_step_back_is_a_repeat() -> None:
    spec = ModelSpec(
        features=(Feature("a"),),
        targets=(Target("a"),),
        layers=(Affine(1), Gru(1, 3), Linear(3, 1)),
        sample_period_s=3600.0,
    )
    model = reference_model(spec, random_weights(spec, np.random.default_rng(0)))
    stream = RowStream(model)
    first, second, back, older = rows_at([0, 1, 0.7, 0.55])
    stream.advance(first)
    forecast = stream.advance(second)
    before = stream.snapshot()
    assert np.array_equal(stream.advance(back), forecast)
    assert stream.findings.counts[REPEATED_ROWS] == (1, 3)
    with pytest.raises(DataError, match="time goes backwards in row 4") as error:
        stream.advance(older)
    assert error.value.reason == "time goes backwards"
    assert stream.snapshot() == before


def test_rows_of_a_saved_state_are_passed_over() -> None:
    rows = rows_at([0, 1, 2, 2, 3, 1])
    for is_at_hand, expected in ((True, [5, 6]), (False, [3, 4, 5, 6])):
        known = KnownRows({"": START_US + 2 * HOUR_US}, is_at_hand=is_at_hand)
        assert [row.number for row in known.new_rows(rows)] == expected
        assert known.count == len(rows) - len(expected)
