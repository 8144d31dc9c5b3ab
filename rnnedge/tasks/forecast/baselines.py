"""Baselines: forecasts that any network has to beat to be worth its weights.

All of them see what the network sees, held readings and nothing later, and all are scored
on the same forecasts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rnnedge.tasks.forecast.network import input_scaler
from rnnedge.tasks.forecast.preparing import Prepared, PreparedSeries

Array = NDArray[np.float32]

AR_LAGS = 24
AR_PENALTIES = (1e-3, 1e-1, 1e0, 1e1, 1e2, 1e3)
DAY_S = 86_400


def choose_season(sample_period_s: float | None) -> int:
    """Steps of one day, or 1 where a day is not a whole number of at least two steps."""
    if not sample_period_s:
        return 1
    steps = DAY_S / sample_period_s
    return int(steps) if steps >= 2 and steps == int(steps) else 1


def persistence(prepared: Prepared, series: PreparedSeries) -> Array:
    """`[T, O]`: the last known reading of the target, at every step ahead."""
    return np.repeat(_targets(prepared, series), prepared.spec.horizon, axis=1)


def seasonal_naive(prepared: Prepared, series: PreparedSeries, season: int) -> Array:
    """`[T, O]`: the reading a whole number of seasons before the step that is forecast.

    Persistence where the series has not lasted a season yet.
    """
    last = _targets(prepared, series)
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


class RidgeAR:
    """Linear regression of every output on the last `AR_LAGS` readings of all features.

    Fitted on the training part; the penalty is the one of `AR_PENALTIES` with the smallest
    error on the validation part. Readings are standardised, and the change from the last
    reading is what is learned where that reading is an input.
    """

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        shift, scale = input_scaler(prepared.spec, prepared.affine_weights)
        self._shift = shift.astype(np.float64)
        self._scale = scale.astype(np.float64)
        train = [self._rows(s, s.parts.train) for s in prepared.series]
        x = np.concatenate([rows for rows, _ in train])
        y = np.concatenate([targets for _, targets in train])
        candidates = [_fit_ridge(x, y, penalty) for penalty in AR_PENALTIES]
        held_out = [self._rows(s, s.parts.validation) for s in prepared.series]
        x = np.concatenate([rows for rows, _ in held_out])
        y = np.concatenate([targets for _, targets in held_out])
        errors = [np.nanmean(np.abs(x @ weights - y)) for weights in candidates]
        self._weights = candidates[int(np.argmin(errors))]

    def forecast(self, series: PreparedSeries) -> Array:
        """`[T, O]` forecasts from every row of `series`."""
        rows = range(len(series.x))
        change = self._lags(series, rows) @ self._weights
        return (change + persistence(self._prepared, series)).astype(np.float32)

    def _rows(
        self, series: PreparedSeries, part: range
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        last = persistence(self._prepared, series)[part.start : part.stop]
        y = series.y[part.start : part.stop].astype(np.float64) - last
        y[~series.is_reading[part.start : part.stop]] = np.nan
        return self._lags(series, part), y

    def _lags(self, series: PreparedSeries, part: range) -> NDArray[np.float64]:
        """`[N, lags * F + derived + 1]`, the newest lag first, a one at the end."""
        num_features = self._prepared.spec.num_features
        z = (series.x - self._shift) * self._scale
        padded = np.concatenate([np.repeat(z[:1], AR_LAGS - 1, axis=0), z])
        newest = np.arange(part.start, part.stop) + AR_LAGS - 1
        blocks = [padded[newest - lag, :num_features] for lag in range(AR_LAGS)]
        blocks += [z[part.start : part.stop, num_features:], np.ones((len(part), 1))]
        return np.concatenate(blocks, axis=1)


def _fit_ridge(
    x: NDArray[np.float64], y: NDArray[np.float64], penalty: float
) -> NDArray[np.float64]:
    weights = np.zeros((x.shape[1], y.shape[1]))
    shrink = penalty * np.eye(x.shape[1])
    shrink[-1, -1] = 0.0
    for k in range(y.shape[1]):
        known = np.isfinite(y[:, k])
        rows = x[known]
        gram = rows.T @ rows + shrink
        weights[:, k] = np.linalg.lstsq(gram, rows.T @ y[known, k], rcond=None)[0]
    return weights


def _target_columns(prepared: Prepared) -> Sequence[int] | None:
    names = prepared.spec.feature_names
    targets = prepared.spec.target_names
    if any(target not in names for target in targets):
        return None
    return [names.index(target) for target in targets]


def _targets(prepared: Prepared, series: PreparedSeries) -> Array:
    """`[T, targets]` last known reading of each target."""
    columns = _target_columns(prepared)
    if columns is not None:
        return series.x[:, columns]
    known = series.targets
    source = np.where(np.isfinite(known), np.arange(len(known))[:, None], 0)
    filled = np.take_along_axis(known, np.maximum.accumulate(source, axis=0), axis=0)
    seen = known[: series.parts.train.stop]
    count = np.maximum(np.isfinite(seen).sum(axis=0), 1)
    return np.where(np.isfinite(filled), filled, np.nansum(seen, axis=0) / count)
