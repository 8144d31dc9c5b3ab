"""Slots of rows: the same row by row and in columns, and what the rule promises."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnedge_runtime.tables.time_grid import SlotClock, slot_steps

START_US = 1_357_020_000_000_000
PERIODS = (1e-4, 0.001, 1 / 60, 0.5, 60.0, 60.01, 3600.0, 2_629_746.0)


def one_by_one(time_us: np.ndarray, period_s: float) -> list[int]:
    """What a device does: a step for each row after the first."""
    clock = SlotClock(period_s, int(time_us[0]))
    steps = [0]
    for stamp in time_us[1:].tolist():
        after = clock.advance(stamp)
        steps.append(after.slot - clock.slot)
        clock = after
    return steps


def in_us(positions: np.ndarray, period_s: float) -> np.ndarray:
    return START_US + np.rint(positions * period_s * 1e6).astype(np.int64)


@st.composite
def rough_times(draw) -> tuple[np.ndarray, float]:
    """Rows with jitter, drift, repeats, holes and restarts at another phase."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    period_s = draw(st.sampled_from(PERIODS))
    number = draw(st.integers(2, 200))
    steps = np.full(number, draw(st.sampled_from((1.0, 1.0002, 0.98, 0.6, 1.5, 0.1))))
    steps += rng.normal(0, draw(st.sampled_from((0, 0, 0.02, 0.2, 0.6))), number)
    is_hole = rng.random(number) < draw(st.sampled_from((0.0, 0.1)))
    steps[is_hole] += rng.integers(1, 50, is_hole.sum())
    steps[rng.random(number) < draw(st.sampled_from((0.0, 0.1)))] += 0.5
    steps[rng.random(number) < draw(st.sampled_from((0.0, 0.1)))] = 0
    return in_us(np.cumsum(np.maximum(steps, 0)), period_s), period_s


@given(rough_times())
def test_columns_give_the_slots_of_a_device(drawn: tuple[np.ndarray, float]) -> None:
    time_us, period_s = drawn
    assert slot_steps(time_us, period_s).tolist() == one_by_one(time_us, period_s)


@given(
    st.sampled_from(PERIODS[1:]),
    st.lists(
        st.tuples(st.integers(1, 40), st.floats(-0.39, 0.39)), min_size=1, max_size=100
    ),
)
def test_steps_near_whole_periods_lose_and_invent_nothing(
    period_s: float, drawn: list[tuple[int, float]]
) -> None:
    steps = np.array(drawn)
    time_us = in_us(np.concatenate([[0], np.cumsum(steps.sum(axis=1))]), period_s)
    found = slot_steps(time_us, period_s)
    assert found[1:].tolist() == steps[:, 0].astype(int).tolist()


@given(st.floats(0.05, 0.55), st.sampled_from((0.001, 1.0, 600.0)))
def test_faster_rows_take_a_slot_per_period(share: float, period_s: float) -> None:
    """Their clock stays right, however many of them fall into a slot."""
    time_us = in_us(np.arange(1000) * share, period_s)
    slot = int(slot_steps(time_us, period_s).sum())
    assert abs(slot - 999 * share) <= 1


@given(st.floats(-0.5, 0.5), st.integers(1, 20), st.integers(2, 60))
def test_a_restart_at_another_phase_costs_a_slot_at_most(
    phase: float, hole: int, number: int
) -> None:
    rows = np.arange(number)
    positions = np.concatenate([rows, rows[-1] + hole + phase + rows])
    steps = slot_steps(in_us(np.maximum.accumulate(positions), 60.0), 60.0)
    assert (steps == 0).sum() <= 1 + (hole + phase < 0.4)
    assert np.all(steps[1:number] == 1)
    assert np.all(steps[number + 1 :] == 1)


@pytest.mark.parametrize("sigma", [0.03, 0.1])
def test_jitter_about_a_grid_loses_nothing(
    sigma: float, rng: np.random.Generator
) -> None:
    time_us = in_us(np.arange(5000) + rng.normal(0, sigma, 5000), 60.0)
    steps = slot_steps(time_us, 60.0)
    assert np.all(steps[1:] == 1)


def test_a_row_now_and_then_between_the_others_takes_no_slot_of_its_own(
    rng: np.random.Generator,
) -> None:
    minutes = np.concatenate([np.arange(2000) * 60, rng.integers(0, 120_000, 300)])
    time_us = START_US + np.sort(minutes) * 60_000_000
    slots = int(slot_steps(time_us, 3600.0).sum())
    assert abs(slots - 1999) <= 3


def test_long_columns_are_those_of_a_device_too(rng: np.random.Generator) -> None:
    time_us = in_us(np.cumsum(rng.choice([0.1, 1.0, 1.5, 1.9], 70_000)), 1.0)
    assert slot_steps(time_us, 1.0).tolist() == one_by_one(time_us, 1.0)


def test_times_between_rows_are_even_and_whole() -> None:
    clock = SlotClock(1.0, 10)
    assert clock.times_us(21, 3) == [13, 17, 21]
    assert clock.times_us(21, 1) == [21]
