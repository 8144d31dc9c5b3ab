"""Skips what this machine has no compiler or emulator for (a failure in CI)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from support.programs import needs, require

from rnnedge_export.boards.board import Board
from rnnedge_export.boards.catalogue import BOARDS


def usable_board(name: str, compiler: str | None = None) -> Board:
    """The board, where its tools and `compiler`, if given, are here."""
    require(*_programs(name, compiler))
    return BOARDS[name]


def on_usable(rows: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Parameters `(board, compiler or None, ...)`, skipped before any fixture is built."""
    return [pytest.param(*row, marks=needs(*_programs(*row[:2]))) for row in rows]


def each_usable(names: Iterable[str]) -> list[Any]:
    """The same of boards alone."""
    return [pytest.param(name, marks=needs(*_programs(name, None))) for name in names]


def _programs(name: str, compiler: str | None) -> tuple[str, ...]:
    return (*BOARDS[name].commands, *([compiler] if compiler else []))
