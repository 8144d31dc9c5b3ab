"""Lanes at other levels, and forecasts beyond the training range."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from support.tables.drifts import DRIFTS, drifting
from support.tables.small_data import waves

import rnnedge
from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.forecast.level_shifts import NEAREST, LevelShifter, takes_shifts
from rnnedge.tasks.forecast.preparing import prepare
from rnnedge.training.lanes import cut_segments, plan_epoch
from rnnedge_runtime.errors import SpecError

HORIZON = 3
WORSE_THAN_PERSISTENCE = 1.05


@pytest.mark.parametrize("offset", [0, 5])
def test_inputs_and_true_outputs_move_together(offset: int) -> None:
    prepared = prepare(waves(300), TrainConfig(horizon=HORIZON))
    spec = prepared.spec
    segments = cut_segments([range(200)], 8)
    plan = plan_epoch(segments, 8, 10, offset)
    shifter = LevelShifter(spec, prepared.affine_weights, 3)
    shifts = shifter.draw(plan.count, 1)
    low, high = spec.features[0].clip or (0.0, 0.0)
    for chunk in range(len(plan.first)):
        x = torch.zeros(len(shifts.lanes), 10, spec.input_size)
        y = torch.zeros(len(shifts.lanes), 10, spec.output_size)
        moved_x, moved_y = shifts.move(x, y, chunk)
        level = moved_x[..., 0]
        ahead = torch.stack([level[:, k : 8 + k] for k in range(1, HORIZON)], dim=-1)
        torch.testing.assert_close(moved_y[:, :8, : HORIZON - 1], ahead)
        assert not moved_x[..., 1:].any()
        least = 0.0 if chunk else NEAREST * (high - low)
        assert (level[:, 0].abs() > 0).all()
        assert (level[:, 0].abs() >= least).all()


def test_a_run_needs_the_last_reading_to_be_ready_for_drift() -> None:
    assert takes_shifts(prepare(waves(), TrainConfig()).spec)
    assert not takes_shifts(prepare(waves(), TrainConfig(drift=False)).spec)
    assert not takes_shifts(prepare(waves(), TrainConfig(add_last=False)).spec)
    with pytest.raises(SpecError, match="last reading"):
        prepare(waves(), TrainConfig(add_last=False, drift=True))


@pytest.mark.parametrize("kind", DRIFTS)
def test_a_series_that_leaves_its_range_is_forecast_no_worse_than_persistence(
    tmp_path: Path, kind: str
) -> None:
    """With the last reading clipped, a doubling level had 5.5 times, a late jump 38 times
    the error of persistence."""
    fitted = rnnedge.fit(
        drifting(kind, 2000),
        target="level",
        horizon=HORIZON,
        out=tmp_path / "run",
        hidden_size=32,
        epochs=20,
        is_quiet=True,
    )
    scores = fitted.evaluation.scores["test"]
    ratios = np.array(
        [
            network.mae / base.mae
            for network, base in zip(
                scores["network"], scores["persistence"], strict=True
            )
        ]
    )
    assert ratios.max() <= WORSE_THAN_PERSISTENCE
    if kind != "random_walk":
        assert ratios.max() < 1
