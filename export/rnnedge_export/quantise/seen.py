"""What was seen of the values of a network while the calibration stream ran."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


@dataclass(slots=True)
class Ranges:
    """What was seen on the calibration stream.

    Attributes:
        low: `[I]` smallest model inputs, in raw units.
        high: `[I]` largest model inputs.
        outputs: `[N]` per layer, largest magnitudes of its output.
        cells: per LSTM layer, largest magnitude of its cell state.
        spans: of a graph, per layer, the smallest and the largest value of its output.
    """

    low: Float64
    high: Float64
    outputs: dict[int, Float64] = field(default_factory=dict)
    cells: dict[int, float] = field(default_factory=dict)
    spans: dict[int, tuple[float, float]] = field(default_factory=dict)
