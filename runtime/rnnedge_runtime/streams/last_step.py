"""What a stream's last step left, which a forecast starts from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, State


class LastStep(NamedTuple):
    """What a forecast starts from.

    Attributes:
        output: `[O]` of the last step.
        state: the graph state after it.
        time: of that step.
        held: `[F]` last accepted readings.
    """

    output: Array
    state: State
    time: int
    held: NDArray[np.float32]
