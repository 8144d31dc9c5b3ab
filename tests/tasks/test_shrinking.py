"""How much of a forecast change is believed."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.tables.small_data import waves

from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.forecast.preparing import prepare
from rnnedge.tasks.forecast.shrinking import shares_line, shrink_changes
from rnnedge.training.validation import stream_predictions
from rnnedge_export.torch_model.sequence_model import SequenceModel
from rnnedge_runtime import tolerances


def drawn(horizon: int, number: int, *, change: float = 0.0) -> tuple:
    """What a network of drawn weights is trained on, and it; `change` is added to all."""
    torch.manual_seed(number)
    prepared = prepare(waves(400), TrainConfig(horizon=horizon))
    model = SequenceModel(prepared.spec)
    weights = {**model.weights(), **prepared.affine_weights}
    linear = len(prepared.spec.layers) - 3
    weights[f"layers.{linear}.bias"] = weights[f"layers.{linear}.bias"] + change
    model.load_weights(weights)
    return prepared, model


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("horizon", [1, 5])
def test_a_network_whose_changes_are_far_off_forecasts_the_last_reading(
    horizon: int, number: int
) -> None:
    prepared, model = drawn(horizon, number, change=1000.0)
    series = prepared.series[0]
    shares = shrink_changes(model, prepared, stream_predictions)
    after = stream_predictions(model, series) - series.x[:, :1]
    np.testing.assert_array_equal(shares, np.zeros(horizon))
    np.testing.assert_allclose(after, 0, atol=tolerances.parity_limit(series.x))


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("horizon", [1, 5])
def test_a_change_and_its_opposite_are_never_both_believed(
    horizon: int, number: int
) -> None:
    prepared, model = drawn(horizon, number)
    series = prepared.series[0]
    last = series.x[:, :1]
    before = stream_predictions(model, series) - last
    shares = shrink_changes(model, prepared, stream_predictions)
    after = stream_predictions(model, series) - last
    assert shares.shape == (horizon,)
    np.testing.assert_allclose(
        after, shares * before, atol=tolerances.parity_limit(series.x)
    )
    opposite = shrink_changes(
        drawn(horizon, number)[1],
        prepared,
        lambda model, one, stop: (
            2 * one.x[:stop, :1] - stream_predictions(model, one, stop)
        ),
    )
    assert np.minimum(shares, opposite).max() == 0


def test_what_became_of_the_changes_is_said() -> None:
    assert shares_line([1.0, 1.0]) == ""
    assert "times 0.3 at 1 of 2 outputs" in shares_line([1.0, 0.3])
    assert "the last reading" in shares_line([0.0, 0.0])
