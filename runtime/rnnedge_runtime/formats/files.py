"""An artifact as a file: whether it is there, and its bytes."""

from __future__ import annotations

import stat
from pathlib import Path

from ..errors import FormatError


def check_is_file(path: Path) -> None:
    """Raise FormatError unless there is a file to read."""
    try:
        mode = path.stat().st_mode
        found = "" if stat.S_ISREG(mode) else "is no regular file"
        found = "is a directory" if stat.S_ISDIR(mode) else found
    except (FileNotFoundError, NotADirectoryError, ValueError):
        found = "does not exist"
    except OSError as error:
        found = f"cannot be read: {error.strerror}"
    if found:
        raise FormatError(
            f"{path}: the path {found}, expected an artifact. "
            "Pass a file that `rnnedge export` wrote."
        )


def read_file(path: Path) -> bytes:
    """The content of an artifact, unchecked.

    Raises:
        FormatError: the file cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise FormatError(
            f"{path.name}: the file cannot be read: {error.strerror}. "
            "Check its permissions."
        ) from None
