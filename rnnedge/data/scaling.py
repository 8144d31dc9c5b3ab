"""What is fitted on the training part: scalers, clip ranges, means for the hold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rnnedge.data.limits import Limits, clean_range
from rnnedge_runtime.errors import DataError
from rnnedge_runtime.spec.model_spec import Feature

SMALLEST_SCALE, LARGEST_SCALE = 1e-15, 1e15  # their squares and quotients fit float32


@dataclass(frozen=True, slots=True)
class Scaler:
    """Mean and standard deviation of columns, fitted on the training part.

    Attributes:
        mean: `[N]` in the columns' units.
        scale: `[N]` standard deviation in the columns' units, 1 where nothing varies.
    """

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ChangeScaler:
    """What is fitted to the changes of n features from row to row.

    Attributes:
        low, high: `[n]` limits, the range of the changes widened by half its width.
        scaler: of the changes within these limits.
    """

    low: NDArray[np.float32]
    high: NDArray[np.float32]
    scaler: Scaler


def fit_changes(
    rows: Sequence[NDArray[np.float32]], names: Sequence[str], *, where: str
) -> ChangeScaler:
    """The ChangeScaler of n columns.

    Args:
        rows: `[T, n]` held readings of the training part of each series.
        names: of the columns.
        where: name of the data, for messages.

    Raises:
        DataError: a column is too large or too small for float32 arithmetic.
    """
    changes = np.concatenate([np.diff(one, axis=0) for one in rows])
    if not len(changes):
        changes = np.zeros((1, len(names)), dtype=np.float32)
    bounds = [Limits({}, {}).bounds("", clean_range(column))[0] for column in changes.T]
    low, high = np.array(bounds, dtype=np.float32).T
    scaler = fit_scaler(
        np.clip(changes, low, high).T,
        [f"change of {name}" for name in names],
        where=where,
    )
    return ChangeScaler(low, high, scaler)


def fit_scaler(
    columns: Iterable[NDArray[np.float32]], names: Sequence[str], *, where: str
) -> Scaler:
    """The Scaler of N columns `[T]`, one at a time, missing values (NaN) left out.

    Raises:
        DataError: a column is too large or too small for float32 arithmetic.
    """
    moments = [_moments(column) for column in columns]
    mean, scale = np.array(moments).T
    scale[scale <= 1e-6 * np.abs(mean)] = 1.0
    scale[scale == 0] = 1.0
    for name, middle, width in zip(names, mean, scale, strict=True):
        if not (SMALLEST_SCALE < width < LARGEST_SCALE and abs(middle) < LARGEST_SCALE):
            raise DataError(
                f"{where}: column '{name}' has mean {middle:.3g} and standard deviation "
                f"{width:.3g}, expected magnitudes between {SMALLEST_SCALE:g} and "
                f"{LARGEST_SCALE:g}. Give it in another unit."
            )
    return Scaler(mean.astype(np.float32), scale.astype(np.float32))


def _moments(column: NDArray[np.float32]) -> tuple[float, float]:
    """Mean and standard deviation of what is known in a column."""
    known = column[np.isfinite(column)].astype(np.float64)
    count = max(1, len(known))
    mean = float(known.sum()) / count
    known -= mean
    return mean, math.sqrt(float(np.square(known, out=known).sum()) / count)


def fit_features(
    names: Sequence[str],
    units: Sequence[str],
    rows: NDArray[np.float32],
    *,
    missing: Literal["hold", "predict", "reject"] = "hold",
    targets: Sequence[str] = (),
    limits: Limits,
) -> tuple[Feature, ...]:
    """The features with the input handling that the training rows suggest.

    Args:
        names: F column names.
        units: F units.
        rows: `[T, F]` readings of the training part, NaN where missing.
        missing: policy of all features; `predict` of those that are targets, of others
            `hold`.
        targets: what is forecast.
        limits: what was asked of clips and ranges.

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
        _, plausible = limits.bounds(name, clean_range(seen))
        if plausible is not None:
            seen = seen[(seen >= plausible[0]) & (seen <= plausible[1])]
        if not len(seen):
            raise DataError(
                f"training part: no reading of feature '{name}' lies within its --range "
                f"{plausible}. Give a wider range, or leave the column out."
            )
        clip, _ = limits.bounds(name, clean_range(seen))
        is_held = missing == "predict" and name not in targets
        features.append(
            Feature(
                name=name,
                unit=unit,
                missing="hold" if is_held else missing,
                clip=clip,
                initial=float(seen.mean()),
                range=plausible,
            )
        )
    return tuple(features)
