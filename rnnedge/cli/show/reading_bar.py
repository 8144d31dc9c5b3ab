"""A bar on the terminal while a large file is read."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from rnnedge.cli.show.terminal import echo, redraw

LARGE_NBYTES = 30_000_000


@contextlib.contextmanager
def reading_bar() -> Iterator[None]:
    """Show on standard error, where it is a terminal, how far a large file is read."""
    from rnnedge.data.tables.values.progress import reading_progress

    is_open = False

    def tell(path: Path, done: int, size: int) -> None:
        nonlocal is_open
        if size >= LARGE_NBYTES:
            share = min(1.0, done / size)
            bar = "#" * round(30 * share)
            redraw(f"reading {path.name} [{bar:<30}] {share:4.0%}")
            is_open = done < size
            if not is_open:
                echo(err=True)

    if not sys.stderr.isatty():
        yield
        return
    try:
        with reading_progress(tell):
            yield
    finally:
        if is_open:
            echo(err=True)
