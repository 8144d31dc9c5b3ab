"""A text to write to: standard output, a file that grows, or one that is there when whole."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ...errors import DataError
from ...formats.files import remove_stale, replacing, what_to_do


@contextlib.contextmanager
def open_output(sink: str, *, in_place: bool) -> Iterator[IO[str]]:
    """The text file to write to; `-` is standard output.

    Args:
        sink: path or `-`.
        in_place: write the file as it grows. Otherwise it takes its place only at the
            end of a `with` that raised nothing; devices and pipes are always in place.

    Raises:
        DataError: it cannot be written.
    """
    path = Path(sink)
    if sink == "-":
        if sys.stdout is None:
            raise DataError("standard output is closed. Name a file with --output.")
        yield sys.stdout
        flush_stdout()
    elif in_place or (path.exists() and not path.is_file()):
        with writable(str(path)), path.open("w", encoding="utf-8", newline="") as file:
            yield file
    else:
        target = Path(os.path.realpath(path))
        remove_stale(target)
        with writable(str(path)), replacing(target) as raw:
            text = io.TextIOWrapper(raw, encoding="utf-8", newline="")
            yield text
            text.flush()
            text.detach()


@contextlib.contextmanager
def writable(sink: str) -> Iterator[None]:
    """DataError, with the file's name, where it cannot be written."""
    try:
        yield
    except OSError as error:
        if sink == "-":
            if isinstance(error, BrokenPipeError):
                raise
            drop(sys.stdout)
        where = "standard output" if sink == "-" else f"{sink}: the file"
        raise DataError(
            f"{where} cannot be written: {error.strerror}. {what_to_do(error)}"
        ) from None


def flush_stdout() -> None:
    """Flush; once the reader of a pipe has left, later output goes nowhere, quietly."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        drop(sys.stdout)


def drop(file: IO[str]) -> None:
    """Let what is still to be written to a standard stream go nowhere."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, file.fileno())
        os.close(nowhere)
