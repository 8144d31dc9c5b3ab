"""Pictures of runs and of forecasts: what they show, and that nothing warns."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.tables.small_data import waves

from rnnedge.data.series import Dataset
from rnnedge.evaluation.future import Future
from rnnedge.evaluation.pictures import future_plot
from rnnedge.evaluation.pictures import run_plots as plots
from rnnedge.evaluation.pictures.drawing import time_axis
from rnnedge.evaluation.scores.scoring import Evaluation, evaluate
from rnnedge.evaluation.tracks import Track
from rnnedge.tasks.config import TrainConfig
from rnnedge.tasks.forecast.preparing import prepare
from rnnedge.tasks.task import Prepared
from rnnedge.training.trainer import EpochRecord
from rnnedge_runtime.spec.layers import Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target


@pytest.fixture(autouse=True)
def strict() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that are saved, drawn first so that nothing can fail later."""
    kept: list[Any] = []

    def keep(figure: Any, path: Path) -> None:
        del path
        figure.canvas.draw()
        kept.append(figure)

    monkeypatch.setattr(plots, "save", keep)
    monkeypatch.setattr(future_plot, "save", keep)
    return kept


def evaluated(dataset: Dataset, horizon: int = 2) -> tuple[Prepared, Evaluation]:
    prepared = prepare(dataset, TrainConfig(horizon=horizon))

    def forecast(series: Any) -> np.ndarray:
        return np.nan_to_num(series.y) + np.float32(0.1)

    return prepared, evaluate(prepared, forecast)


def spec_of(num_targets: int, period_s: float | None) -> ModelSpec:
    names = [f"s{k}" for k in range(num_targets)]
    return ModelSpec(
        features=tuple(Feature(name, "C") for name in names),
        targets=tuple(Target(name, "C") for name in names),
        layers=(Gru(num_targets, 2), Linear(2, 3 * num_targets)),
        horizon=3,
        sample_period_s=period_s,
    )


def track_of(spec: ModelSpec, name: str = "", num_rows: int = 50) -> Track:
    rng = np.random.default_rng(0)
    rows = np.arange(101, 101 + num_rows)
    times = None
    if spec.sample_period_s:
        times = np.rint(rows * spec.sample_period_s * 1e6).astype(np.int64)
        times += 1_700_000_000_000_000
    return Track(
        name,
        rows,
        times,
        rng.normal(size=(num_rows, spec.num_features)).astype(np.float32),
        rng.normal(size=(num_rows, spec.output_size)).astype(np.float32),
    )


def future_of(spec: ModelSpec, name: str = "", num_steps: int = 3) -> Future:
    past, times = track_of(spec, name), None
    if past.times_us is not None and spec.sample_period_s:
        ahead = np.arange(1, num_steps + 1) * spec.sample_period_s * 1e6
        times = past.times_us[-1] + np.rint(ahead).astype(np.int64)
    values = np.zeros((num_steps, len(spec.targets)), dtype=np.float32)
    return Future(name, times, values, past)


def titles(figure: Any) -> list[str]:
    return [axis.get_title(loc="left") for axis in figure.axes]


@pytest.mark.parametrize("period_s", [1e-5, 0.08, 60.0, 86_400.0, 4e7, None])
def test_axes_from_microseconds_to_years(
    figures: list[Any], period_s: float | None
) -> None:
    spec = spec_of(1, period_s)
    future_plot.plot_futures(Path("x.png"), spec, [future_of(spec)])
    future_plot.plot_run(Path("x.png"), spec, [track_of(spec)])
    for figure in figures:
        (axis,) = figure.axes
        labels = [label.get_text() for label in axis.get_xticklabels()]
        assert 2 <= len([text for text in labels if text]) <= 14
        readings, forecast = axis.get_lines()
        assert forecast.get_xdata()[-1] > readings.get_xdata()[-1]
    readings, forecast = figures[0].axes[0].get_lines()
    if period_s is None:
        assert readings.get_xdata()[-1] == 150  # the number of the row
        assert forecast.get_xdata().tolist() == [151, 152, 153]
        assert figures[0].axes[0].get_xlabel() == "row"


def test_six_panels_at_most_and_series_in_titles(figures: list[Any]) -> None:
    spec = spec_of(2, 60.0)
    names = [f"room {k}" for k in range(9)]
    future_plot.plot_futures(Path("x"), spec, [future_of(spec, n) for n in names])
    future_plot.plot_run(Path("x"), spec, [track_of(spec, n) for n in names])
    for figure in figures:
        assert titles(figure) == [name for name in names[:3] for _ in range(2)]
        assert figure.get_suptitle() == "6 of 18 forecasts"
    wide = spec_of(80, 60.0)
    future_plot.plot_run(Path("x"), wide, [track_of(wide)])
    assert [axis.get_ylabel() for axis in figures[-1].axes] == [
        f"s{k} (C)" for k in range(6)
    ]


def test_forecasts_are_drawn_where_they_point(figures: list[Any]) -> None:
    spec = spec_of(2, 60.0)
    track = track_of(spec)
    future_plot.plot_run(Path("x"), spec, [track])
    for k, axis in enumerate(figures[0].axes):
        actual, forecast = axis.get_lines()
        np.testing.assert_array_equal(actual.get_ydata(), track.readings[:, k])
        np.testing.assert_array_equal(
            forecast.get_ydata(), track.forecasts[:, 3 * k + 2]
        )
        apart = forecast.get_xdata()[0] - actual.get_xdata()[0]
        assert apart == np.timedelta64(3, "m")
        assert forecast.get_label() == "forecast 3 min before"


def test_what_is_missing_or_implausible_leaves_the_scale_alone(
    figures: list[Any],
) -> None:
    spec = spec_of(1, 60.0)
    feature = dataclasses.replace(spec.features[0], range=(-10.0, 10.0))
    spec = dataclasses.replace(spec, features=(feature,))
    track = track_of(spec)
    track.readings[5], track.readings[9] = 1e6, np.nan
    track.forecasts[:4] = np.nan
    future_plot.plot_run(Path("x"), spec, [track])
    assert max(map(abs, figures[0].axes[0].get_ylim())) < 10


def test_a_run_shows_three_targets_and_says_so(figures: list[Any]) -> None:
    rng = np.random.default_rng(0)
    dataset = waves(300)
    values = rng.normal(size=(300, 5)).astype(np.float32)
    names = tuple(f"s{k}" for k in range(5))
    dataset = dataclasses.replace(
        dataset,
        columns=names,
        features=names,
        targets=names,
        units=("",) * 5,
        series=(dataclasses.replace(dataset.series[0], values=values),),
    )
    plots.plot_forecast(Path("x"), *evaluated(dataset))
    assert len(figures[0].axes) == 6
    assert figures[0].get_suptitle() == "3 of 5 targets; scores.csv has all"


@pytest.mark.parametrize("has_time", [True, False])
def test_a_run_of_several_series_names_the_one_it_shows(
    figures: list[Any], has_time: bool
) -> None:
    dataset = waves(num_series=3, lengths=(300, 500, 400), has_time=has_time)
    plots.plot_forecast(Path("x"), *evaluated(dataset))
    shown = titles(figures[0])[0].partition(":")[0]
    assert shown in ("s0", "s1", "s2")
    plots.plot_forecast(Path("x"), *evaluated(waves(has_time=has_time)))
    assert titles(figures[1])[0].startswith("forecast 2 ")


def test_a_bad_baseline_does_not_squash_the_network(figures: list[Any]) -> None:
    prepared, evaluation = evaluated(waves())
    plots.plot_forecast(Path("x"), prepared, evaluation)
    network = max(score.mae for score in evaluation.scores["test"]["network"] if score)
    axis = figures[0].axes[1]
    assert axis.get_ylim()[1] <= 6 * network
    (note,) = [text.get_text() for text in axis.texts]
    assert note.startswith("beyond the panel: ")
    assert "persistence up to" in note


def test_the_loss_of_one_epoch(figures: list[Any]) -> None:
    fields = {field.name: 1 for field in dataclasses.fields(EpochRecord)}
    record = EpochRecord(**{**fields, "train_loss": 0.5, "validation_error": 0.4})
    plots.plot_loss(Path("x"), [record])
    assert "best: 0.400" in figures[0].axes[0].texts[0].get_text()


def test_a_time_axis_of_one_instant_does_not_warn(figures: list[Any]) -> None:
    spec = spec_of(1, 60.0)
    future_plot.plot_futures(Path("x"), spec, [future_of(spec, num_steps=1)])
    future_plot.plot_run(Path("x"), spec, [track_of(spec, num_rows=1)])
    assert len(figures) == 2
    assert time_axis(figures[0].axes[0], np.zeros(1, np.int64)).dtype == "M8[us]"
