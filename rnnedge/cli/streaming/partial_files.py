"""Files written beside their place and moved there whole; what a kill left of them."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from pathlib import Path

_REMEDIES = {
    errno.ENOSPC: "Make room on the disk, or name a file on another one.",
    errno.EDQUOT: "Make room within your quota, or name a file elsewhere.",
    errno.EROFS: "Name a file in a folder that can be written to.",
    errno.EIO: "Check the disk and its cable, or name a file on another one.",
    errno.ENAMETOOLONG: "Name a file with a shorter name.",
    errno.ELOOP: "Mend the link, or name another file.",
}


def what_to_do(error: OSError) -> str:
    """The advice of a message about a file that cannot be written."""
    return _REMEDIES.get(
        error.errno or 0, "Choose a folder that exists and that you may write to."
    )


def partial_path(path: Path) -> Path:
    """Where this process writes the file that shall take the place of `path`."""
    return path.with_name(f".{path.name}.{os.getpid()}.partial")


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


def replace_durably(path: Path, content: bytes) -> None:
    """Write `content` in place of the file `path`, of the same mode, and onto the disk.

    Raises:
        OSError: it cannot be written; the older file is still there, and nothing else.
    """
    partial = partial_path(path)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
        descriptor = os.open(partial, flags, 0o666)
        try:
            with open(descriptor, "wb", closefd=False) as file:
                file.write(content)
            keep_mode(path, descriptor)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        partial.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def keep_mode(path: Path, descriptor: int) -> None:
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


def sync_folder(folder: Path) -> None:
    """Put the names in a folder onto the disk, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
