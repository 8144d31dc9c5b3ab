"""Synthetic readings of the kinds that forecasts are made for."""

from __future__ import annotations

import numpy as np

from rnnedge.data.series import Dataset, Series

START_US = 1_672_531_200_000_000  # Sunday, 2023-01-01


def dataset_of(
    values: np.ndarray, period_s: float, names: tuple[str, ...] = ("a",)
) -> Dataset:
    """One series; all columns are features, the first is the target."""
    slots = np.arange(len(values), dtype=np.int64)
    series = Series(
        "",
        START_US + np.rint(slots * period_s * 1e6).astype(np.int64),
        values.astype(np.float32),
        np.ones(len(values), np.bool_),
    )
    units = ("",) * len(names)
    return Dataset("made", names, units, names, names[:1], (series,), period_s, ())


def demand(num_days: int = 365, *, seed: int = 0) -> Dataset:
    """Half-hourly demand: a working day, a weekend, the seasons, and weather that drifts."""
    rng = np.random.default_rng(seed)
    steps = np.arange(48 * num_days)
    hour, day = (steps % 48) / 2, steps // 48
    working = 0.6 * np.exp(-(((hour - 9) / 2.5) ** 2)) + 0.8 * np.exp(
        -(((hour - 18.5) / 2.5) ** 2)
    )
    weekend = 0.7 * np.exp(-(((hour - 12.5) / 4) ** 2))
    shape = np.where((day % 7 == 0) | (day % 7 == 6), weekend, working)
    weather = np.zeros(len(steps))
    noise = rng.normal(size=len(steps))
    for k in range(1, len(steps)):
        weather[k] = 0.995 * weather[k - 1] + 0.012 * noise[k]
    yearly = 0.3 * np.cos(2 * np.pi * steps / (48 * 365))
    values = 2 + shape + yearly + weather + 0.02 * rng.normal(size=len(steps))
    return dataset_of(values[:, None], 1800.0)
