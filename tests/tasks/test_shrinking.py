"""How much of a forecast change is believed."""

from __future__ import annotations

import numpy as np
import pytest
from support.tables.small_data import waves

from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.forecast.preparing import prepare
from rnnedge.tasks.forecast.shrinking import shares_line, shrink_changes
from rnnedge.training.validation import stream_predictions
from rnnedge_export.torch_model.sequence_model import SequenceModel
from rnnedge_runtime import tolerances


@pytest.mark.parametrize("horizon", [1, 5])
def test_a_network_that_learned_nothing_forecasts_the_last_reading(
    horizon: int,
) -> None:
    prepared = prepare(waves(400), TrainConfig(horizon=horizon))
    model = SequenceModel(prepared.spec)
    model.load_weights({**model.weights(), **prepared.affine_weights})
    series = prepared.series[0]
    last = series.x[:, :1]
    before = stream_predictions(model, series) - last
    shares = shrink_changes(model, prepared, stream_predictions)
    after = stream_predictions(model, series) - last
    assert shares.shape == (horizon,)
    np.testing.assert_allclose(
        after, shares * before, atol=tolerances.parity_limit(series.x)
    )
    assert shares.max() < 1


def test_what_became_of_the_changes_is_said() -> None:
    assert shares_line([1.0, 1.0]) == ""
    assert "times 0.3 at 1 of 2 outputs" in shares_line([1.0, 0.3])
    assert "the last reading" in shares_line([0.0, 0.0])
