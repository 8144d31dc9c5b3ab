"""What the verdict may say, and what it must not."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables.small_data import waves

from rnnedge.evaluation.cutting import count_cut, cut_lines
from rnnedge.evaluation.scores.bootstrap import (
    block_length,
    mean_intervals,
    number_blocks,
)
from rnnedge.evaluation.scores.comparing import compare
from rnnedge.evaluation.scores.report_json import report_content, verdict
from rnnedge.evaluation.scores.scoring import evaluate
from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.forecast.preparing import prepare
from rnnedge.tasks.forecast.verdict import (
    cut_sentences,
    ranges,
    sentence,
    step_sentence,
)
from rnnedge.tasks.scores import Interval, Score
from rnnedge_runtime import tolerances
from rnnedge_runtime.spec.model_spec import Output

CONFIG = TrainConfig(horizon=4, derived="none")


def red_noise(rng: np.random.Generator, length: int, carried: float) -> np.ndarray:
    noise = np.zeros(length)
    for k, fresh in enumerate(rng.normal(size=length)):
        noise[k] = carried * noise[k - 1] + fresh
    return noise


@pytest.mark.parametrize(("length", "carried"), [(96, 0.8), (500, 0.9), (2000, 0.9)])
def test_of_two_equal_forecasts_none_wins_more_often_than_promised(
    length, carried, rng
):
    wins = 0
    slots = np.arange(length)
    blocks = number_blocks([slots], block_length(length, 6, 24), is_common=True)
    for _ in range(100):
        difference = red_noise(rng, length + 50, carried)[50:]
        interval = mean_intervals(difference[:, None], blocks)[0]
        wins += not interval.low <= 0 <= interval.high
    assert wins <= tolerances.FALSE_VERDICTS * 100


def test_a_real_difference_is_found(rng):
    blocks = number_blocks([np.arange(2000)], block_length(2000, 6, 24), is_common=True)
    difference = red_noise(rng, 2000, 0.8)[:, None] - 1
    interval = mean_intervals(difference, blocks)[0]
    assert interval.high < 0
    assert interval.low < difference.mean() < interval.high


@given(st.integers(1, 400), st.integers(1, 60), st.integers(1, 5), st.booleans())
def test_blocks_hold_neighbours_of_all_series_at_once(length, size, num_series, common):
    slots = [np.arange(k, k + length) for k in range(num_series)]
    blocks = number_blocks(slots, size, is_common=common)
    assert sorted(set(blocks.tolist())) == list(range(blocks.max() + 1))
    rows = np.split(blocks, num_series)
    for one, mine in zip(slots, rows, strict=True):
        np.testing.assert_array_equal(mine - mine[0], (one // size) - (one[0] // size))
    if not common:
        assert sum(len(set(mine.tolist())) for mine in rows) == blocks.max() + 1


def test_one_block_tells_nothing():
    interval = mean_intervals(np.ones((5, 2)), np.zeros(5, np.int64))[0]
    assert (interval.low, interval.high) == (-math.inf, math.inf)
    assert mean_intervals(np.full((5, 1), np.nan), np.zeros(5, np.int64)) == [None]
    text = sentence(
        Output("a", 1, None, "C"),
        "1 h",
        compare(score(1.0), score(2.0), "persistence", interval),
        label="persistence",
    )
    assert "as good as the best baseline" in text
    assert "too short to tell" in text


def score(mae: float) -> Score:
    return Score(mae=mae, rmse=mae, mase=None, skill_percent=None, count=9)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (
            -0.3,
            -0.1,
            "error of 0.800 C is 20 % below the best baseline (ridge AR, 1.00 C",
        ),
        (-0.3, 0.1, "as good as the best baseline (0.800 C against ridge AR, 1.00 C)"),
        (
            0.1,
            0.3,
            "LOSES to ridge AR (0.800 C against 1.00 C; 95 % interval 10 to 30 %",
        ),
    ],
)
def test_words_follow_the_interval(low, high, expected):
    found = compare(score(0.8), score(1.0), "ridge_ar", Interval(low, high, 20))
    output = Output("temp", 6, None, "C")
    assert expected in sentence(output, "6 h", found, label="ridge AR")


@given(st.sets(st.integers(1, 60)))
def test_ranges_name_every_step_once(steps):
    text = ranges(sorted(steps))
    found = []
    for piece in text.split(", ") if text else []:
        first, _, last = piece.partition("-")
        found += range(int(first), int(last or first) + 1)
    assert found == sorted(steps)


def test_steps_won_equal_and_lost_over_the_whole_horizon():
    outcomes = dict.fromkeys(range(1, 25), "better")
    outcomes |= dict.fromkeys((6, 7), "equal") | dict.fromkeys(range(8, 15), "worse")
    assert step_sentence("temp_c", outcomes) == (
        "temp_c: better than the best baseline at 15 of 24 steps (1-5, 15-24), as good at 2 "
        "(6-7), worse at 7 (8-14)."
    )
    assert step_sentence("a", dict.fromkeys(range(1, 4), "equal")) == (
        "a: as good as the best baseline at 3 of 3 steps (1-3)."
    )


def test_a_network_that_is_a_baseline_is_as_good_as_it():
    prepared = prepare(waves(600), CONFIG)
    first = evaluate(prepared, lambda s: np.zeros_like(s.y))
    best = {found.baseline for found in first.comparisons}
    assert len(best) == 1
    series = prepared.series[0]
    same = np.zeros_like(series.y)
    same[series.parts.test.start : series.parts.test.stop] = first.forecasts[
        best.pop()
    ][0]
    lines = verdict(prepared, evaluate(prepared, lambda s: same))
    assert all("as good as the best baseline" in line for line in lines)


def test_readings_that_are_cut_are_counted_and_said():
    """A growing level was cut to the range of the training part; the advice was to train
    longer."""
    dataset = waves(600)
    values = dataset.series[0].values.copy()
    values[480:580, 1] = 100
    values[590, 1] = np.nan
    series = dataclasses.replace(dataset.series[0], values=values)
    dataset = dataclasses.replace(dataset, series=(series,))
    prepared = prepare(dataset, CONFIG)
    cut = count_cut(dataset, prepared)
    assert cut["test"]["b"] == {"readings": 115, "clipped": 100, "implausible": 0}
    assert cut["test"]["a"]["clipped"] == cut["validation"]["b"]["clipped"] == 0
    assert cut_lines(cut) == [
        "Readings seen at the bounds of their clip range: b 100 of 115 (test)."
    ]
    evaluation = evaluate(prepared, lambda s: np.full_like(s.y, 1e3))
    content = report_content(prepared, evaluation, cut)
    assert content["parts"]["test"]["clipped"] == cut["test"]
    assert (
        "b: 87.0% of its test readings lie outside its clip of"
        in content["verdict"][-1]
    )
    assert "--clip" in content["verdict"][-1]
    assert not any("train longer" in line for line in content["verdict"])
    assert any("train longer" in line for line in verdict(prepared, evaluation))


@pytest.mark.parametrize("drift", [None, False])
def test_a_target_beyond_its_range_is_followed_by_its_changes(drift):
    """The advice was to set the clip of a level that the network follows by itself."""
    prepared = prepare(waves(600), dataclasses.replace(CONFIG, drift=drift))
    cut = {"a": {"readings": 100, "clipped": 50, "implausible": 0}}
    (line,) = cut_sentences(prepared.spec, cut)
    assert line.startswith("a: 50.0% of its test readings lie outside ")
    assert ("goes by the changes of the readings" in line) == (drift is None)
    assert ("--clip a=LO:HI" in line) == (drift is False)
    cut["a"] = {"readings": 100, "clipped": 0, "implausible": 2}
    (line,) = cut_sentences(prepared.spec, cut)
    assert "they were taken for missing" in line
    assert "--range a=LO:HI" in line


def test_implausible_readings_are_not_clipped_as_well():
    dataset = waves(600)
    prepared = prepare(dataset, CONFIG)
    features = (
        prepared.spec.features[0],
        dataclasses.replace(prepared.spec.features[1], range=(-1.0, 1.0)),
    )
    spec = dataclasses.replace(prepared.spec, features=features)
    prepared = dataclasses.replace(prepared, spec=spec)
    cut = count_cut(dataset, prepared)["test"]["b"]
    values = dataset.series[0].values[480:596, 1]
    assert cut["implausible"] == int((np.abs(values) > 1).sum()) > 0
    assert cut["clipped"] == 0


def test_series_are_scored_one_by_one():
    dataset = waves(num_series=3, lengths=(400, 400, 300))
    stretch = dataclasses.replace(dataset.series[1], name="s0", stretch=1)
    dataset = dataclasses.replace(
        dataset, series=(dataset.series[0], stretch, dataset.series[2])
    )
    prepared = prepare(dataset, CONFIG)
    evaluation = evaluate(prepared, lambda s: np.zeros_like(s.y))
    content = report_content(prepared, evaluation)["parts"]["test"]
    assert list(content["series"]) == ["s0", "s2"]
    rows = slice(320, 396)
    truth = np.concatenate([s.y[rows, 3] for s in prepared.series[:2]])
    found = content["series"]["s0"]["network"]["a"]["4"]
    assert found["mae"] == pytest.approx(float(np.nanmean(np.abs(truth))))
    assert found["count"] == np.isfinite(truth).sum()
    assert content["series"]["s2"]["network"]["a"] == {}
