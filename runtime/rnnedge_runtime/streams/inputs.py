"""From a raw reading to the model input: hold, reject, pass, derived columns.

The held readings are state; clipping belongs to the graph (it is the first thing every
engine does), so the held value is the reading as it came. An engine in integers has inputs
of its own: there the held value is the reading as its integer stands for it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import NonFiniteError
from ..spec.derived import time_features
from ..spec.model_spec import Feature, ModelSpec


class Inputs:
    """How readings become model inputs: held and derived in `f32.v1`."""

    def __init__(self, spec: ModelSpec) -> None:
        self._spec = spec

    def readings(self, readings: NDArray[np.float32]) -> NDArray[np.float32]:
        """`[..., F]` as the model takes them and holds them; missing ones stay missing."""
        return readings

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
        held: `[F]` last accepted readings before the first row; not changed.
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
