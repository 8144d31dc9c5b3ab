"""What is kept of an epoch."""

from __future__ import annotations

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


def record_rows(history: list[EpochRecord], shown: str) -> list[list[object]]:
    """Rows of `results.csv`, its header first; `shown`: column of what the task shows."""
    names = [field.name for field in fields(EpochRecord)]
    header = [shown if name == "validation_shown" else name for name in names]
    return [header, *(list(astuple(record)) for record in history)]
