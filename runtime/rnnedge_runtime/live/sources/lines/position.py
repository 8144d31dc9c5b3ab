"""How far a file has been read, kept in a file beside it over restarts."""

from __future__ import annotations

import json
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
