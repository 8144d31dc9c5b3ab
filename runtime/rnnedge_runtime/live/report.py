"""What a run found, as sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import DataError

if TYPE_CHECKING:
    from ..tables.held_out import HeldOut
    from ..tables.rows.reading import RowReader
    from .findings import Findings


def reading_lines(
    reader: RowReader, findings: Findings, period_s: float | None
) -> list[str]:
    """How a table was read, and what was found in its rows and mended.

    Args:
        reader: of the table.
        findings: of the stream that took its rows.
        period_s: of the model, between rows; None where it has none.
    """
    lines = list(reader.notes)
    if reader.time_column is None and period_s is not None:
        lines.append(f"no time column, so rows are taken {period_s:g} s apart.")
    lines += findings.lines()
    if findings.is_other_period:
        apart = "" if reader.series_column else ", or name their --series COLUMN"
        lines.append(
            f"the rows are not {period_s:g} s apart, as in training. Resample "
            f"them{apart}, or take a model trained on their period."
        )
    return [f"{reader.where}: {line}" for line in lines]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        where: name of the table.
        findings: of the stream.
        held: lines that were held out.
        signal: number of the signal that ended it; 0 for none.
        reader: of the table; None where a signal came before its first row.
        period_s: of the model, between rows.
        num_written: forecasts written.
        num_known: rows that were passed over, as the saved state held them already.
    """

    where: str
    findings: Findings
    held: HeldOut
    signal: int
    reader: RowReader | None = None
    period_s: float | None = None
    num_written: int = 0
    num_known: int = 0

    @property
    def num_rows(self) -> int:
        """Rows of the table, those held out among them."""
        return self.num_written + self.num_known + self.held.total

    def lines(self) -> list[str]:
        """One sentence for each thing found; none where no row was read."""
        if self.reader is None:
            return []
        lines = reading_lines(self.reader, self.findings, self.period_s)
        if self.num_known:
            lines.append(
                f"{self.where}: {self.num_known:,} rows were passed over, as the saved "
                "state holds them already."
            )
        held = self.held.lines(self.num_rows)
        return [*lines, *(f"{self.where}: {line}" for line in held)]

    def check(self) -> None:
        """Raise DataError where more rows were held out than read."""
        if 2 * self.held.total > self.num_rows:
            raise DataError(
                f"{self.where}: more rows were held out than read, "
                f"{self.held.total:,} of {self.num_rows:,}. Mend the table, or say how it "
                "is written: the first of each kind is named above."
            )
