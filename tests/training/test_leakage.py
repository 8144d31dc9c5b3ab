"""What a later part may change in training: nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support.tables.small_data import waves

from rnnedge.data.series import Dataset
from rnnedge.data.split import split_dataset, without_constant_features
from rnnedge.evaluation.scores.scoring import evaluate
from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.forecast.preparing import prepare
from rnnedge.tasks.task import Prepared
from rnnedge.training.trainer import Trainer
from rnnedge.training.validation import stream_predictions

CONFIG = TrainConfig(
    horizon=3, hidden_size=4, epochs=4, patience=2, chunk_length=12, burn_in=4
)


def several(seed: int) -> Dataset:
    """Three series: two that overlap, one that begins in the test part."""
    dataset = waves(num_series=3, lengths=(300, 200, 55), seed=seed, missing=0.05)
    hours = (0, 40, 245)
    return dataclasses.replace(
        dataset,
        series=tuple(
            dataclasses.replace(one, time_us=one.time_us + hour * 3_600_000_000)
            for one, hour in zip(dataset.series, hours, strict=True)
        ),
    )


def changed(dataset: Dataset, start_us: int, stop_us: int, seed: int) -> Dataset:
    """`dataset` with other readings, outliers and holes from `start_us` to `stop_us`."""
    rng = np.random.default_rng(seed)
    series = []
    for one in dataset.series:
        values = one.values.copy()
        rows = (one.time_us >= start_us) & (one.time_us < stop_us)
        other = (100 * rng.standard_cauchy(values.shape)).astype(np.float32)
        other[rng.random(values.shape) < 0.1] = np.nan
        values[rows] = other[rows]
        series.append(dataclasses.replace(one, values=values))
    return dataclasses.replace(dataset, series=tuple(series))


def trained(dataset: Dataset) -> tuple[Prepared, Trainer]:
    dataset = without_constant_features(dataset, CONFIG.horizon, are_named=False)
    prepared = prepare(dataset, CONFIG)
    trainer = Trainer(prepared, CONFIG, torch.device("cpu"))
    trainer.run()
    return prepared, trainer


def same_fit(one: Prepared, two: Prepared) -> bool:
    return one.spec == two.spec and all(
        np.array_equal(array, two.affine_weights[name])
        for name, array in one.affine_weights.items()
    )


@given(st.integers(0, 99))
@settings(max_examples=5)
def test_readings_of_the_test_part_change_nothing_that_is_fitted_or_chosen(seed):
    """Not the scalers, clips, held means, derived inputs, weights, epochs, baselines."""
    dataset = several(seed)
    test = split_dataset(dataset, CONFIG.horizon).starts_us[1]
    one, trainer = trained(dataset)
    two, other = trained(changed(dataset, test, 2**62, seed))
    assert same_fit(one, two)
    assert trainer.history == other.history
    assert trainer.best_epoch == other.best_epoch
    weights, others = trainer.best_model().weights(), other.best_model().weights()
    for name, array in weights.items():
        np.testing.assert_array_equal(array, others[name])
    scores = [
        evaluate(p, lambda s, t=t: stream_predictions(t.best_model(), s)).scores
        for p, t in ((one, trainer), (two, other))
    ]
    assert scores[0]["validation"] == scores[1]["validation"]


@given(st.integers(0, 99))
@settings(max_examples=5)
def test_readings_of_the_validation_part_choose_the_epoch_and_nothing_else(seed):
    """Every epoch trains to the same loss and ends with the same weights; the validation
    errors, and with them the epoch that is kept and the last one, may differ."""
    dataset = several(seed)
    starts = split_dataset(dataset, CONFIG.horizon).starts_us
    one, trainer = trained(dataset)
    two, other = trained(changed(dataset, *starts, seed))
    assert same_fit(one, two)
    epochs = min(len(trainer.history), len(other.history))
    for a, b in zip(trainer.history[:epochs], other.history[:epochs], strict=True):
        assert (a.train_loss, a.learning_rate) == (b.train_loss, b.learning_rate)
    if len(trainer.history) == len(other.history):
        for name, array in trainer.model.weights().items():
            np.testing.assert_array_equal(array, other.model.weights()[name])


def test_a_series_that_begins_in_the_test_part_teaches_nothing():
    """It took the test error of the other from 6.02 to 0.299."""
    dataset = several(0)
    alone = dataclasses.replace(dataset, series=dataset.series[:2])
    one, trainer = trained(dataset)
    two, other = trained(alone)
    assert same_fit(one, two)
    assert len(one.series[2].parts.train) == 0
    for name, array in trainer.best_model().weights().items():
        np.testing.assert_array_equal(array, other.best_model().weights()[name])
    found = [
        evaluate(p, lambda s, t=t: stream_predictions(t.best_model(), s)).by_series
        for p, t in ((one, trainer), (two, other))
    ]
    for name in ("network", "persistence", "ridge_ar"):
        np.testing.assert_array_equal(found[0].mae[name][:2], found[1].mae[name])
