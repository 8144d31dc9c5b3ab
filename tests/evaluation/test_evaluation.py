import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tables.small_data import waves

from rnnedge.evaluation.scores.report_json import report_content, verdict
from rnnedge.evaluation.scores.score_tables import score_table
from rnnedge.evaluation.scores.scoring import evaluate
from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.forecast.baselines import (
    choose_season,
    persistence,
    seasonal_naive,
    seasonal_scale,
)
from rnnedge.tasks.forecast.metrics import score_outputs
from rnnedge.tasks.forecast.preparing import prepare
from rnnedge.tasks.forecast.ridge import RidgeAR
from rnnedge_runtime import tolerances
from rnnedge_runtime.errors import NonFiniteError

CONFIG = TrainConfig(horizon=4, derived="none")


@given(st.integers(0, 9), st.floats(0, 0.3))
@settings(max_examples=25)
def test_persistence_and_seasonal_naive_equal_their_definition(seed, missing):
    prepared = prepare(waves(150, missing=missing, seed=seed), CONFIG)
    series, season = prepared.series[0], 3
    last = series.x[:, 0]
    lazy, seasonal = (
        persistence(prepared, series),
        seasonal_naive(prepared, series, season),
    )
    for row in range(150):
        for step in range(1, 5):
            assert lazy[row, step - 1] == last[row]
            source = row + step
            while source > row:
                source -= season
            expected = last[source] if source >= 0 else last[row]
            assert seasonal[row, step - 1] == expected


@pytest.mark.parametrize("name", ["persistence", "seasonal_naive", "ridge_ar"])
def test_no_forecast_looks_ahead(name):
    """Readings after row 329 must not change a forecast from row 329 or before."""
    dataset = waves(400, missing=0.05)
    values = dataset.series[0].values.copy()
    values[330:] += 50
    other = dataclasses.replace(
        dataset, series=(dataclasses.replace(dataset.series[0], values=values),)
    )
    found = []
    for readings in (dataset, other):
        prepared = prepare(readings, CONFIG)
        baselines = prepared.task.baselines(prepared, CONFIG, lambda done: None)
        found.append(baselines.forecasters[name](prepared.series[0]))
    np.testing.assert_array_equal(found[0][:330], found[1][:330])
    assert not np.array_equal(found[0], found[1])


def test_ridge_finds_a_linear_process_and_ignores_nothing_it_needs():
    """An AR(2) series: the fitted one-step error must be close to the noise."""
    rng = np.random.default_rng(0)
    x = np.zeros(3000)
    noise = 0.1 * rng.normal(size=3000)
    for t in range(2, 3000):
        x[t] = 1.2 * x[t - 1] - 0.5 * x[t - 2] + noise[t]
    dataset = waves(3000, has_time=False)
    values = np.stack([x, rng.normal(size=3000)], axis=1).astype(np.float32)
    dataset = dataclasses.replace(
        dataset, series=(dataclasses.replace(dataset.series[0], values=values),)
    )
    prepared = prepare(dataset, TrainConfig(horizon=1))
    series = prepared.series[0]
    rows = slice(series.parts.test.start, series.parts.test.stop)
    error = RidgeAR(prepared).forecast(series)[rows, 0] - series.y[rows, 0]
    best = np.abs(noise[series.parts.test.start + 1 :]).mean()
    assert np.abs(error).mean() <= best * tolerances.RIDGE_EXCESS


def test_scores_equal_their_definition():
    rng = np.random.default_rng(1)
    y = rng.normal(size=(50, 2)).astype(np.float32)
    y[3, 0] = np.nan
    y_hat = rng.normal(size=(50, 2)).astype(np.float32)
    base = np.zeros_like(y)
    scale = np.array([2.0, 4.0])
    for k, score in enumerate(score_outputs(y, y_hat, base, scale)):
        known = np.isfinite(y[:, k])
        error = (y_hat[known, k] - y[known, k].astype(np.float64)).tolist()
        mae = sum(map(abs, error)) / len(error)
        naive = float(np.abs(y[known, k].astype(np.float64)).mean())
        assert score.count == len(error) == (49 if k == 0 else 50)
        assert score.mae == pytest.approx(mae)
        assert score.rmse == pytest.approx(
            (sum(e * e for e in error) / len(error)) ** 0.5
        )
        assert score.mase == pytest.approx(mae / scale[k])
        assert score.skill_percent == pytest.approx(100 * (1 - mae / naive))
    assert score_outputs(
        np.full((3, 1), np.nan, np.float32), y_hat[:3, :1], base, scale
    ) == [None]


def test_forecasts_that_are_not_finite_are_no_forecasts_left_out():
    """8 of 10 infinite forecasts gave a MAE of the other two, and a skill of 90 %."""
    y = np.ones((10, 1), dtype=np.float32)
    y_hat = y.copy()
    y_hat[2:] = np.inf
    with pytest.raises(NonFiniteError, match="8 of 10 forecasts of output 0"):
        score_outputs(y, y_hat, y, np.ones(1))


def test_ratios_to_nothing_are_undefined_not_perfect():
    """MASE was 0.0, a perfect score, where the seasonal change is zero."""
    y = np.ones((5, 1), dtype=np.float32)
    score = score_outputs(y, y + 1, y, np.zeros(1))[0]
    assert score.mase is None
    assert score.skill_percent is None


def test_two_targets_and_a_season_longer_than_the_training_part():
    """It ended in an IndexError after all of the training."""
    dataset = dataclasses.replace(waves(300), targets=("a", "b"))
    prepared = prepare(dataset, CONFIG)
    evaluation = evaluate(
        prepared, lambda s: np.nan_to_num(s.y), TrainConfig(season=10_000)
    )
    assert [s.mase for s in evaluation.scores["test"]["network"]] == [None] * 8


def test_baseline_of_a_target_that_is_no_feature_sees_no_future():
    """Rows before the first reading were filled with the mean of the whole series."""
    dataset = waves(300)
    values = dataset.series[0].values[:, ::-1].copy()
    values[:20, 1] = np.nan

    def first_forecasts(change):
        changed = values.copy()
        changed[250:, 1] += change
        series = dataclasses.replace(dataset.series[0], values=changed)
        one = dataclasses.replace(
            dataset, columns=("b", "a"), features=("b",), series=(series,)
        )
        prepared = prepare(one, CONFIG)
        return persistence(prepared, prepared.series[0])[:20]

    np.testing.assert_array_equal(first_forecasts(0.0), first_forecasts(50.0))


def test_a_test_part_without_readings_is_said():
    dataset = waves(400)
    values = dataset.series[0].values.copy()
    values[320:, 0] = np.nan
    series = dataclasses.replace(dataset.series[0], values=values)
    prepared = prepare(dataclasses.replace(dataset, series=(series,)), CONFIG)
    evaluation = evaluate(prepared, lambda s: np.nan_to_num(s.y))
    assert all("nothing was scored" in line for line in verdict(prepared, evaluation))
    assert score_table(prepared.spec, evaluation.scores["test"])[1] == [
        "network",
        "-",
        "-",
        "-",
        "-",
    ]


def test_season_follows_the_sampling_period():
    assert [choose_season(s) for s in (3600.0, 900.0, 86_400.0, 7_000.0, None)] == [
        24,
        96,
        1,
        1,
        1,
    ]


def test_mase_scale_is_the_seasonal_change_on_the_training_part():
    prepared = prepare(waves(300, missing=0.1), CONFIG)
    train = (
        waves(300, missing=0.1)
        .series[0]
        .values[: prepared.series[0].parts.train.stop, 0]
    )
    expected = np.nanmean(np.abs(train[24:] - train[:-24]).astype(np.float64))
    assert seasonal_scale(prepared, 24) == pytest.approx([expected] * 4)


def test_report_names_the_loser_and_scores_only_readings():
    dataset = waves(400)
    is_reading = np.ones(400, dtype=np.bool_)
    is_reading[350:360] = False
    dataset = dataclasses.replace(
        dataset, series=(dataclasses.replace(dataset.series[0], is_reading=is_reading),)
    )
    prepared = prepare(dataset, CONFIG)
    perfect = evaluate(prepared, lambda s: np.nan_to_num(s.y))
    useless = evaluate(prepared, lambda s: np.full_like(s.y, 1e3))
    lines = verdict(prepared, perfect)
    assert all("below the best baseline" in line for line in lines[:2])
    assert lines[2:] == ["a: better than the best baseline at 4 of 4 steps (1-4)."]
    lines = verdict(prepared, useless)
    assert all("the network LOSES to" in line for line in lines[:2])
    assert lines[2:] == ["a: worse than the best baseline at 4 of 4 steps (1-4)."]
    content = report_content(prepared, perfect)
    assert json.loads(json.dumps(content)) == content
    scores = content["parts"]["test"]["scores"]
    assert set(scores) == {"network", "persistence", "seasonal_naive", "ridge_ar"}
    assert (
        scores["network"]["a"]["4"]["count"] == len(prepared.series[0].parts.test) - 10
    )
    assert scores["persistence"]["a"]["1"]["skill_percent"] == 0
    table = score_table(prepared.spec, perfect.scores["test"])
    assert table[0][1:] == ["a 1 h (C): MAE", "skill %", "a 4 h (C): MAE", "skill %"]
    assert table[1] == ["network", "0.000", "100.0", "0.000", "100.0"]
