"""Rows into slots and stretches; their order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnedge.data.tables.grid.timeline import SeriesRows, place, row_list, time_order
from rnnedge_runtime.errors import DataError
from rnnedge_runtime.tables.time_grid import SlotClock

SECOND = 1_000_000


def rows(time_us: np.ndarray | list[int]) -> SeriesRows:
    time_us = np.asarray(time_us, dtype=np.int64)
    return SeriesRows("a.csv", np.arange(1, len(time_us) + 1), time_us)


@given(
    st.lists(st.sampled_from((0, 10, 95, 100, 104, 150, 300, 2500)), max_size=60),
    st.sampled_from((None, 10.0)),
)
def test_slots_and_their_times_are_those_of_a_device(
    steps: list[int], max_gap_s: float | None
) -> None:
    """Stretch by stretch, holes included; a slot of hundredths of a second."""
    time_us = np.cumsum([7, *steps]) * 10_000
    spot = place(rows(time_us), 1.0, max_gap_s)
    times, kept, starts = [int(time_us[0])], [0], [0]
    clock = SlotClock(1.0, times[0])
    for k, stamp in enumerate(time_us[1:].tolist(), 1):
        if max_gap_s is not None and stamp - clock.time_us > max_gap_s * 1e6:
            clock = SlotClock(1.0, stamp)
            starts.append(len(times))
            times.append(stamp)
            kept.append(k)
            continue
        after = clock.advance(stamp)
        if number := after.slot - clock.slot:
            times += clock.times_us(stamp, number)
            kept.append(k)
        clock = after
    assert spot.time_us.tolist() == times
    assert spot.kept.tolist() == kept
    assert spot.starts.tolist() == starts
    assert spot.time_us[spot.slots].tolist() == time_us[kept].tolist()


def test_a_drifting_clock_loses_no_slot() -> None:
    """A clock that is slow by 1 in 100 against the usual period is followed."""
    usual = np.arange(300) * 60 * SECOND
    slow = 299 * 60 * SECOND + np.arange(1, 201) * 60_600_000
    spot = place(rows(np.concatenate([usual, slow])), 60.0)
    assert np.array_equal(spot.slots, np.arange(500))


def test_what_was_mended_is_said() -> None:
    seconds = [0, 60, 120, 120, 180, 250, 370, 5000, 5060, 99_000]
    spot = place(rows(np.array(seconds) * SECOND), 60.0, 3600.0)
    assert spot.notes == (
        "a.csv: 1 row off the period of 1 min, by the time since the row before, in the "
        "nearest slot (row 6).",
        "a.csv: 1 row left out, their time slot was already taken (row 4).",
        "a.csv: 1 missing row put in after row 6.",
        "a.csv: 10 rows in 3 stretches, each from the initial state; 2 holes longer than "
        "1 h (the longest 1.087 d) between them, before rows 8, 10 (--max-gap).",
    )


def test_thousands_of_stretches_invent_nothing() -> None:
    time_us = np.arange(20_000) * 20_000 + np.arange(20_000) // 4 * 3_700 * SECOND
    spot = place(rows(time_us), 0.02, 3600.0)
    assert len(spot.starts) == 5000
    assert np.array_equal(spot.slots, np.arange(20_000))


def test_a_jump_without_a_longest_gap_is_refused() -> None:
    with pytest.raises(
        DataError, match="1,999,991 slots of 1 s are missing before row 10"
    ):
        place(rows([*np.arange(9) * SECOND, 2_000_000 * SECOND]), 1.0)


def test_rows_newest_first_are_turned_round() -> None:
    order, (note,) = time_order(rows([30, 20, 10]), sort=False)
    assert order is not None
    assert order.tolist() == [2, 1, 0]
    assert note == "a.csv: the newest row came first; the rows were turned round."
    assert time_order(rows([10, 20, 20]), sort=False) == (None, ())


def test_rows_out_of_order_are_sorted_when_asked() -> None:
    series = rows([10, 30, 20, 20, 40])
    with pytest.raises(DataError, match=r"backwards in row 3, .*with --sort;"):
        time_order(series, sort=False)
    order, (note,) = time_order(series, sort=True)
    assert order is not None
    assert order.tolist() == [0, 2, 3, 1, 4]
    assert "1 row came after a newer one (row 3)" in note


def test_long_lists_of_rows_are_cut() -> None:
    assert row_list(np.arange(1, 2)) == "row 1"
    assert row_list(np.arange(1, 6)) == "rows 1, 2, 3, 4, 5"
    assert row_list(np.arange(1, 1007)) == "rows 1, 2, 3, 4, 5 and 1,001 more"
