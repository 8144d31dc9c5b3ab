"""Times of many series to slots of the grid: `SlotClock`, by columns.

The same arithmetic in float64, so that the same times give the same slots.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....spec.model_spec import ModelSpec
from ....tables.time_grid import CLEAN, CLEAN_WHEN_UNSURE, KEPT, MAX_HOLE

NO_TIME = int(np.iinfo(np.int64).min)
"""Stands for the time of a series without a reading."""

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Places:
    """Where one reading of each of n distinct series lies.

    Attributes:
        steps: `[n]` slots on; 0 in the slot of the reading before, -1 before that slot, 1
            where a stretch starts.
        late_us: `[n]` lateness after it.
        is_gap: `[n]` whether a stretch starts with it after a hole; None where none does.
    """

    steps: Int64
    late_us: Float64
    is_gap: NDArray[np.bool_] | None = None

    def part(self, chosen: NDArray[Any]) -> Places:
        """Those of the chosen series."""
        return Places(
            self.steps[chosen],
            self.late_us[chosen],
            None if self.is_gap is None else self.is_gap[chosen],
        )


def advance_slots(
    step_us: Int64, late_us: Float64, period_us: float
) -> tuple[Int64, Float64]:
    """Slots on and the lateness after, of each series (`SlotClock.advance`).

    Args:
        step_us: `[n]` time since the reading before.
        late_us: `[n]` how late that was.
        period_us: time between slots.
    """
    number = np.floor(step_us / period_us + 0.5)
    aside = step_us - number * period_us
    is_sure = np.abs(late_us) <= CLEAN * period_us
    limit = np.where(is_sure, CLEAN * period_us, CLEAN_WHEN_UNSURE * period_us)
    is_clean = (number > 0) & (np.abs(aside) <= limit)
    late = late_us + aside
    late = np.where(np.abs(late) <= 0.5 * period_us, late * KEPT, 0.0)
    if not is_clean.all():
        unsure = np.flatnonzero(~is_clean)
        since = step_us[unsure] + late_us[unsure]
        steps = np.floor(since / period_us + 0.5)
        least = np.where(since >= CLEAN * period_us, 1.0, 0.0)
        steps = np.where(steps < 1, least, steps)
        is_same = step_us[unsure] == 0
        number[unsure] = np.where(is_same, 0.0, steps)
        late[unsure] = np.where(is_same, late_us[unsure], since - steps * period_us)
    return number.astype(np.int64), late


def slot_times_us(last_us: Int64, time_us: Int64, steps: Int64, k: int) -> Int64:
    """Time of the k-th of `steps` slots after `last_us`, as `SlotClock.times_us`."""
    whole, rest = np.divmod(time_us - last_us, steps)
    slot_us: Int64 = last_us + whole * k + rest * k // steps
    return slot_us


class SlotClocks:
    """Where many series are in time.

    Args:
        spec: of the model.
        max_gap_us: longest time without a reading that is stepped.

    Attributes:
        time_us: `[capacity]` of the last reading of each series, or `NO_TIME`.
        late_us: `[capacity]` how much later than its phase expects it came.
        is_primed: `[capacity]` whether it is one of the history (`LiveStreams.prime`).
    """

    def __init__(self, spec: ModelSpec, max_gap_us: float) -> None:
        self._period_us = (spec.sample_period_s or 0.0) * 1e6
        self._max_gap_us = max_gap_us
        self._can_hole = all(item.missing != "reject" for item in spec.features)
        self.time_us = np.empty(0, dtype=np.int64)
        self.late_us = np.empty(0, dtype=np.float64)
        self.is_primed = np.empty(0, dtype=np.bool_)

    def grow(self, capacity: int) -> None:
        """Make room for series without a reading."""
        more = capacity - len(self.time_us)
        self.time_us = np.append(self.time_us, np.full(more, NO_TIME, dtype=np.int64))
        self.late_us = np.append(self.late_us, np.zeros(more))
        self.is_primed = np.append(self.is_primed, np.zeros(more, dtype=np.bool_))

    def place(
        self, series: NDArray[np.integer[Any]], time_us: Int64, now_us: int
    ) -> Places:
        """Where a reading of each of n distinct series lies; no clock moves.

        Without a period every newer reading is the next, and so is one that has the time
        of its receipt: a source without times gives many of them at once.
        """
        before_us = self.time_us[series]
        is_new = before_us == NO_TIME
        step_us = time_us - before_us  # of a new series it means nothing
        if not self._period_us:
            step_us[is_new | ((step_us == 0) & (time_us == now_us))] = 1
            return Places(np.sign(step_us), np.zeros(len(step_us)))
        before_late_us = self.late_us[series]
        steps, late_us = advance_slots(step_us, before_late_us, self._period_us)
        if not len(steps) or (
            steps.min() == steps.max() == 1
            and step_us.min() >= 0
            and step_us.max() <= self._max_gap_us
        ):
            return Places(steps, late_us)
        step_us[is_new] = 0
        is_before = np.flatnonzero(step_us < 0)
        is_same = -step_us[is_before] <= CLEAN * self._period_us
        steps[is_before] = np.where(is_same, 0, -1)
        late_us[is_before] = before_late_us[is_before]
        is_gap = steps > (MAX_HOLE + 1 if self._can_hole else 1)
        is_gap |= (step_us > self._max_gap_us) & ~self.is_primed[series]
        is_gap &= ~is_new
        is_start = is_new | is_gap
        steps[is_start], late_us[is_start] = 1, 0.0
        return Places(steps, late_us, is_gap if is_gap.any() else None)

    def move(
        self,
        series: NDArray[np.integer[Any]] | slice,
        time_us: Int64,
        late_us: Float64,
    ) -> None:
        """Set the clocks to readings that were taken."""
        self.time_us[series] = time_us
        self.late_us[series] = late_us
