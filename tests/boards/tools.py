"""Skips what this machine has no compiler or emulator for (a failure in CI)."""

from __future__ import annotations

from programs import require

from rnnedge_export.boards.board import Board
from rnnedge_export.boards.catalogue import BOARDS


def usable_board(name: str, compiler: str | None = None) -> Board:
    """The board, where its tools and `compiler`, if given, are here."""
    board = BOARDS[name]
    require(*board.commands, *([compiler] if compiler else []))
    return board
