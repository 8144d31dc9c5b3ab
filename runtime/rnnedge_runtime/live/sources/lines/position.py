"""How far a file has been read, kept in a file beside it over restarts."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from ....errors import DataError


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file.

    Attributes:
        device, inode: of the file; 0 for what is no regular file.
        offset: bytes before the first that was not given away.
    """

    device: int = 0
    inode: int = 0
    offset: int = 0

    @property
    def head(self) -> tuple[int, int] | None:
        """Device and inode; None for what is no regular file."""
        return (self.device, self.inode) if self.inode else None


def read_position(path: Path) -> Position:
    """The position in a file; the start where there is none yet, or it is damaged."""
    try:
        found = json.loads(path.read_bytes())
        numbers = [found[name] for name in ("device", "inode", "offset")]
    except (OSError, ValueError, TypeError, KeyError):
        return Position()
    if all(type(number) is int and number >= 0 for number in numbers):
        return Position(*numbers)
    return Position()


def write_position(path: Path, position: Position) -> None:
    """Replace the position in a file, whole.

    Raises:
        DataError: it cannot be written.
    """
    found = {
        "device": position.device,
        "inode": position.inode,
        "offset": position.offset,
    }
    beside = path.with_name(f"{path.name}.new")
    try:
        beside.write_text(json.dumps(found) + "\n")
        beside.replace(path)
    except OSError as error:
        raise DataError(
            f"{path}: the position cannot be kept: {error.strerror}. Name another file "
            "with 'position', or make room."
        ) from None


def find_file(path: Path, head: tuple[int, int] | None) -> Path:
    """The file of `head` in the folder, under another name too; else the path itself."""
    with contextlib.suppress(OSError):
        for found in [path, *path.parent.iterdir()] if head else []:
            if head_of(found.lstat()) == head:
                return found
    return path


def head_of(status: os.stat_result) -> tuple[int, int]:
    """Device and inode, which tell a file from all others."""
    return status.st_dev, status.st_ino
