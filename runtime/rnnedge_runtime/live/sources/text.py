"""Bytes to the lines of a table, its encoding found and its length bounded."""

from __future__ import annotations

import contextlib
import errno
import gzip
import io
import zlib
from collections.abc import Iterator
from typing import IO, cast

from ...errors import DataError
from ...tables.held_out import MAX_LINE
from ...tables.options import TableOptions
from ...tables.text.byte_lines import ByteLines
from ...tables.text.encoding import TextLines, find_encoding, peek

_MAX_FIRST_LINE = 1 << 26
_LINES_OF_BYTES = frozenset(
    ("utf-8", "utf-8-sig", "ascii", "cp1252", "latin-1", "iso8859-1")
)
"""Encodings in which a byte below 128 is the character of ASCII, wherever it stands."""


@contextlib.contextmanager
def text_lines(
    file: IO[bytes],
    where: str,
    options: TableOptions | None,
    *,
    is_live: bool,
    holds_out: bool,
) -> Iterator[TextLines]:
    """The lines of an open file, which is left to its owner (`places.open_source`).

    Raises:
        DataError: it cannot be read or unpacked, here or at a later line.
    """
    given = options.encoding if options else None
    with _readable(where):
        found = find_encoding(peek(file), where=where, given=given, holds_out=holds_out)
    errors = "strict"
    if holds_out:
        is_utf_8 = found.name.startswith("utf-8")
        errors = "surrogateescape" if is_utf_8 else "replace"
    source = None
    if holds_out and not is_live and found.name in _LINES_OF_BYTES:
        source = ByteLines(file) if hasattr(file, "read1") else None
    buffer = file if source is None else cast(IO[bytes], source)
    text = io.TextIOWrapper(buffer, encoding=found.name, errors=errors, newline="")
    notes = (found.note,) if found.note else ()
    try:
        yield TextLines(
            _read(text, where, is_bounded=holds_out),
            notes,
            is_live=is_live,
            source=source,
        )
    finally:
        text.detach()


def _read(text: io.TextIOWrapper, where: str, *, is_bounded: bool) -> Iterator[str]:
    """The lines of a text; one that is far too long is cut, and its rest left out."""
    with _readable(where):
        first = text.readline(_MAX_FIRST_LINE if is_bounded else -1)
        if is_bounded and len(first) == _MAX_FIRST_LINE:
            raise DataError(
                f"{where}: the first line has more than {_MAX_FIRST_LINE - 1:,} "
                "characters, expected a header. Check that this is a table."
            )
        size = max(MAX_LINE, 4 * len(first)) if is_bounded else -1
        line = first
        while line:
            is_cut = len(line) == size and line[-1] not in "\r\n"
            yield line
            while is_cut:
                rest = text.readline(size)
                is_cut = len(rest) == size and rest[-1] not in "\r\n"
            line = text.readline(size)


@contextlib.contextmanager
def _readable(where: str) -> Iterator[None]:
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(
            f"{where}: the file cannot be unpacked: {error}. It is cut short or not gzip; "
            "copy it again."
        ) from None
    except OSError as error:
        remedy = "Give a file or a pipe of readings."
        if error.errno == errno.EIO:
            remedy = "Check the device that it comes from."
        raise DataError(
            f"{where}: it cannot be read any further: {error.strerror}. {remedy}"
        ) from None
