"""Tables for a command: whole, or row by row."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnedge.cli.show.terminal import echo, redraw
from rnnedge_runtime.errors import DataError
from rnnedge_runtime.live.places import open_source
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.text.encoding import TextLines

if TYPE_CHECKING:
    from rnnedge.data.series import Dataset
    from rnnedge_runtime.live.sources.file import Wait

STANDARD_INPUT = "standard input"
LARGE_NBYTES = 30_000_000
_GZIP = b"\x1f\x8b"


def load_tables(data: tuple[str, ...], **choices: Any) -> Dataset:
    """`load_dataset` of the DATA of a command; `-` alone is standard input.

    Args:
        data: as given.
        choices: as for `load_dataset`.

    Raises:
        DataError: a table cannot be read, or `-` stands beside other DATA.
    """
    from rnnedge.data.tables.loading import load_dataset

    if "-" not in data:
        with reading_bar():
            return load_dataset(data[0] if len(data) == 1 else list(data), **choices)
    if len(data) > 1:
        raise DataError(
            f"{STANDARD_INPUT}: - stands beside other tables, expected it alone. Save "
            "the readings to a file and name that."
        )
    import tempfile

    content = sys.stdin.buffer.read()
    with tempfile.TemporaryDirectory() as folder:
        ending = ".csv.gz" if content.startswith(_GZIP) else ".csv"
        path = Path(folder, f"table{ending}")
        path.write_bytes(content)
        try:
            dataset = load_dataset(path, **choices)
        except DataError as error:
            raise type(error)(str(error).replace(str(path), STANDARD_INPUT)) from None
        notes = tuple(note.replace(str(path), STANDARD_INPUT) for note in dataset.notes)
    return dataclasses.replace(dataset, source=STANDARD_INPUT, notes=notes)


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


@contextlib.contextmanager
def open_lines(
    source: str,
    options: TableOptions | None = None,
    *,
    wait: Wait | None = None,
    holds_out: bool = False,
) -> Iterator[TextLines]:
    """As `open_source`; of Parquet and Excel one JSON object a row."""
    path = Path(source)
    if path.suffix.lower() in (".parquet", ".pq", ".xlsx", ".xlsm", ".xls"):
        from rnnedge.data.tables.sources.files import read_file
        from rnnedge.data.tables.sources.objects import json_lines

        table = read_file(path, options or TableOptions())
        yield TextLines(json_lines(table), table.notes, is_live=False)
        return
    with open_source(source, options, wait=wait, holds_out=holds_out) as lines:
        yield lines
