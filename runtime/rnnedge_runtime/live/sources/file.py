"""A file of text, also gzipped, a named pipe or a device."""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from ...errors import DataError
from ...tables.options import TableOptions
from ...tables.text.encoding import HEAD_BYTES, TextLines
from .pipe import Wait, is_live, waiting
from .text import text_lines


@contextlib.contextmanager
def open_file(
    source: str,
    options: TableOptions | None = None,
    *,
    wait: Wait | None = None,
    holds_out: bool = False,
) -> Iterator[TextLines]:
    """The lines of a file (`registry.open_source`)."""
    path, live = Path(source), is_live(source)
    try:
        file: IO[bytes] = path.open("rb", buffering=HEAD_BYTES)
    except OSError as error:
        raise DataError(
            f"{source}: the file cannot be read: {error.strerror}. "
            "Give a CSV or JSON lines file, or - for standard input."
        ) from None
    with file:
        raw = waiting(file, wait) if live else file
        if path.suffix.lower() == ".gz":
            raw = cast(IO[bytes], gzip.GzipFile(fileobj=raw))
        with text_lines(
            raw, source, options, is_live=live, holds_out=holds_out
        ) as lines:
            yield lines
