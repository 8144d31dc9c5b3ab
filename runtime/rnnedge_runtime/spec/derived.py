"""Inputs derived from the time stamp: sine and cosine of its phase in a period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..numerics.phase import phase, phase_sin_cos

HOUR_OF_DAY_S = 86_400
TIME_OF_YEAR_S = 31_556_952
MAX_PERIOD_S = 2**31 - 1


@dataclass(frozen=True, slots=True)
class DerivedInput:
    """Sine and cosine of `((t + offset_s) mod period_s) / period_s` of a turn.

    Attributes:
        period_s: length of one turn in seconds, 1 to 2^31 - 1.
        offset_s: seconds added to the time before the phase is taken.
    """

    period_s: int
    offset_s: int = 0


def time_features(
    time: NDArray[np.int64], derived: Sequence[DerivedInput]
) -> NDArray[np.float32]:
    """The derived columns of `time`, in model input order: sin, cos of each input.

    Args:
        time: `[T]` Unix seconds UTC.
        derived: D derived inputs.

    Returns:
        `[T, 2 D]` float32.
    """
    period_s = np.array([item.period_s for item in derived], dtype=np.int64)
    offset_s = np.array([item.offset_s for item in derived], dtype=np.int64)
    out = np.empty((len(time), 2 * len(derived)), dtype=np.float32)
    out[:, 0::2], out[:, 1::2] = phase_sin_cos(phase(time[:, None], period_s, offset_s))
    return out
