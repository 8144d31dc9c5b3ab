"""A board: the processor an image is built for, and the emulator that runs it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Literal

from rnnedge_runtime.errors import MissingDependencyError

from ..tools import programs

System = Literal["bare metal", "linux", "wasm"]
Counter = Literal["systick", "minstret", "plugin", "none"]


@dataclass(frozen=True, slots=True)
class Memory:
    """Where the emulated machine has its memories, in bytes; code may use `rom`."""

    rom_start: int
    rom_nbytes: int
    ram_start: int
    ram_nbytes: int


@dataclass(frozen=True, slots=True)
class Board:
    """A processor, how to compile for it, how to run it and what can be counted there.

    Attributes:
        name: as in `--board` and `--on`.
        core: the processor in words.
        compiler: command of the C compiler; it links, too.
        flags: that choose the processor.
        emulator: command and arguments; those of the image are added.
        system: what is under the program.
        counter: what counts instructions: the SysTick timer on virtual time, the RISC-V
            counter, a plugin of the emulator, or nothing.
        memory: of the emulated machine; None where there is an operating system.
        systick_hz: clock of the SysTick timer.
        part: a common part with this processor, whose memory is the budget when none is
            given; "" for none.
        flash_nbytes: of that part; None for no limit.
        ram_nbytes: of that part; None for no limit.
        has_float_unit: without one a float step takes hundreds of thousands of
            instructions, so fewer are run.
    """

    name: str
    core: str
    compiler: str
    flags: tuple[str, ...]
    emulator: tuple[str, ...]
    system: System
    counter: Counter
    memory: Memory | None = None
    systick_hz: int = 0
    part: str = ""
    flash_nbytes: int | None = None
    ram_nbytes: int | None = None
    has_float_unit: bool = True

    @property
    def commands(self) -> tuple[str, ...]:
        """Every command that a run on this board calls."""
        linker = ("wasm-ld-14",) if self.system == "wasm" else ()
        host = ("cc",) if self.counter == "plugin" else ()
        return (self.compiler, self.emulator[0], *linker, *host)

    def missing_packages(self) -> list[str]:
        """Debian packages to install before it can be used; empty when it can be."""
        return programs.missing_packages(self.commands)


def require_tools(*boards: Board) -> None:
    """Nothing when all tools of the boards are here.

    Raises:
        MissingDependencyError: names the boards and the packages.
    """
    missing = {board.name: board.missing_packages() for board in boards}
    missing = {name: packages for name, packages in missing.items() if packages}
    if missing:
        packages = list(dict.fromkeys(chain.from_iterable(missing.values())))
        raise MissingDependencyError(
            f"boards {', '.join(missing)}: the compiler or the emulator is not on this "
            f"machine. Install them, on Debian with: apt-get install "
            f"--no-install-recommends {' '.join(packages)}."
        )
