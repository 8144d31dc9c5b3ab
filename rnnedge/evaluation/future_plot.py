"""Pictures of a forecast, and of forecasts beside what they were of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge.evaluation.future import Future
from rnnedge.evaluation.plots import COLORS, new_figure, save, time_axis
from rnnedge.evaluation.wording import NETWORK, steps_in_words
from rnnedge_runtime.spec import ModelSpec

PANELS_SHOWN = 6


def plot_futures(path: Path, spec: ModelSpec, futures: Sequence[Future]) -> None:
    """The last readings of each target and its forecast, at most six panels.

    Args:
        path: PNG or SVG file.
        spec: of the model.
        futures: of every series.
    """
    panels = [(future, k) for future in futures for k in range(len(spec.targets))]
    shown = panels[:PANELS_SHOWN]
    figure, axes = new_figure(len(shown), 1, (9, 1 + 3 * len(shown)))
    for axis, (future, k) in zip(axes[:, 0], shown, strict=True):
        _plot_future(axis, spec, future, k)
    _say_rest(figure, len(shown), len(panels))
    save(figure, path)


def plot_run(
    path: Path,
    spec: ModelSpec,
    times_us: NDArray[np.int64] | None,
    readings: NDArray[np.float32],
    forecasts: NDArray[np.float32],
) -> None:
    """Readings, and the forecasts of them at the furthest step, at most six panels.

    Args:
        path: PNG or SVG file.
        spec: of the model.
        times_us: `[K]` times of the last rows; None without a time.
        readings: `[K, F]`, NaN where missing.
        forecasts: `[K, O]` made at these rows, NaN where there was none.
    """
    shown = spec.targets[:PANELS_SHOWN]
    figure, axes = new_figure(len(shown), 1, (9, 1 + 3 * len(shown)))
    ahead_us = round(1e6 * spec.horizon * (spec.sample_period_s or 0))
    for k, target in enumerate(shown):
        axis = axes[k, 0]
        axis.set_ylabel(_with_unit(target.name, target.unit))
        now = _axis_of(axis, times_us, len(readings))
        then = _axis_of(
            axis,
            None if times_us is None else times_us + ahead_us,
            len(readings),
            start=spec.horizon,
        )
        if target.name in spec.feature_names:
            actual = readings[:, spec.feature_names.index(target.name)]
            axis.plot(now, actual, color="black", lw=1.6, label="actual")
        steps = len(spec.outputs) // len(spec.targets)
        column = (k + 1) * steps - 1 - max(1, len(spec.quantiles)) // 2
        words = steps_in_words(spec.horizon, spec.sample_period_s)
        axis.plot(
            then,
            forecasts[:, column],
            color=COLORS[NETWORK],
            lw=1.2,
            label=f"forecast {words} before",
        )
        axis.legend(frameon=False, ncols=2)
    _say_rest(figure, len(shown), len(spec.targets))
    save(figure, path)


def _plot_future(axis: Any, spec: ModelSpec, future: Future, k: int) -> None:
    target = spec.targets[k]
    axis.set_ylabel(_with_unit(target.name, target.unit))
    if future.name:
        axis.set_title(future.name)
    middle = spec.quantiles.index(0.5) if 0.5 in spec.quantiles else 0
    values = future.values[:, k]
    values = values[:, middle] if spec.quantiles else values
    past = _axis_of(axis, future.past_us, len(future.past))
    ahead = _axis_of(axis, future.times_us, len(values), start=len(future.past))
    if target.name in spec.feature_names:
        actual = future.past[:, spec.feature_names.index(target.name)]
        axis.plot(past, actual, color="black", lw=1.4, label="readings")
    axis.plot(ahead, values, "o-", color=COLORS[NETWORK], ms=3, label="forecast")
    axis.legend(frameon=False, ncols=2)


def _axis_of(
    axis: Any, times_us: NDArray[np.int64] | None, count: int, *, start: int = 0
) -> Any:
    if times_us is None:
        axis.set_xlabel("row")
        return np.arange(start, start + count)
    return time_axis(axis, times_us)


def _with_unit(name: str, unit: str) -> str:
    return f"{name} ({unit})" if unit else name


def _say_rest(figure: Any, shown: int, total: int) -> None:
    if shown < total:
        figure.suptitle(f"{shown} of {total}")
