"""From a raw reading to the model input: hold, predict, reject, pass, derived columns.

The held readings are state; clipping belongs to the graph (it is the first thing every
engine does), so the held value is the reading as it came. An engine in integers has inputs
of its own: there the held value is the reading as its integer stands for it. Of a feature
whose policy is `predict`, what is held after a step is its forecast: so that fills the hole.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array
from ..errors import NonFiniteError
from ..spec.clip import range_bounds
from ..spec.derived import time_features
from ..spec.model_spec import Feature, ModelSpec


class Inputs:
    """How readings become model inputs: held and derived in `f32.v1`."""

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec
        fills = np.array(spec.forecast_fills, dtype=np.int64).reshape(-1, 2)
        self._filled, self._fillers = fills.T
        self._least, self._most = (end[self._filled] for end in range_bounds(spec))

    def readings(self, readings: NDArray[np.float32]) -> NDArray[np.float32]:
        """`[..., F]` as the model takes them and holds them; missing ones stay missing."""
        return readings

    def held_after(self, held: NDArray[np.float32], y: Array) -> NDArray[np.float32]:
        """What is held after a step with the outputs `y` `[..., O]`; `held` stays.

        A feature whose policy is `predict` holds its forecast, limited to its range; where
        that is not finite, and all others, hold the reading as before.

        Args:
            held: `[..., F]` the readings of the step, held.
            y: its outputs.
        """
        if not len(self._filled):
            return held
        with np.errstate(over="ignore"):
            given = y[..., self._fillers].astype(np.float32)
        found = np.where(given < self._least, self._least, given)
        found = np.where(given > self._most, self._most, found)
        before = held[..., self._filled]
        after = held.copy()
        after[..., self._filled] = np.where(np.isfinite(given), found, before)
        return self.readings(after)

    def derived(self, times: NDArray[np.int64]) -> NDArray[np.float32]:
        """`[T, 2 D]` derived columns at Unix seconds `[T]`."""
        return time_features(times, self._spec.derived)

    def rows(
        self, held: NDArray[np.float32], times: NDArray[np.int64] | None
    ) -> NDArray[np.float32]:
        """`[T, I]`: the held readings `[T, F]`, then the derived columns."""
        if times is None:
            return held
        return np.concatenate([held, self.derived(times)], axis=1)


def is_missing(
    features: Sequence[Feature], readings: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Which of `[..., F]` readings count as missing: not finite, or not plausible."""
    missing = ~np.isfinite(readings)
    for k, feature in enumerate(features):
        if feature.range is not None:
            low, high = np.asarray(feature.range, dtype=np.float32)
            missing[..., k] |= (readings[..., k] < low) | (readings[..., k] > high)
    return missing


def forecast_cuts(
    features: Sequence[Feature], readings: NDArray[np.float32]
) -> list[int]:
    """Rows of `[T, F]`, but for the first, that take the forecast of the row before."""
    predicts = np.array([feature.missing == "predict" for feature in features])
    if not predicts.any():
        return []
    takes = (is_missing(features, readings) & predicts).any(axis=1)
    return [int(row) for row in np.flatnonzero(takes) if row]


def hold_readings(
    features: Sequence[Feature],
    readings: NDArray[np.float32],
    held: NDArray[np.float32],
    *,
    where: str,
) -> NDArray[np.float32]:
    """Replace missing readings by the last accepted ones.

    Args:
        features: F features with their policies.
        readings: `[T, F]` of one stream; NaN, infinite or outside the feature's range
            where missing.
        held: `[F]` what is held before the first row; not changed. No row in between takes
            a forecast (`forecast_cuts`).
        where: start of the message, for example "Stream.step".

    Returns:
        `[T, F]`, all finite; its last row is the next `held`.

    Raises:
        NonFiniteError: a reading is missing and its feature's policy is `reject`, or it is
            infinite and the policy is `pass`.
    """
    missing = is_missing(features, readings)
    if not missing.any():
        return readings
    for k, feature in enumerate(features):
        if feature.missing == "pass" and np.isinf(readings[:, k]).any():
            row = int(np.argmax(np.isinf(readings[:, k])))
            raise NonFiniteError(
                f"{where}: feature '{feature.name}' is {readings[row, k]} in row {row}, and "
                "its policy 'pass' gives NaN to the model, not infinity. Pass NaN for a "
                "missing reading; the state is unchanged."
            )
        if feature.missing == "reject" and missing[:, k].any():
            row = int(np.argmax(missing[:, k]))
            outside = ""
            if feature.range is not None and np.isfinite(readings[row, k]):
                low, high = feature.range
                outside = f"outside its range of {low:g} to {high:g}, "
            raise NonFiniteError(
                f"{where}: feature '{feature.name}' is {readings[row, k]} in row {row}, "
                f"{outside}and its policy is 'reject'. Skip this reading, or train with "
                "missing='hold'; the state is unchanged."
            )
    source = np.where(missing, 0, np.arange(1, len(readings) + 1)[:, None])
    np.maximum.accumulate(source, axis=0, out=source)
    stacked = np.concatenate([held[None, :], readings])
    return np.take_along_axis(stacked, source, axis=0)


def pass_missing(
    features: Sequence[Feature],
    readings: NDArray[np.float32],
    held: NDArray[np.float32],
) -> NDArray[np.float32]:
    """What the model takes: `held`, with NaN where a missing reading is to be passed.

    Args:
        features: F features with their policies.
        readings: `[..., F]` as they came.
        held: `[..., F]` the same held; not changed.
    """
    is_passed = np.array([feature.missing == "pass" for feature in features])
    return np.where(
        is_missing(features, readings) & is_passed, np.float32(np.nan), held
    )
