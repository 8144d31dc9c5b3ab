"""What a run leaves behind: the best network, its scores and pictures, the report last."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rnnedge.data.series import Dataset
from rnnedge.evaluation.cutting import count_cut
from rnnedge.evaluation.pictures.run_plots import plot_forecast, plot_loss
from rnnedge.evaluation.scores.report_json import report_content
from rnnedge.evaluation.scores.score_tables import all_scores
from rnnedge.evaluation.scores.scoring import Evaluation, evaluate
from rnnedge.evaluation.seeds import SeedErrors, seeds_content
from rnnedge.runs import folder as run_folder
from rnnedge.tasks.task import Prepared
from rnnedge.training.observers.progress import baseline_progress
from rnnedge.training.trainer import Trainer
from rnnedge.training.validation import stream_predictions
from rnnedge_runtime.spec.weights import model_digest
from rnnedge_runtime.tolerances import VERIFY_STEPS


def write_run(
    folder: Path,
    dataset: Dataset,
    prepared: Prepared,
    trainer: Trainer,
    *,
    seconds: float,
    runs: Sequence[SeedErrors],
    is_quiet: bool,
) -> Evaluation:
    """Evaluate the best epoch of `trainer` and write the files of its run.

    Args:
        seconds: that the training took.
        runs: of every seed, where there are several.
    """
    model = trainer.best_model()
    if prepared.module is not None:
        prepared = prepared.with_spec(model.spec)
    finished = prepared.task.finish(model, prepared, stream_predictions)
    evaluation = evaluate(
        prepared,
        lambda one: stream_predictions(model, one),
        trainer.config,
        on_progress=baseline_progress(is_quiet=is_quiet),
    )
    weights = model.weights()
    run_folder.save_model(folder, prepared.spec, weights, _stream(prepared))
    report = {
        "data": {
            "source": dataset.source,
            "rows": sum(len(s.x) for s in prepared.series),
            "series": len(prepared.series),
            "features": list(prepared.spec.feature_names),
            "targets": list(prepared.spec.target_names),
            "sample_period_s": prepared.spec.sample_period_s,
            "notes": list(prepared.notes),
        },
        "training": {
            "seconds": round(seconds, 3),
            "epochs": len(trainer.history),
            "best_epoch": trainer.best_epoch + 1,
            "best_validation_error": trainer.best_error,
            "rows_per_epoch": trainer.rows_per_epoch,
            "device": str(trainer.device),
            "num_weights": sum(array.size for array in weights.values()),
            **finished,
            "digest": model_digest(prepared.spec, weights),
            **seeds_content(prepared.spec, runs, trainer.config.seed),
        },
        **report_content(prepared, evaluation, count_cut(dataset, prepared)),
    }
    plot_loss(folder / run_folder.LOSS_PLOT, trainer.history)
    plot_forecast(folder / run_folder.FORECAST_PLOT, prepared, evaluation)
    scores = all_scores(prepared.spec, evaluation.scores["test"])
    run_folder.save_rows(folder / run_folder.SCORES, scores)
    run_folder.save_report(folder, report)
    return evaluation


def _stream(prepared: Prepared) -> np.ndarray:
    """The end of the longest series as model inputs, at most VERIFY_STEPS rows."""
    longest = max(prepared.series, key=lambda series: len(series.x))
    return longest.x[-VERIFY_STEPS:]
