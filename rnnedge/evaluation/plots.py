"""`loss.png` and `forecast.png` of a run folder."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from rnnedge.evaluation.report import LABELS, NETWORK, Evaluation, steps_in_words
from rnnedge.tasks.forecast.preparing import Prepared
from rnnedge.training.trainer import EpochRecord
from rnnedge_runtime.errors import require

COLORS = {
    NETWORK: "#0b6e4f",
    "persistence": "#9a9a9a",
    "seasonal_naive": "#d9a404",
    "ridge_ar": "#b5446e",
}
ROWS_SHOWN = 240


def plot_loss(path: Path, history: Sequence[EpochRecord]) -> None:
    """Training loss and validation error over the epochs, the best epoch marked."""
    figure, axes = _figure(1, 1, (7, 4))
    axis = axes[0, 0]
    epochs = [record.epoch for record in history]
    best = min(history, key=lambda record: record.validation_error)
    axis.plot(
        epochs, [r.train_loss for r in history], color="#9a9a9a", label="training loss"
    )
    axis.plot(
        epochs,
        [r.validation_error for r in history],
        color=COLORS[NETWORK],
        label="validation error, streamed",
    )
    axis.plot(best.epoch, best.validation_error, "o", color=COLORS[NETWORK])
    axis.annotate(
        f"best: {best.validation_error:.3f} (epoch {best.epoch})",
        (best.epoch, best.validation_error),
        textcoords="offset points",
        xytext=(0, 12),
        ha="center",
    )
    axis.set_xlabel("epoch")
    axis.set_ylabel("error in standard deviations of the outputs")
    axis.set_ylim(bottom=0)
    axis.legend(frameon=False)
    _save(figure, path)


def plot_forecast(path: Path, prepared: Prepared, evaluation: Evaluation) -> None:
    """The end of the test part with its forecasts, and the error by step ahead.

    One column per target: above, what came and what was forecast at the furthest step;
    below, the mean absolute error of every forecaster at every step.
    """
    spec = prepared.spec
    figure, axes = _figure(2, len(spec.targets), (8 * len(spec.targets), 7))
    for k, target in enumerate(spec.targets):
        unit = f" ({target.unit})" if target.unit else ""
        axes[0, k].set_ylabel(f"{target.name}{unit}")
        _plot_series(axes[0, k], prepared, evaluation, k)
        axes[1, k].set_ylabel(f"mean absolute error{unit}")
        _plot_errors(axes[1, k], prepared, evaluation, k)
    _save(figure, path)


def _plot_series(axis: Any, prepared: Prepared, evaluation: Evaluation, k: int) -> None:
    spec = prepared.spec
    number = max(
        range(len(prepared.series)), key=lambda n: len(prepared.series[n].parts.test)
    )
    series = prepared.series[number]
    stop = series.parts.test.stop
    rows = slice(max(series.parts.test.start, stop - ROWS_SHOWN), stop)
    column = k * spec.horizon + spec.horizon - 1
    ahead: Any
    if series.time is None:
        ahead = np.arange(rows.start, rows.stop) + spec.horizon
        axis.set_xlabel("row")
    else:
        seconds = series.time[rows] + int(spec.horizon * (spec.sample_period_s or 0))
        ahead = [datetime.fromtimestamp(int(s), UTC) for s in seconds]
        axis.xaxis.set_major_formatter(_date_formatter(axis))
    axis.plot(ahead, series.y[rows, column], color="black", lw=1.6, label="what came")
    for name in ("persistence", NETWORK):
        forecast = evaluation.forecasts[name][number][rows, column]
        axis.plot(ahead, forecast, color=COLORS[name], lw=1.1, label=LABELS[name])
    ahead_text = steps_in_words(spec.horizon, spec.sample_period_s)
    axis.set_title(f"forecast {ahead_text} ahead, end of the test part")
    axis.legend(frameon=False, ncols=3)


def _plot_errors(axis: Any, prepared: Prepared, evaluation: Evaluation, k: int) -> None:
    horizon = prepared.spec.horizon
    steps = range(1, horizon + 1)
    for name, scores in evaluation.scores["test"].items():
        mine = scores[k * horizon : (k + 1) * horizon]
        mae = [score.mae if score else np.nan for score in mine]
        axis.plot(steps, mae, "o-", color=COLORS[name], label=LABELS[name])
    axis.set_xlabel("steps ahead")
    axis.set_ylim(bottom=0)
    axis.set_title("error on the test part")
    axis.legend(frameon=False)


def _figure(rows: int, columns: int, size: tuple[float, float]) -> tuple[Any, Any]:
    require("matplotlib", extra="train", purpose="Drawing the plots of a run")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
    return figure, axes


def _date_formatter(axis: Any) -> Any:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(maxticks=8)
    axis.xaxis.set_major_locator(locator)
    return ConciseDateFormatter(locator)


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, dpi=110)
