import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_data import waves

from rnnedge.data.split import split_rows
from rnnedge.training.config import TrainConfig
from rnnedge.training.preparation import prepare
from rnnedge_runtime.errors import DataError, SpecError
from rnnedge_runtime.layers import AddLast
from rnnedge_runtime.time_features import HOUR_OF_DAY_S, TIME_OF_YEAR_S


@given(st.integers(0, 3000), st.integers(1, 48))
def test_parts_are_in_order_and_no_target_crosses_a_border(num_rows, horizon):
    parts = split_rows(num_rows, horizon)
    for part, border in (
        (parts.train, parts.validation.start),
        (parts.validation, parts.test.start),
        (parts.test, num_rows),
    ):
        if part:
            assert part[-1] + horizon < border
    assert parts.train.start == 0
    assert parts.train.stop <= parts.validation.start <= parts.test.start


@given(st.integers(1, 12), st.floats(0, 0.4), st.integers(0, 5))
def test_targets_are_the_readings_ahead_and_inputs_hold_nothing_later(
    horizon, missing, s
):
    dataset = waves(300, missing=missing, seed=s)
    prepared = prepare(dataset, TrainConfig(horizon=horizon, derived="none"))
    series, values = prepared.series[0], dataset.series[0].values
    for step in range(1, horizon + 1):
        np.testing.assert_array_equal(series.y[:-step, step - 1], values[step:, 0])
        assert np.isnan(series.y[-step:, step - 1]).all()
    seen = np.isfinite(values)
    np.testing.assert_array_equal(series.x[seen], values[seen])
    last = np.array([f.initial for f in prepared.spec.features], dtype=np.float32)
    for row in range(len(values)):
        last = np.where(seen[row], values[row], last)
        np.testing.assert_array_equal(series.x[row], last)


def test_nothing_fitted_looks_past_the_training_part():
    dataset = waves(400)
    changed = dataset.series[0].values.copy()
    border = split_rows(400, 3).validation.start
    changed[border:] += 100
    other = dataclasses.replace(
        dataset, series=(dataclasses.replace(dataset.series[0], values=changed),)
    )
    config = TrainConfig(horizon=3)
    one, two = prepare(dataset, config), prepare(other, config)
    assert one.spec == two.spec
    for name, array in one.affine_weights.items():
        np.testing.assert_array_equal(array, two.affine_weights[name])


@pytest.mark.parametrize(
    ("num_rows", "choice", "periods"),
    [
        (400, "auto", [HOUR_OF_DAY_S]),
        (40, "auto", []),
        (8000, "auto", [HOUR_OF_DAY_S, TIME_OF_YEAR_S]),
        (400, "none", []),
        (400, "both", [HOUR_OF_DAY_S, TIME_OF_YEAR_S]),
        (400, "time_of_year", [TIME_OF_YEAR_S]),
    ],
)
def test_derived_inputs_follow_period_and_length(num_rows, choice, periods):
    prepared = prepare(waves(num_rows), TrainConfig(derived=choice))
    assert [item.period_s for item in prepared.spec.derived] == periods


def test_derived_inputs_without_time():
    assert prepare(waves(has_time=False), TrainConfig()).spec.derived == ()
    with pytest.raises(SpecError, match=r"needs a time column.*--derived none"):
        prepare(waves(has_time=False), TrainConfig(derived="hour_of_day"))


def test_add_last_needs_the_target_among_the_features():
    dataset = waves()
    assert isinstance(prepare(dataset, TrainConfig()).spec.layers[-1], AddLast)
    without = dataclasses.replace(
        dataset,
        columns=("b", "a"),
        features=("b",),
        units=("", "C"),
        series=(
            dataclasses.replace(
                dataset.series[0], values=dataset.series[0].values[:, ::-1].copy()
            ),
        ),
    )
    spec = prepare(without, TrainConfig()).spec
    assert not isinstance(spec.layers[-1], AddLast)
    assert spec.targets[0].unit == "C"
    with pytest.raises(
        SpecError, match="add_last needs every target among the features"
    ):
        prepare(without, TrainConfig(add_last=True))


def test_too_few_rows_for_the_horizon_says_how_many_are_needed():
    with pytest.raises(
        DataError, match=r"100 rows in 1 series .* horizon 24, expected 251"
    ):
        prepare(waves(100), TrainConfig(horizon=24))
    prepare(waves(251), TrainConfig(horizon=24))


def test_target_that_is_constant_in_the_training_part_is_refused():
    dataset = waves(200)
    values = dataset.series[0].values.copy()
    values[:150, 0] = 3.0
    flat = dataclasses.replace(
        dataset, series=(dataclasses.replace(dataset.series[0], values=values),)
    )
    with pytest.raises(
        DataError, match="target 'a' has 137 readings and does not vary"
    ):
        prepare(flat, TrainConfig(horizon=3))


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"bidirectional": True}, "cannot stream"),
        ({"cell": "transformer"}, "expected one of rnn, gru, lstm"),
        ({"hidden_size": 0}, "hidden_size is 0, expected 1 or more"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"proj_size": 8}, "proj_size is 8 with a gru"),
        ({"cell": "lstm", "proj_size": 64}, "expected an lstm of more units"),
    ],
)
def test_impossible_choices_are_refused(choices, message):
    with pytest.raises(SpecError, match=message):
        TrainConfig(**choices)
