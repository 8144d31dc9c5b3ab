"""Files: an artifact's bytes, and a new file in place of an older one, whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ..errors import FormatError

_REMEDIES = {
    errno.ENOSPC: "Make room on the disk, or name a file on another one.",
    errno.EDQUOT: "Make room within your quota, or name a file elsewhere.",
    errno.EROFS: "Name a file in a folder that can be written to.",
    errno.EIO: "Check the disk and its cable, or name a file on another one.",
    errno.ENAMETOOLONG: "Name a file with a shorter name.",
    errno.ELOOP: "Mend the link, or name another file.",
}


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


def what_to_do(error: OSError) -> str:
    """The advice of a message about a file that cannot be written."""
    return _REMEDIES.get(
        error.errno or 0, "Choose a folder that exists and that you may write to."
    )


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A new file that takes the place of `path` at the end of a `with` that raised nothing.

    It is on the disk then, with mode and owner of the older file. A link is replaced as well.

    Raises:
        OSError: it cannot be written; the older file is still there, and nothing else.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(partial, flags, 0o666), "wb") as file:
            yield file
            file.flush()
            _keep_mode(path, file.fileno())
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    sync_to_disk(path.parent)


def replace_file(path: Path, content: bytes) -> None:
    """Write `content` in place of the file `path` (`replacing`)."""
    with replacing(path) as file:
        file.write(content)


def take_place(partial: Path, path: Path) -> None:
    """Give what is written under a name of its own the name `path`, and onto the disk."""
    sync_to_disk(partial)
    partial.replace(path)
    sync_to_disk(path.parent)


def remove_stale(path: Path) -> None:
    """Remove the partial files of `path` whose processes are gone."""
    pattern = re.compile(rf"\.{re.escape(path.name)}\.([0-9]{{1,10}})\.partial")
    with contextlib.suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            found = pattern.fullmatch(entry.name)
            if found is not None and _is_gone(int(found[1])):
                with contextlib.suppress(OSError):
                    Path(entry.path).unlink()


def _is_gone(process: int) -> bool:
    if process == os.getpid() or os.name != "posix":
        return process == os.getpid()
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _keep_mode(path: Path, descriptor: int) -> None:
    """Give an open file mode and owner of the file whose place it shall take."""
    if not hasattr(os, "fchmod"):
        return
    try:
        older, new = path.stat(), os.fstat(descriptor)
    except FileNotFoundError:
        return
    if (older.st_uid, older.st_gid) != (new.st_uid, new.st_gid):
        with contextlib.suppress(OSError):
            os.fchown(descriptor, older.st_uid, older.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(older.st_mode))


def sync_to_disk(path: Path) -> None:
    """Put a file, or the names in a folder, onto the disk, where the system can."""
    if os.name != "posix":
        return
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:  # a folder that may be written to and not be listed
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
