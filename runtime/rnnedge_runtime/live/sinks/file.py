"""Where forecasts go: text that leaves at once, or a file that grows beside a state."""

from __future__ import annotations

import contextlib
import io
import os
import select
import stat
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import IO

from ..state_file import Mark
from .text import open_output, writable

_HEADER_NBYTES = 1 << 20


@dataclass(slots=True)
class RowOutput:
    """An open text that forecasts are written to.

    Attributes:
        file: the text.
        path: the regular file that grows by it; None for any other.
        first_line: of a file that has rows of an earlier run, so that no header is due.
        num_rows: rows that were written.
    """

    file: IO[str]
    _: KW_ONLY
    path: Path | None = None
    first_line: str | None = None
    num_rows: int = field(default=0, init=False)
    _poll: select.poll | None = field(init=False)

    def __post_init__(self) -> None:
        self._poll = _poll_of(self.file)

    def flush(self) -> None:
        """Let all that is written leave this process."""
        self.file.flush()

    def commit(self) -> None:
        """As `flush`, and onto the disk, where it is a regular file."""
        self.file.flush()
        try:
            descriptor = self.file.fileno()
        except (OSError, ValueError):
            return
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.fsync(descriptor)

    def mark(self) -> Mark | None:
        """How far a file that grows has got."""
        if self.path is None:
            return None
        return Mark(str(self.path), os.fstat(self.file.fileno()).st_size)

    def is_left(self) -> bool:
        """Whether the reader of a pipe has gone, so that no further row would arrive."""
        return self._poll is not None and any(
            event & select.POLLERR for _, event in self._poll.poll(0)
        )


def _poll_of(file: IO[str]) -> select.poll | None:
    """What tells that the reader of a pipe has gone; None where there is none."""
    try:
        is_regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
        poll = select.poll()
        poll.register(file.fileno(), 0)
    except (AttributeError, OSError, ValueError):
        return None
    return None if is_regular else poll


@contextlib.contextmanager
def open_row_output(
    sink: str, *, in_place: bool, grows: bool, mark: Mark | None
) -> Iterator[RowOutput]:
    """The output of a stream in a file, or on standard output (`places.open_sink`)."""
    path = Path(sink)
    if sink == "-" or not grows or (path.exists() and not path.is_file()):
        with writable(sink), open_output(sink, in_place=in_place) as file:
            yield RowOutput(file)
        return
    target = Path(os.path.realpath(path))
    with writable(sink), target.open("a+b") as raw:
        _cut(raw, target, mark)
        text = io.TextIOWrapper(raw, encoding="utf-8", newline="")
        raw.seek(0)
        first = raw.readline(_HEADER_NBYTES).decode(errors="replace") or None
        yield RowOutput(text, path=target, first_line=first)
        text.flush()
        text.detach()


def _cut(raw: IO[bytes], path: Path, mark: Mark | None) -> None:
    """Cut off what was written after the state, or at least a line that has no end."""
    size = os.fstat(raw.fileno()).st_size
    if mark is not None and mark.path == str(path) and mark.size <= size:
        raw.truncate(mark.size)
        return
    end = size
    while end > 0:
        start = max(0, end - 4096)
        raw.seek(start)
        found = raw.read(end - start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    if end < size:
        raw.truncate(end)
