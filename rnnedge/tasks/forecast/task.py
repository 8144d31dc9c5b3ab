"""Forecasting: the next readings of the targets, one to `horizon` steps ahead.

K is O: an output, and an error, per target and step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.forecast.baselines import (
    best_season,
    candidate_seasons,
    persistence,
    seasonal_naive,
    seasonal_scale,
)
from rnnedge.tasks.forecast.metrics import score_outputs
from rnnedge.tasks.forecast.objective import forecast_objective
from rnnedge.tasks.forecast.preparing import prepare
from rnnedge.tasks.forecast.ridge import RidgeAR
from rnnedge.tasks.forecast.shrinking import shrink_changes
from rnnedge.tasks.forecast.verdict import verdict
from rnnedge.tasks.task import Baselines, Predict, Prepared, Progress, Task

if TYPE_CHECKING:
    from rnnedge_export.torch_model.sequence_model import SequenceModel


def _baselines(
    prepared: Prepared, config: TrainConfig, on_progress: Progress
) -> Baselines:
    ridge = RidgeAR(prepared, config.season, on_progress)
    candidates = candidate_seasons(prepared, config.season)
    season = best_season(prepared, candidates)
    forecasters = {
        "persistence": lambda one: persistence(prepared, one),
        "seasonal_naive": lambda one: seasonal_naive(prepared, one, season),
        "ridge_ar": ridge.forecast,
    }
    return Baselines(forecasters, season, candidates[0])


def _shrunk(
    model: SequenceModel, prepared: Prepared, predict: Predict
) -> dict[str, Any]:
    shares = shrink_changes(model, prepared, predict)
    return {"change_shares": [round(float(share), 3) for share in shares]}


TASK = Task(
    metric="mae",
    prepare=prepare,
    objective=forecast_objective,
    shown=lambda spec: spec.horizon - 1,
    finish=_shrunk,
    errors=lambda y_hat, y: abs(y_hat - y),
    reference=persistence,
    baselines=_baselines,
    scores=lambda prepared, y, y_hat, base, season: score_outputs(
        y, y_hat, base, seasonal_scale(prepared, season)
    ),
    verdict=verdict,
)
