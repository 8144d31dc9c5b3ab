"""What is said of errors: the nouns that a task and the evaluation share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NETWORK = "network"
NETWORK_INT8 = "network_int8"
PARTS = ("validation", "test")

Outcome = Literal["better", "equal", "worse"]


@dataclass(frozen=True, slots=True)
class Score:
    """Errors of one output over one part.

    Attributes:
        mae: mean absolute error, in the target's unit.
        rmse: root mean squared error, in the target's unit.
        mase: mean absolute scaled error, no unit; None where the scale is zero.
        skill_percent: against persistence; None where persistence makes no error.
        count: forecasts scored.
    """

    mae: float
    rmse: float
    mase: float | None
    skill_percent: float | None
    count: int


@dataclass(frozen=True, slots=True)
class Interval:
    """95 % interval of a mean difference, in the unit of the errors.

    Attributes:
        low: lower end.
        high: upper end.
        num_blocks: blocks that were drawn from; 1 tells nothing, the ends are infinite.
    """

    low: float
    high: float
    num_blocks: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The network beside the best baseline of one output, on the test part.

    Attributes:
        baseline: the one with the smallest mean absolute error on the test part. It is
            chosen there, which makes it a harder rival than one chosen before.
        network_mae: in the target's unit.
        baseline_mae: in the target's unit.
        interval: of the network's error less the baseline's, in the target's unit.
        outcome: `better` or `worse` where the interval lies on one side of 0; `equal`
            where it holds 0, so that the difference may be chance.
    """

    baseline: str
    network_mae: float
    baseline_mae: float
    interval: Interval
    outcome: Outcome

    @property
    def gain_percent(self) -> float:
        """By how much the network's error is smaller, in per cent of the baseline's."""
        return self._percent(self.baseline_mae - self.network_mae)

    @property
    def gain_interval_percent(self) -> tuple[float, float]:
        """The interval of `gain_percent`."""
        return self._percent(-self.interval.high), self._percent(-self.interval.low)

    def _percent(self, difference: float) -> float:
        return 100 * difference / self.baseline_mae if self.baseline_mae else 0.0
