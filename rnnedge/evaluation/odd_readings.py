"""Which readings lie outside the limits of their feature: one rule for all that counts them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rnnedge.data.limits import Bounds

Mask = NDArray[np.bool_]


def odd_readings(
    values: NDArray[np.float32], clip: Bounds | None, plausible: Bounds | None
) -> tuple[Mask, Mask]:
    """Which readings are clipped, and which are implausible.

    A reading outside the plausible range is implausible, and not clipped as well; one that is
    not finite is missing, and neither.

    Args:
        values: readings of one feature.
        clip: its clip range, None for no limit.
        plausible: its range of plausible readings, None for no limit.
    """
    implausible = _outside(values, plausible)
    return _outside(values, clip) & ~implausible, implausible


def _outside(values: NDArray[np.float32], bounds: Bounds | None) -> Mask:
    if bounds is None:
        return np.zeros(values.shape, dtype=np.bool_)
    low, high = np.asarray(bounds, dtype=np.float32)
    return np.asarray(np.isfinite(values) & ((values < low) | (values > high)))
