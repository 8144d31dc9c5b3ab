"""Sinks by scheme: one row for each way in which forecasts leave."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from ..schemes import opener_of

if TYPE_CHECKING:
    from ..state_file import Mark
    from .file import RowOutput

    Opener = Callable[..., AbstractContextManager[RowOutput]]

SINKS = dict.fromkeys(("", "-"), f"{__package__}.file:open_row_output")
"""Opener by scheme (`opener_of`); it yields a RowOutput and takes what `open_sink` takes."""


def open_sink(
    sink: str, *, in_place: bool, grows: bool, mark: Mark | None
) -> AbstractContextManager[RowOutput]:
    """The output of a stream.

    Args:
        sink: path, `-` for standard output, or what a scheme of `SINKS` opens.
        in_place: write a file as it grows (`open_output`).
        grows: a regular file goes on after the rows that it has, as the state does.
        mark: how far it had got at the state that the stream goes on from.

    Raises:
        DataError: it cannot be written.
    """
    opener: Opener = opener_of(sink, SINKS)
    return opener(sink, in_place=in_place, grows=grows, mark=mark)
