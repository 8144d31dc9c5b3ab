"""Pictures of a forecast, and of forecasts beside what they were of: PNG, SVG or PDF."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from rnnedge.evaluation.future import Future
from rnnedge.evaluation.pictures.drawing import (
    COLORS,
    legend_above,
    new_figure,
    save,
    time_axis,
)
from rnnedge.evaluation.scores.numbers import with_unit
from rnnedge.evaluation.tracks import Track
from rnnedge.tasks.scores import NETWORK
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.streams.inputs import is_missing
from rnnedge_runtime.tables.durations import steps_in_words

Item = TypeVar("Item")

PANELS_SHOWN = 6
LEAST_PAST, PAST_PER_STEP = 60, 10  # rows before a forecast


def plot_futures(path: Path, spec: ModelSpec, futures: Sequence[Future]) -> None:
    """The last readings of each target and its forecast, at most six panels.

    Raises:
        DataError: the picture cannot be written.
    """
    _plot_panels(path, spec, futures, _plot_future)


def plot_run(path: Path, spec: ModelSpec, tracks: Sequence[Track]) -> None:
    """Readings, and the forecasts of them at the furthest step, at most six panels.

    Raises:
        DataError: the picture cannot be written.
    """
    _plot_panels(path, spec, tracks, _plot_track)


def _plot_panels(
    path: Path,
    spec: ModelSpec,
    items: Sequence[Item],
    plot: Callable[[Any, ModelSpec, Item, int], None],
) -> None:
    panels = [(item, k) for item in items for k in range(len(spec.targets))]
    shown = min(len(panels), PANELS_SHOWN)
    figure, axes = new_figure(shown, 1, (9, 1 + 3 * shown))
    if shown < len(panels):
        figure.suptitle(f"{shown} of {len(panels)} forecasts")
    for axis, (item, k) in zip(axes[:, 0], panels, strict=False):
        plot(axis, spec, item, k)
    save(figure, path)


def _plot_track(axis: Any, spec: ModelSpec, track: Track, k: int) -> None:
    _plot_readings(axis, spec, track, k, label="actual")
    num_levels = max(1, len(spec.quantiles))
    column = ((k + 1) * spec.horizon - 1) * num_levels + _level(spec)
    ahead = steps_in_words(spec.horizon, spec.sample_period_s)
    if track.times_us is None or spec.sample_period_s is None:
        then: Any = track.rows + spec.horizon
    else:
        ahead_us = round(1e6 * spec.horizon * spec.sample_period_s)
        then = time_axis(axis, track.times_us + ahead_us)
    values = track.forecasts[:, column]
    axis.plot(
        then, values, color=COLORS[NETWORK], lw=1.2, label=f"forecast {ahead} before"
    )
    legend_above(axis, title=track.name)


def _plot_future(axis: Any, spec: ModelSpec, future: Future, k: int) -> None:
    num_steps = len(future.values)
    num_rows = max(LEAST_PAST, PAST_PER_STEP * num_steps)
    _plot_readings(axis, spec, future.past, k, label="readings", num_rows=num_rows)
    values = future.values[:, k]
    values = values[:, _level(spec)] if spec.quantiles else values
    if future.times_us is None:
        ahead: Any = future.past.rows[-1] + np.arange(1, num_steps + 1)
    else:
        ahead = time_axis(axis, future.times_us)
    axis.plot(ahead, values, "o-", color=COLORS[NETWORK], ms=3, label="forecast")
    legend_above(axis, title=future.name)


def _plot_readings(
    axis: Any, spec: ModelSpec, track: Track, k: int, *, label: str, num_rows: int = 0
) -> None:
    """The readings of a target, without those outside its plausible range."""
    target = spec.targets[k]
    axis.set_ylabel(with_unit(target.name, target.unit))
    if track.times_us is None:
        axis.set_xlabel("row")
    if target.name not in spec.feature_names:
        return
    number = spec.feature_names.index(target.name)
    values = track.readings[-num_rows:]
    missing = is_missing(spec.features, values)[:, number]
    values = np.where(missing, np.nan, values[:, number].astype(np.float64))
    place: Any = track.rows
    if track.times_us is not None:
        place = time_axis(axis, track.times_us)
    axis.plot(place[-num_rows:], values, color="black", lw=1.5, label=label)


def _level(spec: ModelSpec) -> int:
    """Number of the quantile that is drawn: the median, or the one in the middle."""
    if 0.5 in spec.quantiles:
        return spec.quantiles.index(0.5)
    return max(0, len(spec.quantiles) - 1) // 2
