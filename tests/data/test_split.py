"""Where the parts of a Dataset begin and end."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnedge.data.series import Dataset, Series
from rnnedge.data.split import SplitRule, split_dataset, split_notes, split_rows
from rnnedge.tasks.config import TrainConfig, config_to_toml, read_config
from rnnedge.tasks.forecast.preparing import prepare
from rnnedge_runtime.errors import DataError, SpecError

HOUR_US = 3_600_000_000
START_US = 1_672_531_200_000_000  # 2023-01-01


def on_grid(*spans: tuple[str, float, int], period_s: float = 3600.0) -> Dataset:
    """Series of a name, a first slot and a number of rows each; stretches share a name."""
    seen: dict[str, int] = {}
    series = []
    for name, first, length in spans:
        stretch = seen.get(name, 0)
        seen[name] = stretch + 1
        slots = (first + np.arange(length)) * period_s * 1e6
        series.append(
            Series(
                name,
                START_US + np.rint(slots).astype(np.int64),
                np.zeros((length, 1), np.float32),
                np.ones(length, np.bool_),
                stretch,
            )
        )
    return Dataset("plant", ("a",), ("",), ("a",), ("a",), tuple(series), period_s, ())


def without_time(dataset: Dataset) -> Dataset:
    series = (dataclasses.replace(one, time_us=None) for one in dataset.series)
    return dataclasses.replace(dataset, series=tuple(series), sample_period_s=None)


@given(
    st.integers(60, 3000),
    st.integers(1, 5),
    st.sampled_from([0.02, 1 / 60, 1.0, 7.3, 3600.0, 2_629_746.0]),
)
def test_one_series_is_split_by_its_rows(num_rows, horizon, period_s):
    dataset = on_grid(("a", 0, num_rows), period_s=period_s)
    expected = [split_rows(num_rows, horizon)]
    assert split_dataset(dataset, horizon).parts == expected
    assert split_dataset(without_time(dataset), horizon).parts == expected


spans = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(0, 500), st.integers(1, 200)),
    min_size=1,
    max_size=12,
)


@given(spans, st.integers(1, 6), st.sampled_from([1.0, 3600.0]))
def test_parts_follow_from_two_dates_of_the_covered_slots(drawn, horizon, period_s):
    dataset = on_grid(*drawn, period_s=period_s)
    try:
        split = split_dataset(dataset, horizon)
    except DataError:
        return
    covered = sorted(
        {slot for _, first, n in drawn for slot in range(first, first + n)}
    )
    slot_us = period_s * 1e6
    for start_us, share in zip(split.starts_us, (0.7, 0.8), strict=True):
        slot = round((start_us - START_US) / slot_us)
        assert slot == covered[int(len(covered) * share + 1e-9)]
    validation, test = split.starts_us
    for one, part in zip(dataset.series, split.parts, strict=True):
        times = one.time_us
        ahead = times + int(horizon * slot_us)
        ends_before = times[-1] < validation
        trained = (times < validation) & ((ahead < validation) | ends_before)
        in_series = np.arange(len(times)) < len(times) - horizon
        validated = (times >= validation) & (times < test) & (ahead < test) & in_series
        tested = (times >= test) & in_series
        for rows, mask in (
            (part.train, trained),
            (part.validation, validated),
            (part.test, tested),
        ):
            assert list(rows) == np.flatnonzero(mask).tolist()


def test_a_series_that_begins_after_the_test_part_does_is_tested_only():
    """Split by its own rows it taught the network what the others do in their test part."""
    dataset = on_grid(("a", 0, 1000), ("b", 850, 150))
    split = split_dataset(dataset, 24)
    assert split.parts[0] == split_dataset(on_grid(("a", 0, 1000)), 24).parts[0]
    assert split.parts[1].train == split.parts[1].validation == range(0)
    assert split.parts[1].test == range(150 - 24)
    notes = split_notes(dataset, split, SplitRule())
    assert "2023-01-30T04:00:00Z" in notes[0]
    assert "1 series without a row to train on" in notes[1]
    assert "'b'" in notes[1]
    assert "--split-by series" in notes[1]


def test_split_by_series_joins_the_stretches_of_one_device():
    dataset = on_grid(("a", 0, 60), ("a", 500, 40), ("b", 10_000, 100))
    parts = split_dataset(dataset, 2, SplitRule(by="series")).parts
    whole = split_rows(100, 2)
    assert parts[2] == whole
    assert parts[0].train == range(60)
    assert parts[1].validation == range(10, 18)
    assert parts[1].test == range(20, 38)


def test_dates_and_devices_can_be_named():
    dataset = on_grid(("a", 0, 100), ("b", 50, 100), ("c", 0, 30))
    at = (START_US + 70 * HOUR_US, START_US + 90 * HOUR_US)
    split = split_dataset(dataset, 3, SplitRule(at_us=at, held_out=("c",)))
    assert split.starts_us == at
    a, b, c = split.parts
    assert (a.train, a.validation, a.test) == (range(67), range(70, 87), range(90, 97))
    assert (b.train, b.validation, b.test) == (range(17), range(20, 37), range(40, 97))
    assert (c.train, c.validation, c.test) == (range(0), range(0), range(27))
    without = split_dataset(on_grid(("a", 0, 100), ("b", 50, 100)), 3)
    assert split_dataset(dataset, 3, SplitRule(held_out=("c",))).starts_us == (
        without.starts_us
    )


def test_shares_can_be_chosen():
    dataset = on_grid(("a", 0, 1000))
    parts = split_dataset(dataset, 1, TrainConfig(split=(0.5, 0.25, 0.25)).split_rule())
    assert parts.parts[0].validation.start == 500
    assert parts.parts[0].test.start == 750


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            SplitRule(held_out=("x",)),
            "no series 'x' to hold out, expected one of 'a', 'b'",
        ),
        (SplitRule(held_out=("a", "b")), "all of its 2 series are held out"),
        (
            SplitRule(at_us=(START_US, START_US + HOUR_US)),
            r"the train part, before 2023-01-01T00:00:00Z, .*other dates with --split-at",
        ),
        (
            SplitRule(at_us=(START_US + 50 * HOUR_US, START_US + 999 * HOUR_US)),
            "the test part, from 2023-02-11T15:00:00Z on, has no row",
        ),
    ],
)
def test_a_split_that_leaves_nothing_says_what_to_do(rule, message):
    with pytest.raises(DataError, match=message):
        split_dataset(on_grid(("a", 0, 100), ("b", 10, 100)), 2, rule)


def test_unlike_calendars_are_pointed_to_split_by_series():
    dataset = on_grid(*((name, 1000 * k, 10) for k, name in enumerate("abcdefghij")))
    with pytest.raises(DataError, match=r"validation part, .* --split-by series"):
        split_dataset(dataset, 10)
    with pytest.raises(DataError, match="needs a time column, and there is none"):
        split_dataset(
            without_time(dataset), 1, SplitRule(at_us=(START_US, START_US + 1))
        )


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"split": (0.7, 0.3)}, "split is 0.7 0.3, expected three shares"),
        ({"split": (0.7, 0.1, 0.3)}, "add up to 1"),
        ({"split": (0.9, 0.1, 0.0)}, "above 0"),
        ({"split_at": ("2024-01-01",)}, "start of the validation part, then"),
        (
            {"split_at": ("2024-02-01", "2024-01-01")},
            "the later start of the test part",
        ),
        ({"split_at": ("soon", "2024-01-01")}, "split_at holds 'soon'"),
        ({"split_by": "row"}, "expected one of date, series"),
        (
            {"split_at": ("2024-01-01", "2024-02-01"), "split_by": "series"},
            "Leave --split-at or --split-by out",
        ),
        (
            {"split_at": ("2024-01-01", "2024-02-01"), "split": (0.5, 0.2, 0.3)},
            "Leave --split-at or --split out",
        ),
    ],
)
def test_impossible_splits_are_refused(choices, message):
    with pytest.raises(SpecError, match=message):
        TrainConfig(**choices)


def test_dates_without_an_offset_are_on_the_clock_of_the_table():
    """They were taken as UTC where the table was in local time: parts of another day."""
    config = TrainConfig(split_at=("2024-03-31", "2024-07-01T02:00:00Z"))
    winter_us = 1_711_839_600_000_000  # 2024-03-30T23:00:00Z
    assert config.split_rule("Europe/Berlin").at_us == (
        winter_us,
        1_719_799_200_000_000,
    )
    assert config.split_rule().at_us == (
        winter_us + HOUR_US,
        1_719_799_200_000_000,
    )
    hours = on_grid(("a", 0, 100))
    at = ("2023-01-03T20:00", "2023-01-04T02:00")
    local = dataclasses.replace(hours, clock="+02:00")
    columns = np.sin(np.arange(100.0, dtype=np.float32))[:, None]
    series = (dataclasses.replace(hours.series[0], values=columns),)
    found = prepare(dataclasses.replace(local, series=series), TrainConfig(split_at=at))
    assert found.series[0].parts.validation.start == 66
    assert found.series[0].parts.test.start == 72


def test_the_split_survives_config_toml(tmp_path):
    config = TrainConfig(
        split_at=("2024-01-01", "2024-02-01T06:00:00+01:00"),
        hold_out_series=('plant/"7"', "ü"),
    )
    path = tmp_path / "config.toml"
    sections = {"train": dataclasses.asdict(config), "data": {"targets": ["a"]}}
    path.write_text(config_to_toml(sections), encoding="utf-8")
    assert read_config(path)[0] == config
    assert TrainConfig(hold_out_series="ü").hold_out_series == ("ü",)


def test_many_stretches_are_split_without_a_loop_over_their_rows():
    rng = np.random.default_rng(0)
    firsts = np.sort(rng.integers(0, 5_000_000, 5000))
    dataset = on_grid(*((str(k % 900), int(f), 1000) for k, f in enumerate(firsts)))
    started = time.process_time()
    split_dataset(dataset, 24)
    split_dataset(dataset, 24, SplitRule(by="series"))
    print(f"{time.process_time() - started:.2f} s")
