"""The folder of `--state`: snapshots of all streams and the journal of what came since.

`state-<g>.rnns` is the state before the first record of `journal-<g>`. A new generation
begins with its journal, and a thread writes its snapshot, so that readings need not wait
for it; only at the start and the end the snapshot comes first. Two whole snapshots are
kept, with all journals since the older one: where the newer is damaged, the older with its
journals gives the same state.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ....errors import DataError, FormatError, StateError
from ....formats.files import sync_to_disk, what_to_do
from .generations import Saved, numbered, read_saved, write_saved
from .journal import Journal, JournalHead, SavedJournal
from .packing import Record

_KEPT = 2


@dataclass(slots=True)
class Recovered:
    """What a folder holds.

    Attributes:
        saved: the newest whole state; None where the folder was empty.
        journals: those that go on from it, in order.
    """

    saved: Saved | None = None
    journals: list[SavedJournal] = field(default_factory=list)


class Store:
    """One state folder, held by this process until `close`.

    Args:
        folder: made where it does not exist.
        model: digest of the model.
        tell: called with one sentence on what is not used, or cannot be saved.

    Attributes:
        nbytes: of the journal of this generation.
        sync_s: how long the last few thousand records took to reach the disk, in seconds.

    Raises:
        DataError: it cannot be made or written to, or another process has it.
    """

    def __init__(
        self, folder: Path, *, model: str, tell: Callable[[str], None]
    ) -> None:
        self.folder = folder
        self.model = model
        self.sync_s: deque[float] = deque(maxlen=4096)
        self._tell = tell
        self._sinks: tuple[str, ...] = ()
        self._journal: Journal | None = None
        self._generation = -1
        self._whole: list[int] = []
        self._writer: threading.Thread | None = None
        self._failure: OSError | None = None
        self._is_failing = False
        self._lock: int | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            sync_to_disk(folder.parent)
            self._lock = self._locked()
        except OSError as error:
            raise self._unsaved(error) from None

    @property
    def nbytes(self) -> int:
        """Bytes of the journal of this generation."""
        return 0 if self._journal is None else self._journal.nbytes

    @property
    def is_writing(self) -> bool:
        """Whether a snapshot is on its way to the disk."""
        return self._writer is not None

    def recover(self, *, model: str | None = None) -> Recovered:
        """The newest whole state and the journals since; what is passed over is said.

        Args:
            model: digest of the model that the state may be of, that of the folder's if
                None.

        Raises:
            FormatError, StateError: no saved state can be used, though there are some.
            DataError: the folder cannot be read.
        """
        model = model or self.model
        try:
            states = numbered(self.folder, "state", ".rnns")
            journals = numbered(self.folder, "journal")
        except OSError as error:
            raise self._unread(error) from None
        self._generation = max([-1, *states, *journals])
        reasons: list[tuple[Path, Exception]] = []
        for generation, path in reversed(states.items()):
            try:
                saved = read_saved(path, model=model)
            except (FormatError, StateError, OSError) as error:
                reasons.append((path, error))
                continue
            for other, reason in reasons:
                self._tell(
                    f"{other}: {_reason(reason)}. It is not used; the older state "
                    f"{path.name} with its journal takes its place."
                )
            self._whole = [generation]
            return Recovered(saved, list(self._journals(journals, generation)))
        if not reasons and not journals:
            return Recovered()
        raise self._unusable(reasons)

    def _journals(
        self, journals: dict[int, Path], first: int
    ) -> Iterator[SavedJournal]:
        for generation in range(first, self._generation + 1):
            path = journals.get(generation)
            try:
                if path is None:
                    raise FormatError("the file is missing")
                journal = SavedJournal.read(path)
                if journal.head.generation != generation:
                    raise FormatError(f"it says that it is {journal.head.generation}")
            except (FormatError, OSError) as error:
                if generation < self._generation:  # else a stop while it was made
                    self._tell(
                        f"{self.folder}: journal-{generation} cannot be used: "
                        f"{_reason(error)}. The readings in it and after it are lost."
                    )
                return
            yield journal

    def records(self, recovered: Recovered) -> Iterator[tuple[JournalHead, Record]]:
        """The records since the saved state, with whose they are; a torn end is said."""
        sequence = 0 if recovered.saved is None else recovered.saved.sequence
        for journal in recovered.journals:
            head = journal.head
            if head.sequence != sequence or head.model != self.model:
                self._tell(
                    f"{journal.path}: it goes on from batch {head.sequence} of model "
                    f"{head.model[:32]}, expected batch {sequence} of {self.model[:32]}. "
                    "The readings in it and after it are lost."
                )
                return
            for record in journal.records():
                sequence += 1
                yield head, record
            if journal.num_unused:
                self._tell(
                    f"{journal.path}: its last {journal.num_unused:,} bytes are no whole "
                    "record, as a stop while it was written leaves them. They are not used."
                )

    def begin(self, saved: Saved, sinks: tuple[str, ...]) -> None:
        """Start the next generation, with its snapshot on the disk when this returns.

        Args:
            saved: where it starts.
            sinks: names of the sinks in the order in which records count them.

        Raises:
            DataError: it cannot be written.
        """
        self.wait()
        self._sinks, self.model = sinks, saved.model
        generation = self._generation + 1
        try:
            write_saved(self._state_path(generation), saved)
            self._use(self._next_journal(saved))
        except OSError as error:
            raise self._unsaved(error) from None
        self._finish(generation)

    def append(self, content: bytes) -> None:
        """Put one record onto the disk.

        Raises:
            DataError: it cannot be written; nothing has changed.
        """
        assert self._journal is not None
        try:
            self._journal.append(content)
        except OSError as error:
            raise self._unsaved(error) from None
        self.sync_s.append(self._journal.sync_s[-1])

    def rotate(self, saved: Saved) -> None:
        """Start the next generation, with a thread writing its snapshot.

        Raises:
            DataError: its journal cannot be made; the present one goes on.
        """
        self.wait()
        try:
            self._use(self._next_journal(saved))
        except OSError as error:
            raise self._unsaved(error) from None
        self._writer = threading.Thread(
            target=self._write, args=(self._generation, saved), daemon=True
        )
        self._writer.start()

    def settle(self) -> None:
        """Take note of a snapshot that is written, or could not be: that is said once."""
        if self._writer is not None and not self._writer.is_alive():
            self.wait()

    def wait(self) -> None:
        """Wait for the snapshot that is being written."""
        if self._writer is None:
            return
        self._writer.join()
        self._writer = None
        if self._failure is None:
            self._is_failing = False
            self._finish(self._generation)
        elif not self._is_failing:
            self._is_failing = True
            error = self._unsaved(self._failure)
            self._tell(f"{error} The journal goes on; a snapshot is tried again.")
        self._failure = None

    def close(self) -> None:
        """Give the folder to other processes."""
        self.wait()
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _next_journal(self, saved: Saved) -> Journal:
        generation = self._generation + 1
        path = self.folder / f"journal-{generation}"
        try:
            journal = Journal(
                path, JournalHead(generation, saved.sequence, saved.model, self._sinks)
            )
        except OSError:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
            raise
        self._generation = generation
        return journal

    def _use(self, journal: Journal) -> None:
        if self._journal is not None:
            self._journal.close()
        self._journal = journal

    def _write(self, generation: int, saved: Saved) -> None:
        try:
            write_saved(self._state_path(generation), saved)
        except OSError as error:
            self._failure = error

    def _finish(self, generation: int) -> None:
        """A snapshot is whole: what is older than the one before is no longer needed."""
        self._whole = [*self._whole[-_KEPT + 1 :], generation]
        oldest = self._whole[0]
        with contextlib.suppress(OSError):
            for kind, ending in (("state", ".rnns"), ("journal", "")):
                for number, path in numbered(self.folder, kind, ending).items():
                    if number < oldest:
                        path.unlink()

    def _state_path(self, generation: int) -> Path:
        return self.folder / f"state-{generation}.rnns"

    def _locked(self) -> int | None:
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o666)
        try:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:
            self._tell(
                f"{self.folder}: this system has no file locks, so take care that no other "
                "process has the folder."
            )
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                holder = os.read(lock, 20).decode("ascii", "replace").strip()
                os.close(lock)
                raise DataError(
                    f"{self.folder}: another process ({holder or 'unknown'}) has this "
                    "state folder. Stop it first, or name another --state folder."
                ) from None
            self._tell(
                f"{self.folder}: it takes no locks ({error.strerror}), so take care that "
                "no other process has it."
            )
        with contextlib.suppress(OSError):
            os.ftruncate(lock, 0)
            os.write(lock, f"{os.getpid()}\n".encode())
        for path in self.folder.glob(".state-*.partial"):
            path.unlink(missing_ok=True)
        return lock

    def _unsaved(self, error: OSError) -> DataError:
        remedy = what_to_do(error).replace(" file ", " folder ")
        return DataError(
            f"{self.folder}: the state cannot be saved: {error.strerror}. {remedy}"
        )

    def _unread(self, error: OSError) -> DataError:
        return DataError(
            f"{self.folder}: the state folder cannot be read: {error.strerror}. Check its "
            "permissions, or name another --state folder."
        )

    def _unusable(self, reasons: list[tuple[Path, Exception]]) -> Exception:
        if not reasons:
            return FormatError(
                f"{self.folder}: it holds journals and no saved state to go on from. Use "
                "an older copy, or name another --state folder."
            )
        path, error = reasons[0]
        kind = StateError if isinstance(error, StateError) else FormatError
        more = f", nor can {len(reasons) - 1} older" if len(reasons) > 1 else ""
        return kind(
            f"{path}: {_reason(error)}. It cannot be used{more}. Use an older copy, or "
            "name another --state folder."
        )


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"it cannot be read: {error.strerror}"
    return str(error).rstrip(".")
