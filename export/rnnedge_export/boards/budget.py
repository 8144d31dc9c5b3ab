"""Will it fit: a model's flash and RAM against what a board gives it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from rnnedge_runtime.errors import BudgetError, SpecError
from rnnedge_runtime.numerics.f32 import NUMERICS
from rnnedge_runtime.numerics.w8a16 import INTEGER_NUMERICS
from rnnedge_runtime.spec.layers import RecurrentLayer
from rnnedge_runtime.spec.model_spec import ModelSpec

from .board import Board
from .estimating import estimate, knows_costs, resized
from .measuring import Measurement

_MAX_HIDDEN_SIZE = 4096
_UNITS = {"": 1, "b": 1, "k": 1024, "kb": 1024, "m": 1024**2, "mb": 1024**2}


@dataclass(frozen=True, slots=True)
class Budget:
    """What the model may use, in bytes; None for no limit. RAM is state and stack."""

    flash_nbytes: int | None
    ram_nbytes: int | None

    def holds(self, measurement: Measurement) -> bool:
        """Whether the model fits."""
        limits = (self.flash_nbytes, self.ram_nbytes)
        needs = (measurement.flash_nbytes, ram_need(measurement))
        return all(
            limit is None or need <= limit
            for need, limit in zip(needs, limits, strict=True)
        )


def ram_need(measurement: Measurement) -> int:
    """Bytes of RAM while a step runs: state and stack."""
    return measurement.ram_nbytes + (measurement.stack_nbytes or 0)


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


def budget_of(board: Board, flash: str | None, ram: str | None) -> Budget:
    """The budget as given, else the memory of the board's part.

    Raises:
        SpecError: a size is not understood.
    """
    return Budget(
        board.flash_nbytes if flash is None else parse_size(flash),
        board.ram_nbytes if ram is None else parse_size(ram),
    )


def check_budget(
    name: str,
    measurement: Measurement,
    budget: Budget,
    board: Board,
    spec: ModelSpec,
    numerics: str = NUMERICS,
) -> None:
    """Nothing when the model fits.

    Raises:
        BudgetError: it does not; the message says by how much, and what would fit.
    """
    if budget.holds(measurement):
        return
    needs, given = [], []
    flash, ram = budget.flash_nbytes, budget.ram_nbytes
    if flash is not None and measurement.flash_nbytes > flash:
        needs.append(f"{measurement.flash_nbytes:,} bytes of flash")
        given.append(f"{flash:,}")
    if ram is not None and ram_need(measurement) > ram:
        state, stack = measurement.ram_nbytes, measurement.stack_nbytes or 0
        needs.append(
            f"{ram_need(measurement):,} bytes of RAM ({state:,} state, {stack:,} stack)"
        )
        given.append(f"{ram:,}")
    how = " (estimated)" if measurement.is_estimated else ""
    advice = _advice(measurement, budget, board, spec, numerics)
    raise BudgetError(
        f"{name}: it needs {' and '.join(needs)} on {board.name}{how}, but "
        f"{' and '.join(given)} are given. {advice}"
    )


def largest_hidden_size(
    fits: Callable[[int], bool], most: int = _MAX_HIDDEN_SIZE
) -> int:
    """The largest size that fits, 0 when none does; what fits must fit when smaller."""
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _advice(
    measurement: Measurement,
    budget: Budget,
    board: Board,
    spec: ModelSpec,
    numerics: str,
) -> str:
    sizes = [x.hidden_size for x in spec.layers if isinstance(x, RecurrentLayer)]
    if not sizes:
        return "Give it more memory."
    fits = _fits(measurement, budget, board, spec, numerics)
    ways = []
    hidden = largest_hidden_size(fits, max(sizes))
    if hidden:
        ways.append(f"a hidden size of {hidden} would fit (estimated)")
    if numerics == NUMERICS and knows_costs(INTEGER_NUMERICS):
        small = estimate(board, spec, INTEGER_NUMERICS)
        if budget.holds(small):
            ways.append(
                f"--int8 takes {small.flash_nbytes:,} bytes of flash (estimated)"
            )
    if not ways:
        return "No hidden size of this cell would fit; choose a larger part."
    text = "; ".join(ways)
    return f"{text[0].upper()}{text[1:]}."


def _fits(
    measurement: Measurement,
    budget: Budget,
    board: Board,
    spec: ModelSpec,
    numerics: str,
) -> Callable[[int], bool]:
    """Whether another hidden size fits: what is known of this one, and the difference."""
    known = estimate(board, spec, numerics)

    def fits(hidden_size: int) -> bool:
        if hidden_size == 0:
            return True
        other = estimate(board, resized(spec, hidden_size), numerics)
        return budget.holds(
            replace(
                measurement,
                flash_nbytes=measurement.flash_nbytes
                + other.flash_nbytes
                - known.flash_nbytes,
                ram_nbytes=measurement.ram_nbytes + other.ram_nbytes - known.ram_nbytes,
            )
        )

    return fits
