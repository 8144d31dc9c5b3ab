"""Inputs made from the time: the weekday where weeks tell, and periods asked for."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest
from support.tables.small_data import waves

from rnnedge.data import load_dataset
from rnnedge.data.series import Dataset
from rnnedge.datasets import weather
from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.forecast.derived import WEEK_S
from rnnedge.tasks.forecast.preparing import prepare
from rnnedge_runtime.errors import RnnEdgeError, SpecError
from rnnedge_runtime.spec.derived import HOUR_OF_DAY_S, TIME_OF_YEAR_S


def periods(dataset: Dataset, **choices: object) -> list[int]:
    derived = prepare(dataset, TrainConfig(**choices)).spec.derived
    return [item.period_s for item in derived]


def demand(num_weeks: int, *, missing: float = 0.0) -> Dataset:
    """Hourly, high by day from Monday to Friday."""
    dataset = waves(num_weeks * 168, missing=missing)
    hour = np.arange(num_weeks * 168)
    works = (hour // 24 % 7 < 5) & (hour % 24 >= 7) & (hour % 24 < 18)
    values = dataset.series[0].values.copy()
    gone = np.isnan(values[:, 0])
    noise = np.random.default_rng(0).normal(size=len(hour))
    values[:, 0] = 50 + 30 * works + noise
    values[gone, 0] = np.nan
    series = dataclasses.replace(dataset.series[0], values=values)
    return dataclasses.replace(dataset, series=(series,))


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_a_demand_with_a_weekly_shape_takes_the_weekday(missing: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert periods(demand(8, missing=missing)) == [HOUR_OF_DAY_S, WEEK_S]


def test_two_weeks_do_not_show_a_weekday() -> None:
    assert periods(demand(3)) == [HOUR_OF_DAY_S]


def test_weeks_without_readings_decide_nothing() -> None:
    dataset = demand(8)
    values = dataset.series[0].values.copy()
    values[:900, 0] = np.nan
    series = dataclasses.replace(dataset.series[0], values=values)
    periods(dataclasses.replace(dataset, series=(series,)))


def test_the_weather_takes_no_weekday() -> None:
    dataset = load_dataset(weather("jfk"), targets="temp_c")
    assert periods(dataset) == [HOUR_OF_DAY_S, TIME_OF_YEAR_S]


def test_a_period_is_added_to_the_choice() -> None:
    assert periods(waves(), period=("12h",)) == [HOUR_OF_DAY_S, 43_200]
    assert periods(waves(), period=("12h", "36h"), derived="none") == [43_200, 129_600]
    assert periods(waves(), period=("1d", "24h")) == [HOUR_OF_DAY_S]


@pytest.mark.parametrize(
    ("period", "message"),
    [
        ("90min", r"--period is '90min', but the rows are 3600 s apart"),
        ("7200.5s", "whole seconds"),
        ("soon", "--period"),
    ],
)
def test_a_period_that_is_none(period: str, message: str) -> None:
    with pytest.raises(RnnEdgeError, match=message):
        periods(waves(), period=(period,))


def test_a_period_without_time_names_itself() -> None:
    with pytest.raises(SpecError, match=r"--period 12h needs .* leave --period out"):
        periods(waves(has_time=False), period=("12h",))
