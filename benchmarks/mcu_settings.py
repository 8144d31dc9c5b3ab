"""Where and how the models are compiled for the tables of docs/mcu.md."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rnnedge_export.boards.board import Board
from rnnedge_export.boards.catalogue import BOARDS
from rnnedge_export.boards.measuring import Measurement, measure

from .mcu_models import Subject


@dataclass(frozen=True, slots=True)
class Setting:
    """A board, a compiler and its level of optimisation.

    Attributes:
        board: its name.
        compiler: `clang-14`; None for the board's gcc.
        level: `-O2` and such.
    """

    board: str
    compiler: str | None = None
    level: str = "-O2"

    @property
    def name(self) -> str:
        """As in the tables and in the file of counts."""
        own = "gcc" if self.target.compiler.endswith("gcc") else self.target.compiler
        return f"{self.board} {self.compiler or own} {self.level}"

    @property
    def target(self) -> Board:
        return BOARDS[self.board]

    @property
    def flags(self) -> tuple[str, ...]:
        """Flags of the model's file."""
        return "-std=c99", self.level


CELL_SETTINGS = (
    Setting("cortex-m4f"),
    Setting("cortex-m4f", level="-O3"),
    Setting("cortex-m4f", level="-Os"),
    Setting("cortex-m7"),
    Setting("cortex-m33"),
    Setting("cortex-m55"),
    Setting("cortex-m55", "clang-14"),
    Setting("cortex-m3"),
    Setting("cortex-m0plus"),
    Setting("rv32imafc"),
    Setting("rv32imac"),
    Setting("aarch64"),
    Setting("armv6"),
)
WHOLE_SETTINGS = tuple(Setting(name) for name in BOARDS if name != "microbit")

Measured = dict[tuple[str, str], Measurement]
"""Measurements by the names of setting and subject."""


def measure_all(
    settings: Sequence[Setting],
    subjects: Sequence[Subject],
    say: Callable[[str], None],
) -> Measured:
    """Every subject in every setting.

    Raises:
        MissingDependencyError: a compiler or emulator is not on this machine.
    """
    found: Measured = {}
    for setting in settings:
        say(setting.name)
        for subject in subjects:
            found[setting.name, subject.name] = measure(
                setting.target,
                subject.source,
                subject.x,
                model_flags=setting.flags,
                compiler=setting.compiler,
            )
    return found
