"""`loss.png` and `forecast.png` of a run folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rnnedge.evaluation.pictures.drawing import (
    COLORS,
    color_of,
    legend_above,
    new_figure,
    save,
    time_axis,
)
from rnnedge.evaluation.scores.numbers import with_unit
from rnnedge.evaluation.scores.scoring import Evaluation
from rnnedge.tasks.forecast.baselines import label
from rnnedge.tasks.scores import NETWORK
from rnnedge.tasks.task import Prepared
from rnnedge.training.trainer import EpochRecord
from rnnedge_runtime.tables.durations import steps_in_words

ROWS_SHOWN = 240
TARGETS_SHOWN = 3  # two panels each
LARGEST_RATIO = 4.0  # of a baseline's error to the network's that a panel shows


def plot_loss(path: Path, history: Sequence[EpochRecord]) -> None:
    """Training loss and validation error over the epochs, the best epoch marked."""
    figure, axes = new_figure(1, 1, (7, 4))
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
    save(figure, path)


def plot_forecast(path: Path, prepared: Prepared, evaluation: Evaluation) -> None:
    """The end of the test part with its forecasts, and the error by step ahead.

    One column per target, the first `TARGETS_SHOWN` of them: above, the readings and what
    was forecast of them at the furthest step; below, the mean absolute error of every
    forecaster at every step.
    """
    spec = prepared.spec
    targets = spec.targets[:TARGETS_SHOWN]
    figure, axes = new_figure(2, len(targets), (8 * len(targets), 7))
    for k, target in enumerate(targets):
        unit = f" ({target.unit})" if target.unit else ""
        axes[0, k].set_ylabel(with_unit(target.name, target.unit))
        _plot_series(axes[0, k], prepared, evaluation, k)
        axes[1, k].set_ylabel(f"mean absolute error{unit}")
        _plot_errors(axes[1, k], prepared, evaluation, k)
    if len(targets) < len(spec.targets):
        figure.suptitle(
            f"{len(targets)} of {len(spec.targets)} targets; scores.csv has all"
        )
    save(figure, path)


def _plot_series(axis: Any, prepared: Prepared, evaluation: Evaluation, k: int) -> None:
    spec = prepared.spec
    number = max(
        range(len(prepared.series)), key=lambda n: len(prepared.series[n].parts.test)
    )
    series = prepared.series[number]
    stop = series.parts.test.stop
    rows = slice(max(series.parts.test.start, stop - ROWS_SHOWN), stop)
    column = k * spec.horizon + spec.horizon - 1
    ahead: Any = np.arange(rows.start, rows.stop) + spec.horizon
    if series.time_us is None:
        axis.set_xlabel("row")
    else:
        period_us = 1e6 * (spec.sample_period_s or 0)
        ahead = series.time_us[rows] + round(spec.horizon * period_us)
        ahead = time_axis(axis, ahead)
    axis.plot(ahead, series.y[rows, column], color="black", lw=1.6, label="actual")
    for name in ("persistence", NETWORK):
        forecast = evaluation.forecasts[name][number][-len(series.y[rows]) :, column]
        axis.plot(ahead, forecast, color=color_of(name), lw=1.1, label=label(name))
    ahead_text = steps_in_words(spec.horizon, spec.sample_period_s)
    is_one_of_many = len({one.name for one in prepared.series}) > 1
    name = f"{series.name}: " if is_one_of_many else ""
    title = f"{name}forecast {ahead_text} ahead, end of the test part"
    legend_above(axis, title=title)


def _plot_errors(axis: Any, prepared: Prepared, evaluation: Evaluation, k: int) -> None:
    horizon = prepared.spec.horizon
    steps = range(1, horizon + 1)
    errors = {}
    for name, scores in evaluation.scores["test"].items():
        mine = scores[k * horizon : (k + 1) * horizon]
        errors[name] = np.array([score.mae if score else np.nan for score in mine])
        axis.plot(steps, errors[name], "o-", color=color_of(name), label=label(name))
    axis.set_xlabel("steps ahead")
    axis.set_ylim(bottom=0)
    _limit_to_network(axis, errors)
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.set_title("error on the test part")
    axis.legend(frameon=False)


def _limit_to_network(axis: Any, errors: dict[str, Any]) -> None:
    """Let no bad baseline squash the network; what leaves the panel is named."""
    known = errors[NETWORK][np.isfinite(errors[NETWORK])]
    limit = LARGEST_RATIO * known.max() if len(known) else 0.0
    worse = [
        f"{label(name)} up to {np.nanmax(values):#.3g}"
        for name, values in errors.items()
        if limit > 0 and np.isfinite(values).any() and np.nanmax(values) > limit
    ]
    if worse:
        shown = [
            np.nanmax(v[v <= limit]) for v in errors.values() if (v <= limit).any()
        ]
        axis.set_ylim(top=1.2 * max(shown))
        axis.annotate(
            "beyond the panel: " + ", ".join(worse),
            (0.99, 0.97),
            xycoords="axes fraction",
            ha="right",
            va="top",
            fontsize="small",
        )
