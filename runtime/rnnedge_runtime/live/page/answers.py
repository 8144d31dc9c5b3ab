"""What the page is told of the model, the streams and the counters, as JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...spec.model_spec import ModelSpec
from ..loop.nouns import Place
from ..sinks.decimals import decimal, decimals
from ..sinks.latency import BOUNDS_S
from ..sinks.newest import NEVER, Newest
from .feed import Feed
from .history import History, Past, Position

_NUM_RECENT = 32
_MOST_COUNTERS = 200


def about(place: Place) -> dict[str, Any]:
    """The model: its features, targets, steps ahead and period."""
    spec = place.spec
    return {
        "artifact": place.artifact,
        "features": [{"name": x.name, "unit": x.unit} for x in spec.features],
        "targets": [_target(spec, target) for target in range(len(spec.targets))],
        "horizon": spec.horizon,
        "quantiles": list(spec.quantiles),
        "period_s": spec.sample_period_s,
    }


def _target(spec: ModelSpec, target: int) -> dict[str, Any]:
    """A target with the columns of its outputs by step: the middle, and the outer two."""
    name, unit = spec.targets[target].name, spec.targets[target].unit
    number = max(1, len(spec.quantiles))
    first = target * spec.horizon * number
    starts = [first + step * number for step in range(spec.horizon)]
    nearest = min(range(number), key=lambda k: abs((spec.quantiles or (0.5,))[k] - 0.5))
    found: dict[str, Any] = {
        "name": name,
        "unit": unit or _unit_of(spec, name),
        "feature": _feature(spec, target),
        "middle": [start + nearest for start in starts],
    }
    if number > 1:
        found["lower"] = starts
        found["upper"] = [start + number - 1 for start in starts]
    return found


def _feature(spec: ModelSpec, target: int = 0) -> int | None:
    """The feature that a target forecasts, None where it is no input."""
    name = spec.targets[target].name
    names = spec.feature_names
    return names.index(name) if name in names else None


def _unit_of(spec: ModelSpec, name: str) -> str:
    return next((x.unit for x in spec.features if x.name == name), "")


def listed(
    place: Place, numbers: list[int], newest: Newest, history: History
) -> Iterator[str]:
    """An object of JSON for each of these series, with its newest readings."""
    column = _feature(place.spec) or 0
    known = len(newest)
    rows = newest.rows(np.array([k for k in numbers if k < known], np.int64))
    at = {number: row for row, number in enumerate(rows.series.tolist())}
    for number in numbers:
        name = json.dumps(place.names[number])
        row = at.get(number)
        if row is None or rows.time_us[row] == NEVER:
            yield f'{{"name": {name}, "time": null}}'
            continue
        past = history.since(Position(number), _NUM_RECENT)
        recent = decimals(past.readings[:, column]) if past else "[]"
        yield (
            f'{{"name": {name}, "time": {int(rows.time_us[row]) / 1e6!r}, '
            f'"reading": {decimal(rows.readings[row, column])}, "recent": {recent}}}'
        )


def past_text(past: Past) -> str:
    """Rows of one series, column by column."""
    times = json.dumps((past.time_us / 1e6).tolist())
    readings = ",".join(map(decimals, past.readings.T))
    values = ",".join(map(decimals, past.values.T))
    whole = json.dumps(past.is_whole)
    return (
        f'{{"whole": {whole}, "time": {times}, '
        f'"readings": [{readings}], "values": [{values}]}}'
    )


def state(place: Place, feed: Feed) -> str:
    """Counters and latency."""
    counts = sorted(dict(place.counters.counts).items())[:_MOST_COUNTERS]
    latency = feed.latency
    parts = {"p50": latency.below(0.5), "p99": latency.below(0.99)}
    return json.dumps(
        {
            "now": time.time(),
            "series": len(place.names),
            "forecasts": feed.num_forecasts,
            "latency": {
                **{name: _finite(value) for name, value in parts.items()},
                "bounds": list(BOUNDS_S),
                "counts": list(latency.counts),
            },
            "counters": [[*names, number] for names, number in counts],
        }
    )


def _finite(value: float | None) -> float | None:
    """A number of JSON; what is above all bounds is twice the last."""
    return 2 * BOUNDS_S[-1] if value == float("inf") else value
