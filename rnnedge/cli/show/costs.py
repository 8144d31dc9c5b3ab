"""The table of what models cost on boards, for `export` and `inspect`."""

from __future__ import annotations

from collections.abc import Sequence

from rnnedge.cli.show.terminal import echo, print_table
from rnnedge_export.boards.measuring import Measurement
from rnnedge_export.formats.c.description import FIGURES, figure_cells


def print_costs(costs: Sequence[Measurement]) -> None:
    """Bytes and instructions, one board a line, and how they were found."""
    rows = [[*FIGURES, ""]]
    for item in costs:
        numbers = item.flash_nbytes, item.ram_nbytes, item.stack_nbytes
        shown = figure_cells(*numbers, item.max_instructions)
        how = "estimated" if item.is_estimated else "measured"
        rows.append([item.board, *shown, how])
    print_table(rows)
    compilers = {item.compiler for item in costs if item.compiler}
    if compilers:
        echo(f"Bytes, with {', '.join(sorted(compilers))}")
