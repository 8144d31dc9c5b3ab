"""Small synthetic data sets for the training tests."""

from __future__ import annotations

import numpy as np

from rnnedge.data.series import Dataset, Series


def waves(
    num_rows: int = 400,
    *,
    num_series: int = 1,
    seed: int = 0,
    missing: float = 0.0,
    has_time: bool = True,
    lengths: tuple[int, ...] = (),
) -> Dataset:
    """Two noisy sines of 24 steps, `a` and `b`, hourly, with `missing` of the cells NaN."""
    rng = np.random.default_rng(seed)
    series = []
    for number in range(num_series):
        length = lengths[number] if lengths else num_rows
        t = np.arange(length) + 7 * number
        values = np.stack(
            [10 + 3 * np.sin(2 * np.pi * t / 24), 5 * np.cos(2 * np.pi * t / 24)],
            axis=1,
        )
        values += 0.2 * rng.normal(size=values.shape)
        values[rng.random(values.shape) < missing] = np.nan
        series.append(
            Series(
                name=f"s{number}",
                time_us=(1_357_020_000 + 3600 * np.arange(length)) * 1_000_000
                if has_time
                else None,
                values=values.astype(np.float32),
                is_reading=np.ones(length, dtype=np.bool_),
            )
        )
    return Dataset(
        source="waves",
        columns=("a", "b"),
        units=("C", ""),
        features=("a", "b"),
        targets=("a",),
        series=tuple(series),
        sample_period_s=3600.0 if has_time else None,
        notes=(),
    )
