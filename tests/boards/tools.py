"""Skips what this machine has no compiler or emulator for (a failure in CI)."""

from __future__ import annotations

import pytest

from rnnedge_export.boards.board import Board
from rnnedge_export.boards.catalogue import BOARDS
from rnnedge_export.boards.tools import missing_packages


def usable_board(name: str) -> Board:
    missing = missing_packages(BOARDS[name])
    if missing:
        pytest.skip(f"{name} needs the Debian packages {' '.join(missing)}")
    return BOARDS[name]
