"""What is fitted on the training part: scalers, clip ranges, means for the hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import DataError
from rnnedge_runtime.spec import Feature

CLIP_MARGIN = 0.5  # of the training range, on either side


@dataclass(frozen=True, slots=True)
class Scaler:
    """Mean and standard deviation of columns, fitted on the training part.

    Attributes:
        mean: `[N]` in the columns' units.
        deviation: `[N]` in the columns' units, 1 where the readings do not vary.
    """

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]


def fit_scaler(rows: NDArray[np.float32]) -> Scaler:
    """The Scaler of `rows` `[T, N]`, missing values (NaN) left out."""
    values = rows.astype(np.float64)
    count = np.isfinite(values).sum(axis=0)
    total = np.nansum(values, axis=0)
    mean = total / np.maximum(count, 1)
    variance = np.nansum((values - mean) ** 2, axis=0) / np.maximum(count, 1)
    deviation = np.sqrt(variance)
    deviation[deviation <= 1e-6 * np.abs(mean)] = 1.0
    deviation[deviation == 0] = 1.0
    return Scaler(mean.astype(np.float32), deviation.astype(np.float32))


def fit_features(
    names: Sequence[str],
    units: Sequence[str],
    rows: NDArray[np.float32],
    *,
    missing: Literal["hold", "reject"] = "hold",
) -> tuple[Feature, ...]:
    """The features with the input handling that the training rows suggest.

    Args:
        names: F column names.
        units: F units.
        rows: `[T, F]` readings of the training part, NaN where missing.
        missing: policy of all features, `hold` or `reject`.

    Raises:
        DataError: a feature has no reading in the training part.
    """
    features = []
    for name, unit, column in zip(names, units, rows.T, strict=True):
        seen = column[np.isfinite(column)].astype(np.float64)
        if not len(seen):
            raise DataError(
                f"training part: feature '{name}' has no reading in its {len(column)} "
                "rows. Leave the column out with --feature, or give more data."
            )
        low, high = float(seen.min()), float(seen.max())
        margin = CLIP_MARGIN * (high - low)
        features.append(
            Feature(
                name=name,
                unit=unit,
                missing=missing,
                clip=(low - margin, high + margin),
                initial=float(seen.mean()),
            )
        )
    return tuple(features)
