"""Files and pipes that rows come from and go to."""

from __future__ import annotations

import contextlib
import errno
import gzip
import io
import os
import stat
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from rnnedge_runtime.errors import DataError
from rnnedge_runtime.tables.held_out import MAX_LINE
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.text.encoding import (
    HEAD_BYTES,
    TextLines,
    find_encoding,
    peek,
)

from .partial_files import (
    keep_mode,
    partial_path,
    remove_stale,
    sync_folder,
    what_to_do,
)

if TYPE_CHECKING:
    from .live_input import Wait

_MAX_FIRST_LINE = 1 << 26


@contextlib.contextmanager
def open_lines(
    source: str,
    options: TableOptions | None = None,
    *,
    wait: Wait | None = None,
    holds_out: bool = False,
) -> Iterator[TextLines]:
    """Lines of a text file, gzipped if its name ends in .gz; `-` is standard input.

    The encoding is found in the first bytes. Lines of a regular file may be read ahead.

    Args:
        source: path or `-`.
        options: names the encoding, where it is known.
        wait: called before each read of a pipe (`live_input.Wait`).
        holds_out: bytes that are no text are left for the reader to find, as lone
            surrogates or U+FFFD.

    Raises:
        DataError: there is no such file, or it cannot be read or unpacked.
    """
    given = options.encoding if options else None
    live = is_live(source)
    if source == "-":
        raw = cast(IO[bytes], sys.stdin.buffer)
        if live and wait is not None and os.name == "posix":
            raw = _waiting(sys.stdin.fileno(), wait)
        with _readable("standard input"):
            text, note = _decoded(raw, "standard input", given, holds_out=holds_out)
        try:
            lines = _read(text, "standard input", is_bounded=holds_out)
            yield TextLines(lines, note, is_live=live)
        finally:
            text.detach()
        return
    path = Path(source)
    if path.suffix.lower() in (".parquet", ".pq", ".xlsx", ".xlsm", ".xls"):
        from rnnedge.data.tables.sources.files import read_file
        from rnnedge.data.tables.sources.json_lines import json_lines

        table = read_file(path, options or TableOptions())
        yield TextLines(json_lines(table), table.notes, is_live=False)
        return
    try:
        file: IO[bytes] = path.open("rb", buffering=HEAD_BYTES)
    except OSError as error:
        raise DataError(
            f"{source}: the file cannot be read: {error.strerror}. "
            "Give a CSV or JSON lines file, or - for standard input."
        ) from None
    with file:
        raw = file
        if live and wait is not None and os.name == "posix":
            raw = _waiting(file.fileno(), wait)
        if path.suffix.lower() == ".gz":
            raw = cast(IO[bytes], gzip.GzipFile(fileobj=raw))
        with _readable(source):
            text, note = _decoded(raw, source, given, holds_out=holds_out)
        lines = _read(text, source, is_bounded=holds_out)
        yield TextLines(lines, note, is_live=live)


def _waiting(descriptor: int, wait: Wait) -> IO[bytes]:
    from .live_input import LiveInput

    return cast(IO[bytes], io.BufferedReader(LiveInput(descriptor, wait), HEAD_BYTES))


def _decoded(
    file: IO[bytes], where: str, given: str | None, *, holds_out: bool
) -> tuple[io.TextIOWrapper, tuple[str, ...]]:
    encoding = find_encoding(peek(file), where=where, given=given, holds_out=holds_out)
    errors = "strict"
    if holds_out:
        is_utf_8 = encoding.name.startswith("utf-8")
        errors = "surrogateescape" if is_utf_8 else "replace"
    text = io.TextIOWrapper(file, encoding=encoding.name, errors=errors, newline="")
    return text, (encoding.note,) if encoding.note else ()


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


def is_live(source: str) -> bool:
    """Whether rows may come one by one, so that each answer must leave at once."""
    try:
        status = os.fstat(sys.stdin.fileno()) if source == "-" else Path(source).stat()
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(status.st_mode)


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
        yield sys.stdout
        flush_stdout()
    elif in_place or (path.exists() and not path.is_file()):
        with _writable(path), path.open("w", encoding="utf-8", newline="") as file:
            yield file
    else:
        with replacing(path) as raw:
            text = io.TextIOWrapper(raw, encoding="utf-8", newline="")
            yield text
            text.flush()
            text.detach()


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A new file that takes the place of `path` at the end, whole or not at all.

    Raises:
        DataError: it cannot be written.
    """
    target = Path(os.path.realpath(path))
    partial = partial_path(target)
    remove_stale(target)
    try:
        with _writable(path):
            with partial.open("wb") as file:
                yield file
                file.flush()
                keep_mode(target, file.fileno())
                os.fsync(file.fileno())
            partial.replace(target)
            sync_folder(target.parent)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


@contextlib.contextmanager
def _writable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{path}: the file cannot be written: {error.strerror}. {what_to_do(error)}"
        ) from None


def flush_stdout() -> None:
    """Flush; once the reader of a pipe has left, later output goes nowhere, quietly."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        drop_stdout()


def drop_stdout() -> None:
    """Let what is still to be written to standard output go nowhere."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
