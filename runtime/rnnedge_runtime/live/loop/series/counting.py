"""Odd readings: which a model's policies refuse, and how many of each kind there were."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ....spec.clip import clip_bounds, odd_readings, range_bounds
from ....spec.model_spec import ModelSpec
from ....streams.inputs import is_missing

Count = Callable[[str, int], None]
"""Counts what happened and how often."""


class ReadingCounts:
    """Looks at the readings of a model.

    Args:
        spec: of the model.
    """

    def __init__(self, spec: ModelSpec) -> None:
        number = spec.num_features
        self._features = spec.features
        self._clip, self._range = clip_bounds(spec), range_bounds(spec)
        self._low = np.maximum(self._clip[0], self._range[0])[:number]
        self._high = np.minimum(self._clip[1], self._range[1])[:number]
        self._rejecting = np.array([item.missing == "reject" for item in spec.features])
        self._rejects = bool(self._rejecting.any())

    def refused(
        self,
        readings: NDArray[np.float32],
        is_next: NDArray[np.bool_],
        count: Count,
    ) -> NDArray[np.bool_] | None:
        """Which of `[n, F]` a policy of `reject` refuses, counted; None for none.

        Args:
            readings: as they came.
            is_next: `[n]` which of them are to be stepped at all.
            count: called with how many there are, by the first feature at fault.
        """
        if not self._rejects:
            return None
        at_fault = is_missing(self._features, readings) & self._rejecting
        at_fault &= is_next[:, None]
        is_refused: NDArray[np.bool_] = at_fault.any(axis=1)
        if not is_refused.any():
            return None
        first = np.argmax(at_fault[is_refused], axis=1)
        is_finite = np.isfinite(readings[is_refused, first])
        for k, feature in enumerate(self._features):
            number = int((is_finite & (first == k)).sum())
            count(f"dropped: implausible {feature.name}", number)
            number = int((~is_finite & (first == k)).sum())
            count(f"dropped: missing {feature.name}", number)
        return is_refused

    def count(
        self, readings: NDArray[np.float32], count: Count
    ) -> NDArray[np.bool_] | None:
        """Count missing, implausible and clipped ones among `[n, F]` that are stepped.

        Returns:
            `[n, F]` which are neither missing nor implausible; None where all are plain.
        """
        is_plain = (self._low <= readings) & (readings <= self._high)
        if is_plain.all():
            return None
        rows = np.flatnonzero(~is_plain.all(axis=1))
        odd = readings[rows]
        is_clipped, is_implausible = odd_readings(odd, self._clip, self._range)
        self.add("missing", ~np.isfinite(odd), count)
        self.add("implausible", is_implausible, count)
        self.add("clipped", is_clipped, count)
        known = np.ones(readings.shape, dtype=np.bool_)
        known[rows] = ~is_missing(self._features, odd)
        return known

    def add(self, what: str, are_such: NDArray[np.bool_], count: Count) -> None:
        """Count those of `[n, F]` readings that are such, by feature."""
        numbers = are_such.sum(axis=0).tolist()
        for feature, number in zip(self._features, numbers, strict=True):
            count(f"{what} {feature.name}", number)
