"""Sources by scheme: one row for each way in which lines come."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from ..schemes import opener_of

if TYPE_CHECKING:
    from ...tables.options import TableOptions
    from ...tables.text.encoding import TextLines
    from .pipe import Wait

    Opener = Callable[..., AbstractContextManager[TextLines]]

SOURCES = {"": f"{__package__}.file:open_file", "-": f"{__package__}.pipe:open_input"}
"""Opener by scheme (`opener_of`); it yields TextLines and takes what `open_source` takes."""


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
        wait: called before each read of a pipe (`pipe.Wait`).
        holds_out: bytes that are no text are left for the reader to find, as lone
            surrogates or U+FFFD.

    Raises:
        DataError: there is no such file, or it cannot be read or unpacked.
    """
    opener: Opener = opener_of(source, SOURCES)
    return opener(source, options, wait=wait, holds_out=holds_out)
