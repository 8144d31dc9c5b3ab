import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.tables.small_data import waves

from rnnedge.data.split import split_rows, without_constant_features
from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.forecast.preparing import prepare
from rnnedge_runtime.errors import DataError, NonFiniteError, SpecError
from rnnedge_runtime.spec.derived import HOUR_OF_DAY_S, TIME_OF_YEAR_S
from rnnedge_runtime.spec.layers import AddLast


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
        DataError,
        match=r"waves: the longest series has 100 rows, .* horizon 24.* expected 251",
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
        ({"learning_rate": -1.0}, "learning_rate is -1.0, expected a number above 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"weight_decay": -1.0}, "weight_decay is -1.0, expected a number from 0"),
        ({"clip_norm": 0.0}, "clip_norm is 0.0, expected a number above 0"),
        ({"warmup": 1.0}, "warmup is 1.0, expected a number from 0 to below 1"),
        ({"proj_size": 8}, "proj_size is 8 with a gru"),
        ({"cell": "lstm", "proj_size": 64}, "expected an lstm of more units"),
        ({"seed": -1}, "seed is -1, expected 0 or more"),
        ({"seed": 2**63 - 1, "seeds": 2}, "with 2 seeds, expected less than 2"),
    ],
)
def test_impossible_choices_are_refused(choices, message):
    with pytest.raises(SpecError, match=message):
        TrainConfig(**choices)


def with_values(dataset, values):
    series = dataclasses.replace(dataset.series[0], values=values)
    return dataclasses.replace(dataset, series=(series,))


def test_feature_that_is_constant_in_training_is_left_out_or_refused():
    """It was kept with clip (v, v): every later reading was clipped to v, without a word."""
    dataset = waves(200)
    values = dataset.series[0].values.copy()
    values[:150, 1] = 0.0
    step = with_values(dataset, values)
    kept = without_constant_features(step, 3, are_named=False)
    assert kept.features == kept.columns == ("a",)
    assert kept.notes == (
        "Column 'b' does not vary in the training part and is left out.",
    )
    assert prepare(kept, TrainConfig(horizon=3)).spec.feature_names == ("a",)
    with pytest.raises(
        DataError, match="feature 'b' does not vary in the training part"
    ):
        without_constant_features(step, 3, are_named=True)
    assert without_constant_features(dataset, 3, are_named=True) is dataset
    without_target = dataclasses.replace(
        with_values(step, values[:, ::-1]), features=("b",), columns=("b", "a")
    )
    with pytest.raises(DataError, match="none of its features varies"):
        without_constant_features(without_target, 3, are_named=False)


@pytest.mark.parametrize("factor", [1e-30, 1e20])
def test_readings_out_of_float32_range_are_blamed_on_their_unit(factor):
    """The message blamed the learning rate: 'the training diverged'."""
    dataset = waves(200)
    tiny = with_values(dataset, (dataset.series[0].values * factor).astype(np.float32))
    with pytest.raises(DataError, match=r"column 'a' has mean .* in another unit"):
        prepare(tiny, TrainConfig())


def test_target_unknown_in_the_validation_part_is_refused():
    """It ended in a RuntimeError about missing keys, after all of the training."""
    dataset = waves(400)
    values = dataset.series[0].values.copy()
    values[275:330, 0] = np.nan
    with pytest.raises(DataError, match="validation part: target 'a' has no reading"):
        prepare(with_values(dataset, values), TrainConfig(horizon=3))


def test_missing_reading_under_reject_is_named_by_its_time():
    """The message said 'row 59' of row 60, and 'the state is unchanged' without a state."""
    dataset = waves(200)
    values = dataset.series[0].values.copy()
    values[59, 1] = np.nan
    broken = with_values(dataset, values)
    stamp = str(np.datetime64(int(dataset.series[0].time[59]), "s"))
    with pytest.raises(
        NonFiniteError, match=rf"feature 'b' has no reading at {stamp}Z"
    ):
        prepare(broken, TrainConfig(missing="reject"))
    prepare(broken, TrainConfig(missing="hold"))


def test_a_validation_part_without_a_row_that_is_a_reading_is_refused():
    """The validation error was the mean of nothing, and the network was said to explode."""
    dataset = waves(400)
    is_reading = np.ones(400, dtype=np.bool_)
    is_reading[280:320] = False
    series = dataclasses.replace(dataset.series[0], is_reading=is_reading)
    with pytest.raises(DataError, match="validation part: target 'a' has no reading"):
        prepare(dataclasses.replace(dataset, series=(series,)), TrainConfig(horizon=3))
