"""A model on a board for people: measured where the tools are here, else estimated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.formats.metadata import Metadata

from ..formats.c.description import Figures
from ..formats.c.source import CSource
from ..formats.registry import format_of, read_metadata
from .board import Board
from .budget import Budget, budget_of, check_budget
from .catalogue import find_board
from .estimating import estimate
from .image import MODEL_FLAGS
from .measuring import Measurement, measure
from .tools import missing_packages, version_number

_MEASURED_STEPS = 20


@dataclass(frozen=True, slots=True)
class Fit:
    """A board, and what a model may use of it."""

    board: Board
    budget: Budget


def find_fit(board: str | None, flash: str | None, ram: str | None) -> Fit | None:
    """What `--board`, `--flash` and `--ram` ask for; None when nothing.

    Raises:
        SpecError: an unknown board, a size that is none, a size without a board.
    """
    if board is None:
        if flash is not None or ram is not None:
            raise SpecError(
                "a size of flash or RAM was given without a board. "
                "Name one with --board; `rnnedge devices` lists them."
            )
        return None
    found = find_board(board)
    return Fit(found, budget_of(found, flash, ram))


def costs_on(board: Board, source: CSource, metadata: Metadata) -> Measurement:
    """What a generated source costs on the board, over its recorded steps.

    Raises:
        BoardError: the source does not compile for the board, or fails there.
        SpecError: its tools are not here, and nothing is known to estimate it by.
    """
    if missing_packages(board):
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


def check_fit(
    fit: Fit, name: str, measurement: Measurement, metadata: Metadata
) -> None:
    """Nothing when the model fits.

    Raises:
        BudgetError: it does not; the message says by how much, and what would fit.
    """
    spec, numerics = metadata.spec, metadata.numerics
    check_budget(name, measurement, fit.budget, fit.board, spec, numerics)


def figures_of(board: Board, measurement: Measurement) -> Figures:
    """The line of a generated header."""
    origin = "estimated"
    if not measurement.is_estimated:
        level = MODEL_FLAGS[-1]
        compiler = f"{board.compiler} {version_number(measurement.compiler)}"
        origin = f"measured, {compiler} {level}"
    return Figures(
        board.name,
        measurement.flash_nbytes,
        measurement.ram_nbytes,
        measurement.stack_nbytes,
        measurement.max_instructions,
        origin,
    )
