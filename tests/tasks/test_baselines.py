"""Baselines that bite: seasons, lags and the ridge fit."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables.small_data import waves
from support.tables.synthetic import dataset_of, demand

from rnnedge.evaluation.scores.score_tables import score_table
from rnnedge.evaluation.scores.scoring import evaluate
from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.forecast import ridge
from rnnedge.tasks.forecast.baselines import (
    candidate_seasons,
    label,
    last_readings,
    season_name,
    season_steps,
    seasonal_naive,
)
from rnnedge.tasks.forecast.lags import choose_lags
from rnnedge.tasks.forecast.preparing import prepare
from rnnedge.tasks.forecast.ridge import RidgeAR
from rnnedge_runtime import tolerances


def error_of(forecast, prepared) -> np.ndarray:
    """`[O]` mean absolute error on the test part."""
    errors = []
    for series in prepared.series:
        rows = slice(series.parts.test.start, series.parts.test.stop)
        errors.append(np.abs(forecast(series)[rows] - series.y[rows]))
    return np.nanmean(np.concatenate(errors), axis=0)


def test_seasons_follow_the_sampling_period():
    assert season_steps(3600.0) == {"day": 24, "week": 168}
    assert season_steps(86_400.0) == {"week": 7, "year": 365}
    assert season_steps(604_800.0) == {"year": 52}
    assert season_steps(2_629_746.0) == {"year": 12}
    assert season_steps(7_000.0) == season_steps(None) == {}
    assert [season_name(n, 3600.0) for n in (24, 168, 12, 1)] == [
        "day",
        "week",
        "12 steps",
        "",
    ]


def test_the_better_season_is_shown_under_its_name_and_an_asked_one_wins():
    prepared = prepare(demand(70), TrainConfig(horizon=2))
    assert candidate_seasons(prepared) == [48, 336]
    evaluation = evaluate(prepared, lambda s: np.zeros_like(s.y))
    assert evaluation.season == 336
    table = score_table(prepared.spec, evaluation.scores["test"], evaluation.season)
    assert "seasonal-naive (week)" in [row[0] for row in table]
    asked = evaluate(prepared, lambda s: np.zeros_like(s.y), TrainConfig(season=48))
    assert asked.season == 48
    assert label("seasonal_naive", 48, 1800.0) == "seasonal-naive (day)"
    short = prepare(demand(9), TrainConfig(horizon=2))
    assert candidate_seasons(short) == [48]
    hours = prepare(demand(1), TrainConfig(horizon=2))
    assert candidate_seasons(hours) == [1]


def test_ridge_uses_the_shape_of_the_week():
    """With 24 lags it stood at the error of the day before from five steps on."""
    prepared = prepare(demand(120), TrainConfig(horizon=24))
    fitted = RidgeAR(prepared)
    assert fitted.lags.longest >= 2 * 336
    error = error_of(fitted.forecast, prepared)
    week = error_of(lambda s: seasonal_naive(prepared, s, 336), prepared)
    assert error[23] < 0.6 * week[23]


def test_one_broken_reading_does_not_decide_the_fit():
    """One 3,276.7 took ridge from .50 to 3.12."""
    dataset = demand(60)
    whole = prepare(dataset, TrainConfig(horizon=4))
    values = dataset.series[0].values.copy()
    values[[700, 1500]] = 3276.7
    series = dataclasses.replace(dataset.series[0], values=values)
    broken = prepare(
        dataclasses.replace(dataset, series=(series,)), TrainConfig(horizon=4)
    )
    error = error_of(RidgeAR(broken).forecast, broken)
    assert (error < 1.3 * error_of(RidgeAR(whole).forecast, whole)).all()


def test_a_level_that_leaves_its_range_is_still_forecast():
    rng = np.random.default_rng(0)
    level = np.arange(600) / 50 + 0.02 * rng.normal(size=600)
    prepared = prepare(dataset_of(level[:, None], 3600.0), TrainConfig(horizon=3))
    last = error_of(
        lambda s: np.repeat(last_readings(prepared, s), 3, axis=1), prepared
    )
    assert (error_of(RidgeAR(prepared).forecast, prepared) < last).all()


def test_many_targets_with_holes_of_their_own_take_one_bounded_fit(monkeypatch):
    rng = np.random.default_rng(0)
    values = np.cumsum(rng.normal(size=(400, 30)), axis=0)
    values[rng.random(values.shape) < 0.03] = np.nan
    names = tuple(f"c{k}" for k in range(30))
    dataset = dataclasses.replace(dataset_of(values, 3600.0, names), targets=names)
    prepared = prepare(dataset, TrainConfig(horizon=6, derived="none"))
    last = error_of(
        lambda s: np.repeat(last_readings(prepared, s), 6, axis=1), prepared
    )
    seen: list[float] = []
    apart = error_of(RidgeAR(prepared, on_progress=seen.append).forecast, prepared)
    assert seen == sorted(seen)
    assert seen[-1] == 1
    monkeypatch.setattr(ridge, "MOST_PRODUCTS", 4e7)
    joined_fit = RidgeAR(prepared)
    joined = error_of(joined_fit.forecast, prepared)
    for error in (apart, joined):
        assert error.mean() < 1.1 * last.mean()


def test_blocks_and_sums_change_nothing(monkeypatch):
    prepared = prepare(waves(500, num_series=2, missing=0.05), TrainConfig(horizon=3))
    whole = RidgeAR(prepared)
    monkeypatch.setattr(ridge, "BLOCK_VALUES", 1)
    small = RidgeAR(prepared)
    for series in prepared.series:
        rows = slice(series.parts.validation.start, None)
        np.testing.assert_allclose(
            whole.forecast(series)[rows],
            small.forecast(series)[rows],
            rtol=0,
            atol=tolerances.REPORT_MAE,
        )


def test_a_series_that_is_only_tested_starts_from_the_mean_of_the_training_part():
    dataset = waves(num_series=2, lengths=(400, 60))
    values = [one.values[:, ::-1].copy() for one in dataset.series]
    values[1][:5, 1] = np.nan
    late = dataset.series[1].time_us + 330 * 3_600_000_000
    series = (
        dataclasses.replace(dataset.series[0], values=values[0]),
        dataclasses.replace(dataset.series[1], values=values[1], time_us=late),
    )
    dataset = dataclasses.replace(
        dataset, columns=("b", "a"), features=("b",), series=series
    )
    prepared = prepare(dataset, TrainConfig(horizon=2))
    seen = values[0][: prepared.series[0].parts.train.stop, 1]
    np.testing.assert_allclose(
        last_readings(prepared, prepared.series[1])[:5, 0], seen.mean(), rtol=1e-6
    )


@given(
    st.lists(st.integers(2, 2000), max_size=3, unique=True),
    st.integers(1, 100),
    st.integers(0, 90),
    st.integers(0, 90),
    st.integers(1, 50_000),
    st.integers(1, 2000),
)
def test_lags_stay_within_their_columns_and_rows(
    seasons, horizon, num_own, num_others, longest_part, num_columns
):
    num_own += not num_own + num_others
    num_columns = max(num_columns, num_own + num_others)
    lags = choose_lags(
        sorted(seasons),
        horizon,
        num_own=num_own,
        num_others=num_others,
        longest_part=longest_part,
        num_columns=num_columns,
    )
    assert len(lags.own) * num_own + len(lags.others) * num_others <= num_columns
    for chosen in (lags.own, lags.others):
        assert list(chosen) == sorted(set(chosen))
        assert chosen[0] == 0
    assert lags.longest <= max(0, longest_part // 2 - 1)


@pytest.mark.parametrize("holes", [0.0, 0.3])
def test_ridge_of_rows_with_holes_is_close_to_that_of_whole_rows(holes):
    prepared = prepare(waves(900, missing=holes, seed=1), TrainConfig(horizon=3))
    last = error_of(
        lambda s: np.repeat(last_readings(prepared, s), 3, axis=1), prepared
    )
    assert (error_of(RidgeAR(prepared).forecast, prepared) < 0.7 * last).all()
