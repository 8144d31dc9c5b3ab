"""What is kept of an epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One line of `results.csv`.

    Attributes:
        epoch: counted from 1.
        train_loss: mean loss, in the units of the errors.
        validation_error: mean error in the same units; the best epoch has the smallest.
        validation_shown: the mean error that the task shows, in its own unit.
        learning_rate: at the end of the epoch.
    """

    epoch: int
    train_loss: float
    validation_error: float
    validation_shown: float
    learning_rate: float


def record_rows(history: list[EpochRecord], metric: str) -> list[Sequence[object]]:
    """Rows of `results.csv`, its header first; `metric`: name of what the task shows."""
    header = [field.name.replace("shown", metric) for field in fields(EpochRecord)]
    return [header, *map(astuple, history)]
