"""Sources and sinks by scheme: one row for each way in which lines come or forecasts leave."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..tables.options import TableOptions
    from ..tables.text.encoding import TextLines
    from .sinks.file import RowOutput
    from .sources.file import Wait
    from .state_file import Mark

    Opener = Callable[..., AbstractContextManager[TextLines]]

SOURCES = dict.fromkeys(("", "-"), f"{__package__}.sources.file:open_file")
SINKS = dict.fromkeys(("", "-"), f"{__package__}.sinks.file:open_row_output")
"""`module:name` of the openers by `scheme://`; "" for paths, `-` for a standard stream.

They take what `open_source` and `open_sink` take, and yield TextLines, or a RowOutput.
"""


def open_source(
    source: str,
    options: TableOptions | None = None,
    *,
    wait: Wait | None = None,
    holds_out: bool = False,
) -> AbstractContextManager[TextLines]:
    """Lines of a text file, gzipped if its name ends in .gz; `-` is standard input.

    The encoding is found in the first bytes. Lines of a regular file may be read ahead.

    Args:
        source: path, `-`, or what a scheme of `SOURCES` opens, as `scheme://...`.
        options: names the encoding, where it is known.
        wait: called before each read of a pipe (`sources.file.Wait`).
        holds_out: bytes that are no text are left for the reader to find, as lone
            surrogates or U+FFFD.

    Raises:
        DataError: there is no such file, or it cannot be read or unpacked.
    """
    opener: Opener = _opener_of(source, SOURCES)
    return opener(source, options, wait=wait, holds_out=holds_out)


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
    opener: Callable[..., AbstractContextManager[RowOutput]] = _opener_of(sink, SINKS)
    return opener(sink, in_place=in_place, grows=grows, mark=mark)


def _opener_of(place: str, openers: Mapping[str, str]) -> Any:
    """What opens a place, imported here; what has no known scheme is a path."""
    scheme, mark, _ = place.partition("://")
    key = scheme.lower() + mark if mark or place == "-" else ""
    module, _, name = openers.get(key, openers[""]).partition(":")
    return getattr(importlib.import_module(module), name)
