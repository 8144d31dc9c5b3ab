"""A model that forecasts the bundled weather, fitted in a second; and the weather replayed."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from support.artifacts import save_artifact
from support.strategies import random_weights

import rnnedge_runtime
from rnnedge import datasets
from rnnedge_runtime.live.loop.nouns import Reading
from rnnedge_runtime.spec.derived import DerivedInput
from rnnedge_runtime.spec.layers import AddLast, Affine, Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target

COLUMNS = ("temp_c", "dewpoint_c", "humidity_pct", "wind_ms", "pressure_hpa")
UNITS = ("C", "C", "%", "m/s", "hPa")
QUANTILES = (0.1, 0.5, 0.9)
HORIZON = 12
PERIOD_S = 3600
_HIDDEN = 48
_TRAINED_ROWS = 4000


def weather(station: str) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """`[T]` Unix seconds, an hour apart but for holes, and `[T, 5]` readings."""
    text = gzip.decompress(datasets.weather(station).read_bytes()).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    times = [datetime.fromisoformat(row["time"]).timestamp() for row in rows]
    values = [[float(row[name] or "nan") for name in COLUMNS] for row in rows]
    return np.array(times, np.int64), np.array(values, np.float32)


def fitted_model(folder: Path) -> Path:
    """A network whose GRU is as drawn and whose last layer is fitted by least squares."""
    times, x = weather("jfk")
    times, x = times[:_TRAINED_ROWS], x[:_TRAINED_ROWS]
    size = HORIZON * len(QUANTILES)
    spec = ModelSpec(
        features=tuple(map(Feature, COLUMNS, UNITS)),
        targets=(Target("temp_c", "C"),),
        layers=(
            Affine(7),
            Gru(7, _HIDDEN),
            Linear(_HIDDEN, size),
            AddLast((0,) * size),
        ),
        horizon=HORIZON,
        quantiles=QUANTILES,
        derived=(DerivedInput(86_400),),
        sample_period_s=float(PERIOD_S),
    )
    weights = random_weights(spec, np.random.default_rng(0))
    spread = np.nanstd(x, axis=0)
    weights["layers.0.shift"] = np.array([*np.nanmean(x, axis=0), 0, 0], np.float32)
    weights["layers.0.scale"] = np.array([*(1 / spread), 2, 2], np.float32)
    for name in ("weight_ih", "weight_hh"):
        weights[f"layers.1.{name}"] *= np.float32(3)
    seen = replace(
        spec,
        layers=(*spec.layers[:2], Linear(_HIDDEN, _HIDDEN)),
        horizon=_HIDDEN,
        quantiles=(),
    )
    own = {
        k: v for k, v in weights.items() if not k.startswith(("layers.2", "layers.3"))
    }
    own["layers.2.weight"] = np.eye(_HIDDEN, dtype=np.float32)
    own["layers.2.bias"] = np.zeros(_HIDDEN, np.float32)
    model = rnnedge_runtime.load(save_artifact(seen, own, folder, ".rnne"))
    hidden = model.stream().run(x, times)
    readout = _readout(hidden.astype(np.float64), x[:, 0].astype(np.float64))
    weights["layers.2.weight"], weights["layers.2.bias"] = readout
    path = save_artifact(spec, weights, folder, ".rnne")
    return path.rename(path.with_name("weather.rnne"))


def _readout(
    hidden: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weight and bias: the change of the temperature, and quantiles of what is left."""
    inputs = np.column_stack([hidden, np.ones(len(hidden))])[100:-HORIZON]
    weight, bias = [], []
    for step in range(1, HORIZON + 1):
        change = y[100 + step : len(y) - HORIZON + step] - y[100:-HORIZON]
        is_known = np.isfinite(change)
        a, b = inputs[is_known], change[is_known]
        ridge = a.T @ a + 0.1 * np.eye(a.shape[1])
        solution = np.linalg.solve(ridge, a.T @ b)
        left = np.quantile(b - a @ solution, QUANTILES)
        weight += [solution[:-1]] * len(QUANTILES)
        bias += (solution[-1] + left).tolist()
    return np.array(weight, np.float32), np.array(bias, np.float32)


END = datetime(2013, 9, 21, 14, tzinfo=UTC)
DAY_S = 86_400


def replayed(
    days_before: Sequence[tuple[str, int]], num_hours: int
) -> Iterator[list[Reading]]:
    """Hour by hour up to `END` what the stations read so many days before, holes left out.

    Args:
        days_before: station and days of each series, which is named after both.
        num_hours: in all.
    """
    tables = {}
    for station, _ in days_before:
        times, x = weather(station)
        tables[station] = dict(zip(times.tolist(), x, strict=True))
    for hour in range(num_hours):
        at_s = int(END.timestamp()) - (num_hours - 1 - hour) * PERIOD_S
        yield [
            Reading(name_of(station, days), at_s * 1_000_000, values)
            for station, days in days_before
            if (x := tables[station].get(at_s - days * DAY_S)) is not None
            and (values := _named(x))
        ]


def name_of(station: str, days: int) -> str:
    """Of a series that shows the station so many days before."""
    return f"{station} {days} d before" if days else station


def _named(values: NDArray[np.float32]) -> dict[str, float]:
    pairs = zip(COLUMNS, values.tolist(), strict=True)
    return {name: round(value, 1) for name, value in pairs if np.isfinite(value)}
