"""Files and pipes that rows come from and go to."""

from __future__ import annotations

import contextlib
import gzip
import io
import os
import stat
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, cast

from rnnedge_runtime.errors import DataError
from rnnedge_runtime.tables.encoding import HEAD_BYTES, TextLines, find_encoding, peek
from rnnedge_runtime.tables.options import TableOptions


@contextlib.contextmanager
def open_lines(source: str, options: TableOptions | None = None) -> Iterator[TextLines]:
    """Lines of a text file, gzipped if its name ends in .gz; `-` is standard input.

    The encoding is found in the first bytes. Lines of a regular file may be read ahead.

    Raises:
        DataError: there is no such file, or it cannot be read or unpacked.
    """
    given = options.encoding if options else None
    if source == "-":
        raw = cast(IO[bytes], sys.stdin.buffer)
        text, note = _decoded(raw, "standard input", given)
        try:
            yield TextLines(text, note, is_live=is_live(source))
        finally:
            text.detach()
        return
    path = Path(source)
    if path.suffix.lower() in (".parquet", ".pq", ".xlsx", ".xlsm", ".xls"):
        from rnnedge.data.tables.files import read_file
        from rnnedge.data.tables.json_lines import json_lines

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
        if path.suffix.lower() == ".gz":
            file = cast(IO[bytes], gzip.GzipFile(fileobj=file))
        with _unpacking(source):
            text, note = _decoded(file, source, given)
        yield TextLines(_unpacked(text, source), note, is_live=is_live(source))


def _decoded(
    file: IO[bytes], where: str, given: str | None
) -> tuple[io.TextIOWrapper, tuple[str, ...]]:
    encoding = find_encoding(peek(file), where=where, given=given)
    text = io.TextIOWrapper(file, encoding=encoding.name, newline="")
    return text, (encoding.note,) if encoding.note else ()


def _unpacked(lines: Iterable[str], where: str) -> Iterator[str]:
    with _unpacking(where):
        yield from lines


@contextlib.contextmanager
def _unpacking(where: str) -> Iterator[None]:
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(
            f"{where}: the file cannot be unpacked: {error}. It is cut short or not gzip; "
            "copy it again."
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
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with _writable(path):
            with partial.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def _writable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{path}: the file cannot be written: {error.strerror}. "
            "Choose a folder that exists and that you may write to."
        ) from None


def flush_stdout() -> None:
    """Flush; once the reader of a pipe has left, later output goes nowhere, quietly."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
