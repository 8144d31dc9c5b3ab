"""Which inputs are made from the time stamp."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest
from support.tables.small_data import waves

from rnnedge.data.series import Dataset
from rnnedge.data.split import split_dataset
from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.forecast.derived import WEEK_S, choose_derived
from rnnedge.tasks.forecast.preparing import prepare
from rnnedge_runtime.errors import DataError, SpecError


def with_period(period_s: float, cycle_s: float, num_rows: int) -> Dataset:
    """Readings that come again after `cycle_s`, with a jump in each, and some noise."""
    plain = waves(num_rows, num_series=2)
    seconds = np.arange(num_rows) * period_s
    rng = np.random.default_rng(0)
    values = np.where(seconds % cycle_s < 0.7 * cycle_s, 0.0, 5.0)[:, None]
    values = (values + 0.2 * rng.normal(size=(num_rows, 2))).astype(np.float32)
    series = [
        dataclasses.replace(
            one, values=values, time_us=(seconds * 1e6).astype(np.int64)
        )
        for one in plain.series
    ]
    return dataclasses.replace(plain, series=tuple(series), sample_period_s=period_s)


@pytest.mark.parametrize("period_h", [1, 6, 7, 24, 36])
@pytest.mark.parametrize("is_weekly", [True, False])
def test_the_weekday_is_an_input_where_weeks_are_alike(
    period_h: int, is_weekly: bool
) -> None:
    """Of a period that is no part of a day, other spans than weeks were compared."""
    cycle_s = WEEK_S if is_weekly else 86_400
    dataset = with_period(3600 * period_h, cycle_s, 20 * 168 // period_h)
    parts = split_dataset(dataset, 1).parts
    found = [item.period_s for item in choose_derived(dataset, parts, "auto")]
    if is_weekly or 24 % period_h == 0:
        assert (WEEK_S in found) == is_weekly


def test_a_series_without_a_reading_of_the_target_warns_of_nothing() -> None:
    """NumPy's "Degrees of freedom <= 0" was printed into the training."""
    both = with_period(3600, WEEK_S, 1500)
    first, second = both.series
    empty = dataclasses.replace(second, values=np.full_like(second.values, np.nan))
    both = dataclasses.replace(both, series=(first, empty))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parts = split_dataset(both, 1).parts
        assert choose_derived(both, parts, "auto")


def test_more_periods_are_whole_seconds() -> None:
    derived = prepare(waves(), TrainConfig(derived="none", period=("12h", "5h")))
    assert [item.period_s for item in derived.spec.derived] == [43_200, 18_000]
    with pytest.raises(SpecError, match="expected whole seconds"):
        prepare(waves(), TrainConfig(period=("0.5s",)))
    with pytest.raises(DataError, match="no length of time"):
        prepare(waves(), TrainConfig(period=("twelve",)))
