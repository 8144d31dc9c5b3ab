"""Lines of a table that cannot be read: held out, counted by reason, said once each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..errors import DataError

MAX_LINE = 1 << 20
"""Characters of a line after the first that are read; a longer one is no row."""

NOT_A_NUMBER = "not a number"
TOO_LARGE = "not a finite number"
TOO_FEW = "too few cells"
TOO_MANY = "too many cells"
NOT_TEXT = "bytes that are no text"
NUL = "a NUL character"
TOO_LONG = "a line too long"
OPEN_QUOTE = "a quote that is not closed"
NOT_JSON = "not a JSON object"
NO_TIME = "no time that can be read"
NO_SERIES = "no series named"
BACKWARDS = "time goes backwards"
TOO_FAR = "time far ahead"
NOT_A_ROW = "not a row"


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a line is no row.

    Attributes:
        reason: one of the few above.
        message: the whole of it, as an error says it.
    """

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table, or several that a quoted cell runs over.

    Attributes:
        number: of its first line in the text, from 1.
        cells: by place or by name; with a fault only those that can be told, or none.
        fault: why it is no row; None for a row.
    """

    number: int
    cells: Any
    fault: Fault | None = None


@dataclass(slots=True)
class HeldOut:
    """What was held out of a table.

    Attributes:
        tell: called with one sentence the first time for each reason.
        is_strict: the first line that cannot be read is an error.
        counts: number and first line by reason.
    """

    tell: Callable[[str], None] = lambda message: None
    is_strict: bool = False
    counts: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Lines held out."""
        return sum(count for count, _ in self.counts.values())

    def add(self, fault: Fault, line: int) -> None:
        """Count one line.

        Raises:
            DataError: `is_strict`.
        """
        if self.is_strict:
            raise DataError(fault.message)
        count, first = self.counts.get(fault.reason, (0, line))
        self.counts[fault.reason] = (count + 1, first)
        if not count:
            self.tell(f"line {line} is held out: {fault.message}")

    def lines(self, num_rows: int) -> list[str]:
        """One sentence for all, with the count of each reason; none where there are none.

        Args:
            num_rows: rows that were read, these among them.
        """
        if not self.counts:
            return []
        each = [
            f"{count:,} {reason} (first in line {first:,})"
            for reason, (count, first) in self.counts.items()
        ]
        verb = "row was" if self.total == 1 else "rows were"
        return [f"{self.total:,} of {num_rows:,} {verb} held out: {', '.join(each)}."]
