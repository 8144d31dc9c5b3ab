"""Sensors that stick: readings that stay the same for far longer than in training.

A missing reading counts neither as the same nor as another: it leaves a run as it is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import StateError
from ..spec.model_spec import LARGEST_RUN, Feature, ModelSpec

FACTOR = 2
"""Runs are longer than in training by chance; so many times as long is none."""

FEWEST = 10
"""Equal readings in a row of which nothing is said, however few there were in training."""

Readings = NDArray[np.float32]
Flags = NDArray[np.bool_]


def longest_runs(
    readings: Sequence[Readings], known: Sequence[Flags]
) -> NDArray[np.int64]:
    """`[F]`: most readings in a row that are the same, 0 where there is none.

    Args:
        readings: `[T, F]` per stretch; a run does not go from one into the next.
        known: `[T, F]` which of them are readings; the others are passed over.
    """
    longest = np.zeros(readings[0].shape[1], dtype=np.int64)
    for values, is_reading in zip(readings, known, strict=True):
        for k in range(len(longest)):
            seen = values[is_reading[:, k], k]
            starts = np.flatnonzero(np.append(True, seen[1:] != seen[:-1]))
            lengths = np.diff(np.append(starts, len(seen)))
            longest[k] = max(longest[k], lengths.max(initial=0))
    return longest


def most_unchanged(feature: Feature) -> int | None:
    """Equal readings in a row above which its sensor sticks; None when training is unknown."""
    longest = feature.longest_unchanged
    return None if longest is None else max(FEWEST, min(FACTOR * longest, LARGEST_RUN))


def _limits(spec: ModelSpec) -> list[int]:
    """Per feature the longest run that is none to speak of."""
    found = [most_unchanged(feature) for feature in spec.features]
    return [LARGEST_RUN if limit is None else limit for limit in found]


class StuckSensor:
    """One series as `StuckSensors` has it, row by row without arrays: ten times quicker.

    Args:
        spec: whose features say how long a run was in training.

    Attributes:
        is_watched: whether any feature does.
    """

    def __init__(self, spec: ModelSpec) -> None:
        self._limits = _limits(spec)
        self.is_watched = any(limit < LARGEST_RUN for limit in self._limits)
        self.reset()

    def reset(self) -> None:
        """Forget all readings."""
        self._last = [math.nan] * len(self._limits)
        self._runs = [0] * len(self._limits)

    def advance(
        self, readings: Sequence[float], known: Sequence[bool] | None = None
    ) -> list[int]:
        """Take one row; the features that stick.

        Args:
            readings: of F features.
            known: which of them are readings, neither missing nor implausible; None: all.
        """
        last, runs = self._last, self._runs
        stuck = []
        for k, value in enumerate(readings):
            if known is not None and not known[k]:
                continue
            if value != last[k]:
                last[k] = value
                runs[k] = 1
                continue
            runs[k] += 1
            if runs[k] > self._limits[k]:
                stuck.append(k)
        return stuck

    def advance_run(
        self, readings: Readings, known: Flags | None = None
    ) -> list[tuple[int, int, int]]:
        """Take `[T, F]` rows as `advance` takes them one by one.

        Returns:
            Of each feature that sticks: the first row in which it does, the feature, rows.
        """
        found = []
        for k, limit in enumerate(self._limits):
            rows = None if known is None else np.flatnonzero(known[:, k])
            values = readings[:, k] if rows is None else readings[rows, k]
            number = len(values)
            if not number:
                continue
            before = np.append(np.float32(self._last[k]), values[:-1])
            places = np.arange(number)
            starts = np.maximum.accumulate(np.where(values == before, -1, places))
            runs = places + 1 + np.where(starts < 0, self._runs[k], -starts)
            self._last[k], self._runs[k] = float(values[-1]), int(runs[-1])
            sticks = np.flatnonzero(runs > limit)
            if len(sticks):
                first = int(sticks[0] if rows is None else rows[sticks[0]])
                found.append((first, k, len(sticks)))
        return found


class StuckSensors:
    """Runs of unchanged readings of N series, side by side. Not thread-safe.

    Args:
        spec: whose features say how long a run was in training.
        count: N.

    Attributes:
        last: `[N, F]` last reading of each; NaN before the first.
        runs: `[N, F]` how many in a row were the same, 0 before the first.
        is_watched: whether any feature says how long a run was.
    """

    def __init__(self, spec: ModelSpec, count: int = 1) -> None:
        limits = _limits(spec)
        self._limits = np.array(limits, np.int64)
        self.is_watched = any(limit < LARGEST_RUN for limit in limits)
        self.last = np.full((count, len(limits)), np.nan, dtype=np.float32)
        self.runs = np.zeros((count, len(limits)), dtype=np.int64)

    def advance(
        self, readings: Readings, known: Flags, rows: NDArray[np.int64] | None = None
    ) -> Flags:
        """Take one reading of some series each.

        Args:
            readings: `[n, F]`.
            known: `[n, F]` which of them are readings, neither missing nor implausible.
            rows: `[n]` distinct series; None for all.

        Returns:
            `[n, F]` whose sensors stick: their run is longer than it may be.
        """
        chosen = slice(None) if rows is None else rows
        before, runs = self.last[chosen], self.runs[chosen]
        runs = np.where(known, np.where(readings == before, runs + 1, 1), runs)
        self.last[chosen] = np.where(known, readings, before)
        self.runs[chosen] = runs
        return known & (runs > self._limits)

    def reset(self, rows: NDArray[np.int64] | int | None = None) -> None:
        """Forget the readings of some series; None for all."""
        chosen = slice(None) if rows is None else rows
        self.last[chosen] = np.nan
        self.runs[chosen] = 0

    def add(self, count: int) -> None:
        """Append `count` series that saw no reading."""
        number = self.last.shape[1]
        new = np.full((count, number), np.nan, dtype=np.float32)
        self.last = np.concatenate([self.last, new])
        zeros = np.zeros((count, number), dtype=np.int64)
        self.runs = np.concatenate([self.runs, zeros])

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Copies of `last` and `runs`."""
        return {"last": self.last.copy(), "runs": self.runs.copy()}

    def set_state(self, last: Readings, runs: NDArray[np.int64]) -> None:
        """Go on from what `state` gave, of as many series as it had.

        Raises:
            StateError: the arrays are no such state.
        """
        shape = runs.shape
        is_known = np.isfinite(last) if last.shape == shape else None
        if (
            is_known is None
            or len(shape) != 2
            or shape[1] != len(self._limits)
            or last.dtype != np.dtype(np.float32)
            or runs.dtype != np.dtype(np.int64)
            or ((runs > 0) != is_known).any()
            or (runs < 0).any()
        ):
            raise StateError(
                f"StuckSensors: readings {last.dtype} {list(last.shape)} and runs "
                f"{runs.dtype} {list(shape)} are no state of {len(self._limits)} features, "
                "expected what state() gave. Start without it."
            )
        self.last, self.runs = last.copy(), runs.copy()
