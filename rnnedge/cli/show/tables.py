"""Plain text tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rnnedge.cli.show.terminal import echo
from rnnedge_runtime.printable import printable


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows under their header: the first column to the left, the others right."""
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    for number, row in enumerate(rows):
        cells = [row[0].ljust(widths[0])]
        cells += [
            cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)
        ]
        echo("  ".join(cells).rstrip())
        if number == 0:
            echo("  ".join("-" * width for width in widths))
