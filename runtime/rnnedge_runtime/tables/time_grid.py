"""Rows to time slots: how many slots on from the row before a row lies.

The one meaning of a step in time for training (`slot_steps`, whole columns) and for the
device (`SlotClock`, row by row): both give the same slots for the same rows. The phase
follows the rows: what counts is the time since the row before. Only where that is no whole
number of periods, give or take `CLEAN`, the phase of the rows before decides.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from .held_out import BACKWARDS, TOO_FAR
from .timestamps import time_text

MAX_HOLE = 1_000_000
"""Missing slots in a row up to which a jump in time is taken for a hole."""

OFF_GRID_FRACTION = 0.01
"""Part of a period a step may be off a whole number of periods without being reported."""

MIN_GAP_PERIODS = 1.5
"""The longest hole must be more periods than this, or every late row starts a stretch."""

CLEAN = 0.4
"""Part of a period up to which a step counts as the whole number of periods nearest."""

CLEAN_WHEN_UNSURE = 0.1
"""The same after a row whose slot was a guess: further off, the phase decides again."""

_ROWS_AT_ONCE = 65_536

KEPT = 0.75
"""Part of a row's lateness that the phase does not follow at once."""


@dataclass(frozen=True, slots=True)
class SlotClock:
    """Where a stretch of rows is in time.

    Attributes:
        period_s: time between slots in seconds.
        time_us: of the last row, microseconds since 1970 UTC.
        slot: of the last row, from 0 at the first row of the stretch.
        late_us: how much later than the phase expects the last row came.
    """

    period_s: float
    time_us: int
    slot: int = 0
    late_us: float = 0.0

    def advance(self, time_us: int) -> SlotClock:
        """The clock after a row that is not older; the same slot for a repeated one."""
        steps, late_us = _advance(
            time_us - self.time_us, self.late_us, self.period_s * 1e6
        )
        return SlotClock(self.period_s, time_us, self.slot + steps, late_us)

    def is_same_slot(self, time_us: int) -> bool:
        """Whether a row that is older belongs to the last row's slot all the same."""
        return self.time_us - time_us <= CLEAN * self.period_s * 1e6

    def is_off(self, time_us: int, steps: int) -> bool:
        """Whether a row `steps` slots on lies more than `OFF_GRID_FRACTION` beside them."""
        period_us = self.period_s * 1e6
        aside = abs((time_us - self.time_us) - steps * period_us)
        return aside > OFF_GRID_FRACTION * period_us

    def times_us(self, time_us: int, steps: int) -> list[int]:
        """Times of the `steps` slots after the last row's; the last is at `time_us`."""
        whole, rest = divmod(time_us - self.time_us, steps)
        return [
            self.time_us + whole * k + rest * k // steps for k in range(1, steps + 1)
        ]


def _advance(step_us: int, late_us: float, period_us: float) -> tuple[int, float]:
    """Slots on, and the lateness after, `step_us` after a row that was `late_us` late."""
    if step_us == 0:
        return 0, late_us
    steps = math.floor(step_us / period_us + 0.5)
    aside = step_us - steps * period_us
    limit = CLEAN if abs(late_us) <= CLEAN * period_us else CLEAN_WHEN_UNSURE
    if steps and abs(aside) <= limit * period_us:
        late_us += aside
        return steps, late_us * KEPT if abs(late_us) <= 0.5 * period_us else 0.0
    since = step_us + late_us
    steps = math.floor(since / period_us + 0.5)
    if steps < 1:
        steps = 1 if since >= CLEAN * period_us else 0
    return steps, since - steps * period_us


def slot_steps(time_us: NDArray[np.int64], period_s: float) -> NDArray[np.int64]:
    """How many slots on from the row before each row lies, as `SlotClock` counts them.

    Args:
        time_us: `[N]` ascending microseconds of the rows of one stretch.
        period_s: time between slots in seconds.

    Returns:
        `[N]` steps: 0 for the first row and for rows in a slot already taken.
    """
    period_us = period_s * 1e6
    step_us = np.diff(time_us)
    steps = np.zeros(len(time_us), dtype=np.int64)
    steps[1:] = np.floor(step_us / period_us + 0.5)
    aside = np.abs(step_us - steps[1:] * period_us)
    is_clean = (steps[1:] > 0) & (aside <= CLEAN * period_us) | (step_us == 0)
    if not is_clean.all():
        late_us = 0.0
        for start in range(0, len(step_us), _ROWS_AT_ONCE):
            found = []
            for step in step_us[start : start + _ROWS_AT_ONCE].tolist():
                number, late_us = _advance(step, late_us, period_us)
                found.append(number)
            steps[1 + start : 1 + start + len(found)] = found
    return steps


def is_new_stretch(step_us: int, max_gap_s: float | None) -> bool:
    """Whether a row `step_us` after the one before starts a new stretch."""
    return max_gap_s is not None and step_us > max_gap_s * 1e6


def backwards_error(
    *, where: str, row: int, time_us: int, before_us: int, what_to_do: str
) -> DataError:
    """The error of a row that is older than the one before it."""
    return DataError(
        f"{where}: time goes backwards in row {row}, from {time_text(before_us)} to "
        f"{time_text(time_us)}. {what_to_do}",
        reason=BACKWARDS,
    )


def hole_error(*, where: str, row: int, missing: int, period_s: float) -> DataError:
    """The error of a jump in time too long to be a hole."""
    return DataError(
        f"{where}: {missing:,} slots of {period_s:g} s are missing before row {row}, more "
        f"than {MAX_HOLE:,}. Mend the time of this row, or start a new series there.",
        reason=TOO_FAR,
    )
