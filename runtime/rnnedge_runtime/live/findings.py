"""What is found in the rows of a stream and mended, counted."""

from __future__ import annotations

from dataclasses import dataclass, field

REPEATED_ROWS = "rows in a time slot already taken"
MISSING_ROWS = "missing rows stepped"
MOVED_ROWS = "rows moved to the nearest time slot"
NEW_STRETCHES = "new stretches started after a hole"
FEW_ROWS = 3
"""Rows below which nothing is said of their period."""

FASTER_SHARE = 0.4
"""Repeated rows per row that tell of a shorter period; two rows a slot give 0.5."""

SLOWER_SHARE = 0.9
"""Missing rows per row that tell of a longer period; every other slot gives 1."""

SINGLE_SHARE = 0.2
"""Rows one slot after the row before, per row, that tell of the period all the same."""

STRETCHES_SHARE = 0.5
"""New stretches per row that tell of a period longer than the longest hole."""

DRIFT_SHARE, DRIFT_SLOTS = 0.1, 10
"""Part of the slots by which times may lead or lag them, and how many always may."""


@dataclass(slots=True)
class Findings:
    """What was found in the rows and mended: how often, and where first.

    Attributes:
        num_rows: rows seen.
        counts: number and first row by what was found.
        num_slots: slots that the rows went on by within their stretches.
        num_periods: the same by their times.
        num_single: rows one slot after the row before.
    """

    num_rows: int = 0
    counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    num_slots: int = 0
    num_periods: float = 0.0
    num_single: int = 0

    def add(self, what: str, row: int, number: int = 1) -> None:
        """Count `number` more of `what`."""
        if number:
            count, first = self.counts.get(what, (0, row))
            self.counts[what] = (count + number, first)

    @property
    def is_other_period(self) -> bool:
        """Whether the rows come so much faster or slower that the period is another."""
        repeated, _ = self.counts.get(REPEATED_ROWS, (0, 0))
        missing, _ = self.counts.get(MISSING_ROWS, (0, 0))
        stretches, _ = self.counts.get(NEW_STRETCHES, (0, 0))
        apart = abs(self.num_periods - self.num_slots)
        return self.num_rows >= FEW_ROWS and (
            repeated > FASTER_SHARE * self.num_rows
            or (
                missing > SLOWER_SHARE * self.num_rows
                and self.num_single < SINGLE_SHARE * self.num_rows
            )
            or stretches > STRETCHES_SHARE * self.num_rows
            or apart > max(DRIFT_SHARE * self.num_slots, DRIFT_SLOTS)
        )

    def lines(self) -> list[str]:
        """One sentence for each thing found."""
        return [
            f"{what}: {count:,}, first at row {first}."
            for what, (count, first) in self.counts.items()
        ]
