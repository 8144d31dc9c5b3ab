"""How much of an error is the luck of the initial weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge.evaluation.scores.by_series import by_step
from rnnedge.tasks.scores import PARTS
from rnnedge.tasks.task import Prepared
from rnnedge.training.trainer import Trainer
from rnnedge.training.validation import stream_predictions
from rnnedge_runtime.spec.model_spec import ModelSpec


@dataclass(frozen=True, eq=False, slots=True)
class SeedErrors:
    """What one seed came to.

    Attributes:
        seed: of weights, dropout and chunk borders.
        epochs: trained.
        best_epoch: counted from 1.
        best_error: validation error of that epoch, in standard deviations of the outputs.
        mae: `[O]` per part, in the targets' units, NaN where nothing is scored.
    """

    seed: int
    epochs: int
    best_epoch: int
    best_error: float
    mae: dict[str, NDArray[np.float64]]


def seed_errors(prepared: Prepared, trainer: Trainer) -> SeedErrors:
    """The SeedErrors of a finished trainer."""
    model = trainer.best_model()
    prepared.task.finish(model, prepared, stream_predictions)
    total = {part: np.zeros(prepared.spec.output_size) for part in PARTS}
    count = {part: np.zeros(prepared.spec.output_size) for part in PARTS}
    for series in prepared.series:
        error = prepared.task.errors(stream_predictions(model, series), series.y)
        error[~series.is_reading] = np.nan
        for part in PARTS:
            rows = getattr(series.parts, part)
            scored = error[rows.start : rows.stop]
            total[part] += np.nansum(scored, axis=0, dtype=np.float64)
            count[part] += np.isfinite(scored).sum(axis=0)
    mae = {
        part: np.where(
            count[part] > 0, total[part] / np.maximum(count[part], 1), np.nan
        )
        for part in PARTS
    }
    return SeedErrors(
        seed=trainer.config.seed,
        epochs=len(trainer.history),
        best_epoch=trainer.best_epoch + 1,
        best_error=trainer.best_error,
        mae=mae,
    )


def seeds_content(
    spec: ModelSpec, runs: Sequence[SeedErrors], kept: int
) -> dict[str, Any]:
    """`seeds` of the report's `training`: the runs, the seed kept, and the spread.

    Empty without runs.

    The spread is the smallest, the middle and the largest mean absolute error over the
    seeds, per part and target, at the first and the furthest step.
    """
    if not runs:
        return {}

    def spread(part: str, k: int) -> dict[str, float] | None:
        mae = np.array([run.mae[part][k] for run in runs])
        if spec.outputs[k].step not in (1, spec.horizon) or not np.isfinite(mae).all():
            return None
        middle = float(np.median(mae))
        return {"min": float(mae.min()), "median": middle, "max": float(mae.max())}

    content = {
        "kept": kept,
        "runs": [
            {
                "seed": run.seed,
                "epochs": run.epochs,
                "best_epoch": run.best_epoch,
                "best_validation_error": run.best_error,
            }
            for run in runs
        ],
        "spread": {
            part: by_step(spec, [spread(part, k) for k in range(spec.output_size)])
            for part in PARTS
        },
    }
    return {"seeds": content}


def seeds_lines(spec: ModelSpec, content: dict[str, Any]) -> list[str]:
    """The spread for the terminal, one line per output shown."""
    number = len(content["runs"])
    lines = [
        f"{number} seeds; kept {content['kept']}, the best on the validation part. Errors, "
        "smallest, middle and largest:"
    ]
    for output in spec.outputs:
        found = {
            part: content["spread"][part][output.target].get(str(output.step))
            for part in PARTS
        }
        if not all(found.values()):
            continue
        unit = f" {output.unit}" if output.unit else ""
        texts = [
            f"{part} {values['min']:#.3g}, {values['median']:#.3g}, {values['max']:#.3g}"
            for part, values in found.items()
            if values
        ]
        lines.append(f"  {output.name}{unit}: {'; '.join(texts)}")
    return lines
