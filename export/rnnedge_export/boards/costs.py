"""A model on a board for people: measured where the tools are here, else estimated."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from rnnedge_runtime.formats.metadata import Metadata

from ..formats.c.description import Figures
from ..formats.c.source import CSource
from ..formats.registry import format_of, read_metadata
from .board import Board
from .estimating import estimate
from .image import MODEL_FLAGS
from .measuring import Measurement, measure

_MEASURED_STEPS = 20


def costs_on(board: Board, source: CSource, metadata: Metadata) -> Measurement:
    """What a generated source costs on the board, over its recorded steps.

    Raises:
        BoardError: the source does not compile for the board, or fails there.
        SpecError: its tools are not here, and nothing is known to estimate it by.
    """
    if board.missing_packages():
        return estimate(board, metadata.spec, metadata.numerics)
    return measure(board, source, metadata.golden.x[:_MEASURED_STEPS])


def artifact_costs(path: Path, boards: Sequence[Board]) -> list[Measurement]:
    """What an artifact, or the C source made of it, costs on boards.

    `.c` and `.rnne` are measured where the tools are here; other files are estimated.

    Raises:
        FormatError: it is not a whole artifact.
        SpecError: no C source can be made of it, or nothing is known to estimate it by.
        BoardError: its source does not compile for a board, or fails there.
    """
    found = format_of(path).read_source(path)
    if found is None:
        metadata = read_metadata(path)
        return [estimate(b, metadata.spec, metadata.numerics) for b in boards]
    return [costs_on(board, *found) for board in boards]


def figures_of(board: Board, measurement: Measurement) -> Figures:
    """The line of a generated header."""
    origin = "estimated"
    if not measurement.is_estimated:
        number = version_number(measurement.compiler)
        origin = f"measured, {board.compiler} {number} {MODEL_FLAGS[-1]}"
    return Figures(
        board.name,
        measurement.flash_nbytes,
        measurement.ram_nbytes,
        measurement.stack_nbytes,
        measurement.max_instructions,
        origin,
    )


def version_number(line: str) -> str:
    """The number in what `calling.version` gives, for example `12.2.1`."""
    numbers = re.findall(r"\d+\.\d+(?:\.\d+)*", line)
    return numbers[-1] if numbers else line
