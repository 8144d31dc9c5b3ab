"""How long readings took from receipt to forecast: counts by bounds, as Prometheus has them."""

from __future__ import annotations

import bisect
import time
from dataclasses import dataclass, field

from ..loop.nouns import Outcome

BOUNDS_S = (
    *(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1),
    *(0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
)


@dataclass(slots=True)
class Latency:
    """A histogram; one thread adds, any may read.

    Attributes:
        counts: forecasts at most as late as each bound, and above the last, not summed up.
        sum_s: of all of them.
    """

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    sum_s: float = 0.0

    def take(self, outcome: Outcome) -> None:
        """Count the forecasts of an outcome as they leave now, unless they are sent again."""
        number = len(outcome.series)
        if outcome.is_late or not number:
            return
        late_s = max(0.0, time.time_ns() / 1e9 - outcome.now_us / 1e6)
        self.counts[bisect.bisect_left(BOUNDS_S, late_s)] += number
        self.sum_s += number * late_s

    def below(self, part: float) -> float | None:
        """The bound in seconds that this part of all met; None for none, inf above the last."""
        counts = list(self.counts)
        due, seen = part * sum(counts), 0
        if not due:
            return None
        for bound, number in zip((*BOUNDS_S, float("inf")), counts, strict=True):
            seen += number
            if seen >= due:
                return bound
        return float("inf")
