"""`verify --on`: generated sources on boards, against the reference of their arithmetic."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from rnnedge_runtime.errors import SpecError

from ..formats.c.source import read_source
from ..formats.registry import FORMATS, format_of
from .board import Board
from .catalogue import BOARDS, find_board
from .equality import BoardReport, HostRun, check_on_board
from .tools import require_tools

ALL = "all"


def find_boards(names: Sequence[str]) -> list[Board]:
    """The boards named, `all` for every one; each once.

    Raises:
        SpecError: a name is unknown.
        MissingDependencyError: a tool is not installed; names all packages.
    """
    boards = list(BOARDS.values()) if ALL in names else [find_board(n) for n in names]
    boards = list(dict.fromkeys(boards))
    require_tools(*boards)
    return boards


def c_sources(paths: Sequence[str | os.PathLike[str]]) -> list[Path]:
    """The C sources among artifacts.

    Raises:
        SpecError: there is none.
    """
    sources = [Path(path) for path in paths if format_of(path) is FORMATS["c"]]
    if not sources:
        raise SpecError(
            f"verify: '{Path(paths[0]).name}' is not a C source, and only these are run on "
            "boards. Export the model with --format c, and verify NAME.c."
        )
    return sources


def verify_on_boards(
    sources: Sequence[Path], boards: Sequence[Board]
) -> Iterator[BoardReport]:
    """Try every generated source on every board.

    The judge is the float32 reference in NumPy on the weights read from the source.

    Raises:
        FormatError: a file is not a whole artifact.
        BoardError: a source does not compile, or its program fails.
    """
    for path in sources:
        run = HostRun(read_source(path)[0], FORMATS["c"].compute(path))
        for board in boards:
            yield from check_on_board(board, [run])
