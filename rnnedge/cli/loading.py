"""Whole tables for a command: files, folders, patterns, or standard input."""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnedge.cli.show.reading_bar import reading_bar
from rnnedge_runtime.errors import DataError

if TYPE_CHECKING:
    from rnnedge.data.series import Dataset

STANDARD_INPUT = "standard input"
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
