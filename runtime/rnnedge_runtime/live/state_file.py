"""The file of `--state`: locked, written whole or not at all, cleaned of what a kill left.

Beside `jfk.state` lies `.jfk.state.lock` while a process has it. The lock also holds, for
the last two states, how long the output file was: what a killed process wrote after its
last state is cut off by the next one.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataError
from ..formats.files import remove_stale, replace_file, what_to_do

_LOCK_NBYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Mark:
    """How far an output file had got when a state was saved.

    Attributes:
        path: of the output file, links resolved.
        size: its bytes that belong to the state.
    """

    path: str
    size: int


class StateFile:
    """One state on disk, held by this process until `close`.

    Args:
        path: as the user named it; a link is followed, and stays a link.

    Attributes:
        path: the same.
        target: the file that it leads to.
        note: what is to be said of the lock, "" for nothing.
        is_complete: the output holds the rows of the saved state and no others.

    Raises:
        DataError: there is no such folder, it cannot be written to, `path` is no regular
            file, or another process holds it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.target = _target_of(path)
        self.note = ""
        self.is_complete = False
        self._marks: list[tuple[int, Mark]] = []
        self._lock_path = self.target.with_name(f".{self.target.name}.lock")
        self._lock = self._locked()
        remove_stale(self.target)

    def read(self) -> bytes | None:
        """The saved bytes; None where there is no file yet.

        Raises:
            DataError: it cannot be read.
        """
        try:
            return self.target.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DataError(
                f"{self.path}: the saved state cannot be read: {error.strerror}. "
                "Name another --state file, or delete this one."
            ) from None

    def mark_of(self, blob: bytes | None) -> Mark | None:
        """Where the output stood at a saved state, if a killed process left word of it.

        Args:
            blob: the state; None before the first one was saved.
        """
        return next((mark for crc, mark in self._marks if crc == _crc_in(blob)), None)

    def begin(self, blob: bytes | None, mark: Mark | None) -> None:
        """Keep in mind where the output stands at the state that the stream goes on from.

        Raises:
            DataError: that cannot be written.
        """
        if mark is not None:
            self._marks = [(_crc_in(blob), mark)]
            try:
                self._write_marks()
            except OSError as error:
                raise _unsaved(self.path, error) from None

    def save(self, blob: bytes, mark: Mark | None = None) -> None:
        """Put `blob` in place of the older state, on the disk when this returns.

        Mode and owner of the older file stay.

        Raises:
            DataError: it cannot be written; the older state is still there.
        """
        try:
            if mark is not None:
                self._marks = [*self._marks[-1:], (_crc_in(blob), mark)]
                self._write_marks()
            replace_file(self.target, blob)
        except OSError as error:
            raise _unsaved(self.path, error) from None

    def close(self) -> None:
        """Give the state to other processes.

        The file of the lock goes, unless the output has to be cut by the next process.
        """
        if self._lock is not None:
            if self.is_complete or not self._marks:
                with contextlib.suppress(OSError):
                    self._lock_path.unlink()
            os.close(self._lock)
            self._lock = None

    def _locked(self) -> int | None:
        try:
            import fcntl
        except ImportError:
            self.note = (
                "this system has no file locks, so take care that no other process has "
                "the state"
            )
            return None
        while True:
            try:
                lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o666)
            except OSError as error:
                raise _unsaved(self.path, error, " there") from None
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                    holder = _holder(lock)
                    os.close(lock)
                    raise DataError(
                        f"{self.path}: another process{holder} has this state. Stop it "
                        "first, or name another --state file."
                    ) from None
                self.note = (
                    f"its folder takes no locks ({error.strerror}), so take care that no "
                    "other process has the state"
                )
            if _is_file_of(lock, self._lock_path):
                break
            os.close(lock)
        self._marks = _marks_in(lock)
        self._lock = lock
        with contextlib.suppress(OSError):
            self._write_marks(is_durable=False)
        return lock

    def _write_marks(self, *, is_durable: bool = True) -> None:
        if self._lock is None:
            return
        marks = [[crc, mark.path, mark.size] for crc, mark in self._marks]
        text = json.dumps({"process": os.getpid(), "marks": marks}).encode()
        size = os.fstat(self._lock).st_size
        os.pwrite(self._lock, text.ljust(size), 0)  # one call: whole or not at all
        if is_durable:
            os.fsync(self._lock)


@contextlib.contextmanager
def open_state(path: Path | None) -> Iterator[StateFile | None]:
    """The file of `--state` for a `with`; None where the option is not given."""
    if path is None:
        yield None
        return
    file = StateFile(path)
    try:
        yield file
    finally:
        file.close()


def check_apart(state: Path | None, **others: str | Path | None) -> None:
    """Raise DataError where the state is one file with another one of the command.

    Args:
        state: file of `--state`.
        others: file by option; `-` is what is open as standard input or output.
    """
    if state is None:
        return
    for name, other in others.items():
        if other is not None and _is_same(state, str(other), name):
            raise DataError(
                f"{state}: the file of --state is that of {_spoken(name, str(other))} as "
                "well. Name another --state file."
            )


def _spoken(name: str, other: str) -> str:
    if other == "-":
        return f"standard {name}"
    return "the artifact" if name == "artifact" else f"--{name}"


def _is_same(state: Path, other: str, name: str) -> bool:
    try:
        if other != "-":
            if os.path.realpath(state) == os.path.realpath(other):
                return True
            return state.samefile(other)
        found = os.fstat({"input": 0, "output": 1}[name])
        return os.path.samestat(state.stat(), found)
    except (OSError, KeyError):
        return False


def _target_of(path: Path) -> Path:
    try:
        target = Path(os.path.realpath(path))
        mode = target.stat().st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG
    except OSError as error:
        raise _unsaved(path, error, " there") from None
    if not target.parent.is_dir():
        raise DataError(
            f"{path}: the folder for the state does not exist. Create it first."
        )
    if not stat.S_ISREG(mode):
        raise DataError(
            f"{path}: this is no regular file, so no state can be kept in it. "
            "Name another --state file."
        )
    return target


def _unsaved(path: Path, error: OSError, where: str = "") -> DataError:
    remedy = what_to_do(error)
    return DataError(
        f"{path}: the state cannot be saved{where}: {error.strerror}. {remedy}"
    )


def _is_file_of(descriptor: int, path: Path) -> bool:
    """Whether a path still leads to an open file, not to a newer one of its name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _holder(lock: int) -> str:
    try:
        return f" ({int(json.loads(os.pread(lock, _LOCK_NBYTES, 0))['process'])})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _marks_in(lock: int) -> list[tuple[int, Mark]]:
    try:
        found = json.loads(os.pread(lock, _LOCK_NBYTES, 0))["marks"]
        return [(int(crc), Mark(str(path), int(size))) for crc, path, size in found]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _crc_in(blob: bytes | None) -> int:
    return int.from_bytes(blob[-4:], "little") if blob else -1
