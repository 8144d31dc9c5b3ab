"""Forecasting: the next readings of the targets, one to `horizon` steps ahead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnedge.data.series import Dataset
from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.forecast import baselines, preparing, verdict
from rnnedge.tasks.forecast.metrics import score_outputs
from rnnedge.tasks.scores import Comparison, Score
from rnnedge.tasks.task import (
    Baselines,
    Cut,
    Objective,
    Predict,
    Prepared,
    PreparedSeries,
    Shown,
    Task,
    Values,
)
from rnnedge_runtime.printable import printable
from rnnedge_runtime.spec.model_spec import ModelSpec

if TYPE_CHECKING:
    import torch

    from rnnedge_export.torch_model.sequence_model import SequenceModel

Array = NDArray[np.float32]


class Forecast:
    """See `Task`; K is O, an output per target and step ahead."""

    name = "forecast"

    def prepare(self, dataset: Dataset, config: TrainConfig) -> Prepared:
        """Scalers, limits, held inputs and true outputs."""
        return preparing.prepare(dataset, config)

    def objective(
        self, prepared: Prepared, config: TrainConfig, device: torch.device
    ) -> Objective:
        """Errors in standard deviations of the outputs."""
        from rnnedge.tasks.forecast.objective import forecast_objective

        return forecast_objective(prepared, config, device)

    def shown(self, spec: ModelSpec) -> Shown:
        """The error of the first target at the furthest step."""
        output = spec.outputs[spec.horizon - 1]
        unit = f" {printable(output.unit)}" if output.unit else ""
        label = f"val MAE {printable(output.name)}"
        return Shown(spec.horizon - 1, "validation_mae", label, unit)

    def finish(
        self, model: SequenceModel, prepared: Prepared, predict: Predict
    ) -> dict[str, Any]:
        """Believe no more of the changes than the validation part bears out."""
        from rnnedge.tasks.forecast.shrinking import shrink_changes

        shares = shrink_changes(model, prepared, predict)
        return {"change_shares": [round(float(share), 3) for share in shares]}

    def errors(self, y_hat: Values, y: Values) -> Values:
        """Absolute errors in the targets' units."""
        return abs(y_hat - y)

    def reference(self, prepared: Prepared, series: PreparedSeries) -> Array:
        """Persistence."""
        return baselines.persistence(prepared, series)

    def baselines(
        self,
        prepared: Prepared,
        config: TrainConfig,
        on_progress: Callable[[float], object],
    ) -> Baselines:
        """Persistence, seasonal-naive and ridge AR."""
        from rnnedge.tasks.forecast.ridge import RidgeAR

        ridge = RidgeAR(prepared, config.season, on_progress)
        candidates = baselines.candidate_seasons(prepared, config.season)
        season = baselines.best_season(prepared, candidates)
        return Baselines(
            {
                "persistence": lambda one: baselines.persistence(prepared, one),
                "seasonal_naive": lambda one: baselines.seasonal_naive(
                    prepared, one, season
                ),
                "ridge_ar": ridge.forecast,
            },
            season,
            candidates[0],
        )

    def scores(
        self, prepared: Prepared, y: Array, y_hat: Array, base: Array, season: int
    ) -> list[Score | None]:
        """Mean errors in the targets' units, scaled errors, skill against persistence."""
        scale = baselines.seasonal_scale(prepared, season)
        return score_outputs(y, y_hat, base, scale)

    def verdict(
        self,
        spec: ModelSpec,
        comparisons: Sequence[Comparison | None],
        season: int,
        cut: Cut,
    ) -> list[str]:
        """By target: the first and the furthest step, and the steps won."""
        return verdict.verdict(spec, comparisons, season, cut)


TASK: Task = Forecast()
