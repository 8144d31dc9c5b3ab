"""Compilers and emulators on this machine, and the Debian packages that bring them."""

from __future__ import annotations

import re
from itertools import chain

from rnnedge_runtime.errors import MissingDependencyError

from ..tools import programs
from .board import Board


def missing_packages(board: Board) -> list[str]:
    """Debian packages to install before the board can be used; empty when it can be."""
    return programs.missing_packages(board.commands)


def require_tools(*boards: Board) -> None:
    """Nothing when all tools of the boards are here.

    Raises:
        MissingDependencyError: names the boards and the packages.
    """
    missing = {board.name: missing_packages(board) for board in boards}
    missing = {name: packages for name, packages in missing.items() if packages}
    if missing:
        packages = list(dict.fromkeys(chain.from_iterable(missing.values())))
        raise MissingDependencyError(
            f"boards {', '.join(missing)}: the compiler or the emulator is not on this "
            f"machine. Install them, on Debian with: apt-get install "
            f"--no-install-recommends {' '.join(packages)}."
        )


def version_number(line: str) -> str:
    """The number in what `calling.version` gives, for example `12.2.1`."""
    numbers = re.findall(r"\d+\.\d+(?:\.\d+)*", line)
    return numbers[-1] if numbers else line
