"""What a model costs on a board, measured where the tools are here, and whether it fits."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rnnedge_runtime.errors import BudgetError, SpecError
from rnnedge_runtime.formats.metadata import Metadata
from rnnedge_runtime.numerics.f32 import NUMERICS
from rnnedge_runtime.numerics.w8a16 import INTEGER_NUMERICS
from rnnedge_runtime.spec.graph_roles import is_graph
from rnnedge_runtime.spec.layers import RecurrentLayer
from rnnedge_runtime.spec.model_spec import ModelSpec

from ..formats.c.description import Figures
from ..formats.c.source import CSource
from ..formats.registry import format_of, read_metadata
from .board import Board
from .catalogue import find_board
from .estimating import estimate, knows_costs, resized
from .image import MODEL_FLAGS
from .measuring import Measurement, measure

_MEASURED_STEPS = 20
_UNITS = {"": 1, "b": 1, "k": 1024, "kb": 1024, "m": 1024**2, "mb": 1024**2}


@dataclass(frozen=True, slots=True)
class Fit:
    """A board, and the bytes a model may use there; None for no limit.

    RAM is state and stack.
    """

    board: Board
    flash_nbytes: int | None
    ram_nbytes: int | None

    def holds(self, measurement: Measurement) -> bool:
        """Whether the model fits."""
        limits = (self.flash_nbytes, self.ram_nbytes)
        needs = (measurement.flash_nbytes, measurement.ram_need)
        return all(
            limit is None or need <= limit
            for need, limit in zip(needs, limits, strict=True)
        )


def find_fit(board: str | None, flash: str | None, ram: str | None) -> Fit | None:
    """What `--board`, `--flash` and `--ram` ask for; None when nothing.

    Without sizes it is the memory of the board's part.

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
    return Fit(
        found,
        found.flash_nbytes if flash is None else parse_size(flash),
        found.ram_nbytes if ram is None else parse_size(ram),
    )


def parse_size(text: str) -> int:
    """Bytes of a size such as `64k`, `1M` or `8192`.

    Raises:
        SpecError: it is not a size.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", text.lower())
    if not found or found[2] not in _UNITS:
        raise SpecError(
            f"size '{text}' is not understood, expected for example 64k, 1M or 8192. "
            "k is 1,024 bytes."
        )
    return int(float(found[1]) * _UNITS[found[2]])


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


def check_fit(
    fit: Fit,
    name: str,
    measurement: Measurement,
    spec: ModelSpec,
    numerics: str = NUMERICS,
) -> None:
    """Nothing when the model fits.

    Raises:
        BudgetError: it does not; the message says by how much, and what would fit.
    """
    if fit.holds(measurement):
        return
    needs, given = [], []
    flash, ram = fit.flash_nbytes, fit.ram_nbytes
    if flash is not None and measurement.flash_nbytes > flash:
        needs.append(f"{measurement.flash_nbytes:,} bytes of flash")
        given.append(f"{flash:,}")
    if ram is not None and measurement.ram_need > ram:
        state, stack = measurement.ram_nbytes, measurement.stack_nbytes or 0
        needs.append(
            f"{measurement.ram_need:,} bytes of RAM ({state:,} state, {stack:,} stack)"
        )
        given.append(f"{ram:,}")
    how = " (estimated)" if measurement.is_estimated else ""
    raise BudgetError(
        f"{name}: it needs {' and '.join(needs)} on {fit.board.name}{how}, but "
        f"{' and '.join(given)} are given. {_advice(fit, measurement, spec, numerics)}"
    )


def largest_hidden_size(fits: Callable[[int], bool], most: int) -> int:
    """The largest size that fits, 0 when none does; what fits must fit when smaller."""
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _advice(fit: Fit, measurement: Measurement, spec: ModelSpec, numerics: str) -> str:
    sizes = [x.hidden_size for x in spec.layers if isinstance(x, RecurrentLayer)]
    if not sizes and not is_graph(spec):
        return "Give it more memory."
    known = estimate(fit.board, spec, numerics)

    def fits(hidden_size: int) -> bool:
        """What is known of this size, and the difference of the other."""
        other = estimate(fit.board, resized(spec, hidden_size), numerics)
        flash = measurement.flash_nbytes + other.flash_nbytes - known.flash_nbytes
        ram = measurement.ram_nbytes + other.ram_nbytes - known.ram_nbytes
        return fit.holds(replace(measurement, flash_nbytes=flash, ram_nbytes=ram))

    ways = []
    is_chain = not is_graph(spec)
    hidden = largest_hidden_size(fits, max(sizes)) if is_chain else 0
    if hidden:
        ways.append(f"a hidden size of {hidden} would fit (estimated)")
    if numerics == NUMERICS and knows_costs(INTEGER_NUMERICS):
        small = estimate(fit.board, spec, INTEGER_NUMERICS)
        if fit.holds(small):
            ways.append(
                f"--int8 takes {small.flash_nbytes:,} bytes of flash (estimated)"
            )
    if not ways and not is_chain:
        return "Give it more memory, or make its layers smaller."
    if not ways:
        return "No hidden size of this cell would fit; choose a larger part."
    text = "; ".join(ways)
    return f"{text[0].upper()}{text[1:]}."
