"""Readings of several series as drawn batches, and what RowStreams make of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from support.predicting import can_predict
from support.strategies import random_readings

from rnnedge_runtime.errors import DataError
from rnnedge_runtime.live.loop.nouns import Batch, Counters, Outcome
from rnnedge_runtime.live.loop.streams import LiveStreams
from rnnedge_runtime.live.row_stream import RowStream
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.streams.model import Model
from rnnedge_runtime.tables.rows.row import Row

START_US = 1_700_000_000_000_000
FUTURE_US = 10**15


@dataclass(frozen=True)
class Readings:
    """Columns of readings in the order in which they came."""

    series: np.ndarray
    time_us: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.series)

    def part(self, chosen: slice | np.ndarray) -> Readings:
        return Readings(self.series[chosen], self.time_us[chosen], self.values[chosen])

    def batch(self, now_us: int = START_US) -> Batch:
        return Batch(now_us, self.series, self.time_us, self.values)


def with_holes_held(spec: ModelSpec, max_gap: float | None = 8) -> ModelSpec:
    """The same whose features can miss a reading, with a longest hole in periods.

    What was rejected is forecast, where it can be.
    """
    forecast = spec.target_names if can_predict(spec) else ()
    features = tuple(
        replace(item, missing="predict" if item.name in forecast else "hold")
        if item.missing == "reject"
        else item
        for item in spec.features
    )
    gap = max_gap and spec.sample_period_s and max_gap * spec.sample_period_s
    return replace(spec, features=features, max_gap_s=gap)


def draw_readings(
    spec: ModelSpec,
    rng: np.random.Generator,
    *,
    num_series: int = 3,
    size: int = 40,
    disorder: float = 0.1,
) -> Readings:
    """Regular, jittering, repeated, missing and older readings of some series."""
    period_us = (spec.sample_period_s or 1.0) * 1e6
    series = rng.integers(0, num_series, size).astype(np.int32)
    kinds = rng.choice(
        [1.0, 2.0, 3.0, 9.0, 20.0, 0.0, 0.3, 1.45],
        size,
        p=[0.5, 0.1, 0.1, 0.05, 0.05, 0.1, 0.05, 0.05],
    )
    jitter = rng.choice([0.0, 0.2, 0.6], size, p=[0.5, 0.4, 0.1])
    kinds = np.maximum(kinds + jitter * rng.uniform(-1, 1, size), 0)
    kinds[rng.random(size) < disorder] *= -1
    time_us = np.empty(size, dtype=np.int64)
    for k in range(num_series):
        steps = np.rint(kinds[series == k] * period_us).astype(np.int64)
        time_us[series == k] = START_US + np.cumsum(steps)
    return Readings(series, time_us, random_readings(spec, rng, size))


def live_streams(model: Model, num_series: int = 3, **options: object) -> LiveStreams:
    """Streams with as many series, named by their numbers."""
    settings: dict = {"future_us": FUTURE_US, "counters": Counters()} | options
    streams = LiveStreams(model, **settings)
    for k in range(num_series):
        streams.number(str(k))
    return streams


def forecasts_of_rows(model: Model, readings: Readings) -> list[tuple[int, bytes]]:
    """Row and forecast of each reading that a RowStream of its series steps."""
    streams: dict[int, RowStream] = {}
    found = []
    for row in range(len(readings)):
        series = int(readings.series[row])
        stream = streams.setdefault(series, RowStream(model))
        before = stream.findings.counts.get("rows in a time slot already taken", (0, 0))
        values = np.where(
            np.isfinite(readings.values[row]), readings.values[row], np.nan
        )
        try:
            given = Row(row, None, int(readings.time_us[row]), values.astype("f4"))
            forecast = stream.advance(given)
        except DataError:
            continue
        after = stream.findings.counts.get("rows in a time slot already taken", (0, 0))
        if after[0] == before[0]:
            assert forecast is not None
            found.append((row, forecast.tobytes()))
    return found


def forecasts_of(outcomes: list[Outcome], starts: list[int]) -> list[tuple[int, bytes]]:
    """Row of the whole, and forecast, of all outcomes of its parts."""
    return [
        (start + int(row), values.tobytes())
        for start, outcome in zip(starts, outcomes, strict=True)
        for row, values in zip(outcome.rows, outcome.values, strict=True)
    ]
