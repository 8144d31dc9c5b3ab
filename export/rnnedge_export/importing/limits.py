"""What a stranger's file may ask for: sizes, archives, links to other files."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnnedge_runtime.errors import FormatError, SpecError

MAX_VALUES = 1 << 24
"""Numbers that one tensor of one step may hold."""

MAX_WEIGHTS = 1 << 27
"""Numbers that one weight may hold."""

MAX_UNPACKED = 1 << 30
"""Bytes that an archive may hold."""


def check_size(where: str, name: str, shape: Sequence[Any]) -> None:
    """Raise SpecError where a tensor of one step would not fit into a device's memory."""
    sizes = [int(size) for size in shape]
    count = math.prod(sizes)
    if count > MAX_VALUES:
        raise SpecError(
            f"{where}: '{name}' has shape {sizes}, so {count:,} values in one step, expected "
            f"at most {MAX_VALUES:,}. Write one step of the model."
        )


def check_weight(where: str, name: str, shape: Sequence[Any]) -> None:
    """Raise FormatError where a weight says that it is huge."""
    count = math.prod(int(size) for size in shape)
    if count > MAX_WEIGHTS:
        raise FormatError(
            f"{where}: weight '{name}' has shape {[int(size) for size in shape]}, expected "
            f"at most {MAX_WEIGHTS:,} values. Write the file again from the model."
        )


def check_archive(path: Path) -> None:
    """Raise FormatError where a zip file would unpack to more than a model can be."""
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(item.file_size for item in archive.infolist())
    if unpacked > MAX_UNPACKED:
        raise FormatError(
            f"{path}: it would unpack to {unpacked:,} bytes, expected at most "
            f"{MAX_UNPACKED:,}. Write the file again from the model."
        )


def malformed(where: str, what: str, error: Exception) -> FormatError:
    """The error of a part of a file that is not as its program writes it."""
    found = f"{type(error).__name__} {str(error)[:100]}".strip()
    return FormatError(
        f"{where}: {what} is not as its program writes it ({found}). Write the file again "
        "from the model."
    )
