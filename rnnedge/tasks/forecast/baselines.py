"""Baselines: forecasts that any network has to beat to be worth its weights.

All of them see what the network sees, held readings and nothing later, and all are scored
on the same forecasts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rnnedge.tasks.scores import NETWORK, NETWORK_INT8
from rnnedge.tasks.task import Prepared, PreparedSeries

Array = NDArray[np.float32]

SEASONS_S = {"day": 86_400.0, "week": 604_800.0, "year": 31_556_952.0}
LONGEST_YEAR_STEPS = 366
YEAR_TOLERANCE = 0.01  # neither days nor weeks nor months are a whole part of a year
SEASONS_SEEN = 2  # in the longest training part
LABELS = {
    NETWORK: "network",
    NETWORK_INT8: "network, int8",
    "persistence": "persistence",
    "seasonal_naive": "seasonal-naive",
    "ridge_ar": "ridge AR",
}


def choose_season(sample_period_s: float | None) -> int:
    """Steps of one day, or 1 where a day is not a whole number of at least two steps."""
    return season_steps(sample_period_s).get("day", 1)


def season_steps(sample_period_s: float | None) -> dict[str, int]:
    """Steps of a day, a week and a year, where these are whole numbers of at least two.

    The year is one of days or longer steps, rounded.
    """
    if not sample_period_s:
        return {}
    found = {}
    for name, length in SEASONS_S.items():
        steps = length / sample_period_s
        aside = YEAR_TOLERANCE * steps if name == "year" else 1e-6 * steps
        is_whole = round(steps) >= 2 and abs(steps - round(steps)) <= aside
        if is_whole and (name != "year" or steps < LONGEST_YEAR_STEPS):
            found[name] = round(steps)
    return found


def candidate_seasons(prepared: Prepared, season: int = 0) -> list[int]:
    """Seasons that the training part shows at least twice, in steps.

    The day where it shows none twice but a day once; [1] where it is shorter.

    Args:
        prepared: data and spec.
        season: the one that was asked for, which is then the only one; 0: none was.
    """
    if season:
        return [season]
    longest = max(len(series.parts.train) for series in prepared.series)
    seasons = season_steps(prepared.spec.sample_period_s).values()
    seen = [steps for steps in seasons if SEASONS_SEEN * steps <= longest]
    day = choose_season(prepared.spec.sample_period_s)
    return seen or [day if day < longest else 1]


def best_season(prepared: Prepared, candidates: Sequence[int]) -> int:
    """The one with the smallest error on the validation part, all outputs together."""
    if len(candidates) == 1:
        return candidates[0]
    totals = []
    for season in candidates:
        errors = []
        for one in prepared.series:
            rows = slice(one.parts.validation.start, one.parts.validation.stop)
            error = np.abs(seasonal_naive(prepared, one, season)[rows] - one.y[rows])
            errors.append(error[one.is_reading[rows]])
        totals.append(float(np.nansum(np.concatenate(errors) / prepared.output_scale)))
    return candidates[int(np.argmin(totals))]


def season_name(steps: int, sample_period_s: float | None) -> str:
    """`day`, `week` or `year`; `12 steps` for another season; "" for one step."""
    for name, length in season_steps(sample_period_s).items():
        if length == steps:
            return name
    return f"{steps} steps" if steps > 1 else ""


def persistence(prepared: Prepared, series: PreparedSeries) -> Array:
    """`[T, O]`: the last known reading of the target, at every step ahead."""
    return np.repeat(last_readings(prepared, series), prepared.spec.horizon, axis=1)


def seasonal_naive(prepared: Prepared, series: PreparedSeries, season: int) -> Array:
    """`[T, O]`: the reading a whole number of seasons before the step that is forecast.

    Persistence where the series has not lasted a season yet.
    """
    last = last_readings(prepared, series)
    forecasts = persistence(prepared, series).reshape(len(last), last.shape[1], -1)
    for step in range(1, prepared.spec.horizon + 1):
        back = season * -(-step // season) - step
        if 0 < back < len(last):
            forecasts[back:, :, step - 1] = last[:-back]
    return forecasts.reshape(len(last), -1)


def seasonal_scale(prepared: Prepared, season: int) -> NDArray[np.float64]:
    """`[O]` mean absolute change of each target over one season on the training part."""
    changes = [
        np.abs(now[season:] - now[:-season])
        for series in prepared.series
        if len(now := series.targets[: series.parts.train.stop]) > season
    ]
    joined = (
        np.concatenate(changes)
        if changes
        else np.zeros((0, len(prepared.spec.targets)))
    )
    count = np.maximum(np.isfinite(joined).sum(axis=0), 1)
    scale = np.nansum(joined.astype(np.float64), axis=0) / count
    return np.repeat(scale, prepared.spec.horizon)


def last_readings(prepared: Prepared, series: PreparedSeries) -> Array:
    """`[T, targets]` last known reading of each target; before the first, the mean."""
    names, targets = prepared.spec.feature_names, prepared.spec.target_names
    if set(targets) <= set(names):
        return series.x[:, [names.index(target) for target in targets]]
    known = series.targets
    source = np.where(np.isfinite(known), np.arange(len(known))[:, None], 0)
    filled = np.take_along_axis(known, np.maximum.accumulate(source, axis=0), axis=0)
    return np.where(np.isfinite(filled), filled, _training_means(prepared))


def _training_means(prepared: Prepared) -> Array:
    """`[targets]` mean reading in the training part of all series."""
    total = np.zeros(len(prepared.spec.targets))
    count = np.zeros(len(prepared.spec.targets))
    for series in prepared.series:
        seen = series.targets[: series.parts.train.stop].astype(np.float64)
        total += np.nansum(seen, axis=0)
        count += np.isfinite(seen).sum(axis=0)
    return (total / np.maximum(count, 1)).astype(np.float32)


def label(name: str, season: int = 0, sample_period_s: float | None = None) -> str:
    """Name of a forecaster for people: `seasonal-naive (week)`."""
    cycle = season_name(season, sample_period_s) if name == "seasonal_naive" else ""
    plain = LABELS.get(name, name.replace("_", " "))
    return f"{plain} ({cycle})" if cycle else plain
