"""The true outputs of a forecast, and whether there is anything to learn from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rnnedge.data.limits import Bounds, Limits, clean_range
from rnnedge.data.series import Dataset
from rnnedge.data.split import Split
from rnnedge_runtime.errors import DataError
from rnnedge_runtime.spec.model_spec import Feature

Array = NDArray[np.float32]


def target_ranges(
    dataset: Dataset, features: tuple[Feature, ...], training: Array
) -> list[Bounds | None]:
    """The plausible range of every target: its feature's, or that of `training` `[T, N]`."""
    of_features = {feature.name: feature.range for feature in features}
    ranges = []
    for name, column in zip(dataset.targets, training.T, strict=True):
        seen = column[np.isfinite(column)]
        if name in of_features or not len(seen):
            ranges.append(of_features.get(name))
        else:
            ranges.append(Limits({}, {}).bounds(name, clean_range(seen))[1])
    return ranges


def plausible(values: Array, ranges: list[Bounds | None]) -> Array:
    """`values` `[T, N]`, NaN where they are outside the range of their column."""
    for k, bounds in enumerate(ranges):
        if bounds is None:
            continue
        low, high = np.asarray(bounds, dtype=np.float32)
        is_absurd = (values[:, k] < low) | (values[:, k] > high)
        if is_absurd.any():
            values = values.copy()
            values[is_absurd, k] = np.nan
    return values


def true_outputs(values: Array, horizon: int) -> Array:
    """`[T, targets * horizon]`: the reading `step` rows ahead, NaN where there is none.

    For one target it is a view, as large in memory as the target; not to be written to.
    """
    num_rows, num_targets = values.shape
    ahead = np.full((num_rows + horizon - 1, num_targets), np.nan, dtype=np.float32)
    ahead[: num_rows - 1] = values[1:]
    windows = np.lib.stride_tricks.sliding_window_view(ahead, horizon, axis=0)
    return windows.reshape(num_rows, num_targets * horizon)


def check_targets(
    dataset: Dataset, rows: Array, outputs: list[Array], parts: list[Split]
) -> None:
    """Raise DataError unless every target varies in training and is known in validation."""
    for name, column in zip(dataset.targets, rows.T, strict=True):
        seen = column[np.isfinite(column)]
        if len(np.unique(seen)) < 2:
            raise DataError(
                f"{dataset.source}, training part: target '{name}' has {len(seen)} readings "
                f"and does not vary in its {len(column)} rows, expected at least two "
                "different values. Choose another --target, or give more data."
            )
    held_out = np.concatenate(
        [
            y[p.validation.start : p.validation.stop][
                one.is_reading[p.validation.start : p.validation.stop]
            ]
            for one, y, p in zip(dataset.series, outputs, parts, strict=True)
        ]
    )
    horizon = held_out.shape[1] // len(dataset.targets)
    known = np.isfinite(held_out).reshape(-1, len(dataset.targets), horizon)
    for name, is_known in zip(dataset.targets, known.any(axis=(0, 2)), strict=True):
        if not is_known:
            raise DataError(
                f"{dataset.source}, validation part: target '{name}' has no reading in its "
                f"{len(held_out)} rows, expected some to choose the best epoch by. "
                "Choose another --target, or give more data."
            )
