"""What keeps the disk in step with the loop: batches recorded, snapshots, and going on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from ...errors import DataError
from .disk.generations import Saved
from .disk.packing import pack_record
from .nouns import Batch, Counters, Outcome
from .spool import Spool

if TYPE_CHECKING:
    from .disk.store import Store

NAME = "state"
_RETRY_S = 1.0
_REPLAY_S, _SNAPSHOT_SHARE = 0.5, 10
_MOST_JOURNAL_NBYTES = 32_000_000


class AnyStreams(Protocol):
    """What the loop asks of the streams (`LiveStreams`)."""

    @property
    def names(self) -> list[str]: ...
    @property
    def sequence(self) -> int: ...
    def number(self, name: str) -> int: ...
    def apply(self, batch: Batch) -> Outcome: ...
    def due_us(self) -> int | None: ...
    def snapshot(self) -> bytes: ...
    def restore(self, blob: bytes) -> None: ...


class Recorder:
    """Between the loop and its state folder.

    Args:
        store: the folder; None keeps nothing, and every record succeeds.
        spool: what is between the streams and the sinks.
        counters: what could not be saved is counted here.
        tell: called with one sentence where that happens, and once it is over.

    Attributes:
        offset: what is added to the sequence of the streams, which another model counted.
        replay_s: how long the streams took for what the journal holds.
    """

    def __init__(
        self,
        store: Store | None,
        spool: Spool,
        *,
        counters: Counters,
        tell: Callable[[str], None],
    ) -> None:
        self.store, self.spool = store, spool
        self.offset = 0
        self.replay_s = 0.0
        self._counters, self._tell = counters, tell
        self._num_names = 0
        self._snapshot_s = 0.0
        self._rotated_s = -1e9
        self._is_failing = False

    def recover(
        self, streams: AnyStreams, *, see: Callable[[Batch], None]
    ) -> tuple[int, bool]:
        """Bring new streams to where the folder is.

        Args:
            streams: of the model, as new.
            see: called with each batch of the journal.

        Returns:
            The sequence of the last batch, and whether there was a saved state.

        Raises:
            FormatError, StateError: no saved state can be used.
            DataError: the folder cannot be read.
        """
        if self.store is None:
            return 0, False
        recovered = self.store.recover()
        saved, counts = recovered.saved, self._counters.counts.copy()
        delivered: dict[str, int] = {}
        sequence = 0
        if saved is not None:
            streams.restore(saved.streams)
            sequence, delivered = saved.sequence, dict(saved.delivered)
            self.offset = sequence - streams.sequence
            self.spool.restore(saved.outcomes)
        for head, record in self.store.records(recovered):
            for name in record.names:
                streams.number(name)
            outcome = self.apply(streams, record.batch)
            sequence = outcome.sequence
            see(record.batch)
            delivered.update(zip(head.sinks, record.delivered, strict=False))
            self.spool.keep(outcome)
            self.spool.arrived(delivered, otherwise=sequence)
        self.spool.arrived(delivered, otherwise=sequence)
        self.spool.start_at(sequence)
        self._counters.counts.clear()
        self._counters.counts.update(counts)
        return sequence, saved is not None

    def apply(self, streams: AnyStreams, batch: Batch) -> Outcome:
        """What the streams make of a batch, numbered over all models."""
        start_s = time.perf_counter()
        outcome = streams.apply(batch)
        self.replay_s += time.perf_counter() - start_s
        return renumbered(outcome, self.offset)

    def begin(self, state: Callable[[], Saved]) -> None:
        """Start a generation, with its snapshot on the disk when this returns.

        Raises:
            DataError: it cannot be written.
        """
        if self.store is not None:
            saved = state()
            self.store.begin(saved, tuple(saved.delivered))
            self._num_names = len(saved.names)
            self.replay_s = 0.0

    def record(self, batch: Batch, names: list[str]) -> None:
        """Put a batch onto the disk.

        Args:
            batch: what the streams are to take.
            names: of all series.

        Raises:
            DataError: it cannot be written; nothing has changed.
        """
        if self.store is None:
            return
        self.spool.settle()
        new = names[self._num_names :]
        try:
            self.store.append(pack_record(batch, new, self.spool.delivered))
        except DataError as error:
            self._counters.add(NAME, "records not saved")
            self._fail(error, "Readings wait, and are not acknowledged, until it can.")
            raise
        if self._is_failing:
            self._is_failing = False
            self._tell(f"{self.store.folder}: the state is saved again.")
        self._num_names += len(new)

    def record_once_possible(
        self, batch: Batch, names: list[str], *, rest: Callable[[], bool]
    ) -> bool:
        """Record a batch as soon as the disk can take it.

        Args:
            batch: what the streams are to take.
            names: of all series.
            rest: called again and again meanwhile, for a twentieth of a second or so; False
                gives up.

        Returns:
            Whether it is recorded.
        """
        while True:
            try:
                self.record(batch, names)
            except DataError:
                end_s = time.monotonic() + _RETRY_S
                while time.monotonic() < end_s:
                    if not rest():
                        return False
            else:
                return True

    def look_after(self, state: Callable[[], Saved]) -> None:
        """Begin another snapshot where one is due, so that a start is quick."""
        if self.store is None:
            return
        self.store.settle()
        now_s = time.monotonic()
        if self.store.is_writing or now_s - self._rotated_s < _RETRY_S:
            return
        most_s = max(_REPLAY_S, _SNAPSHOT_SHARE * self._snapshot_s)
        if self.replay_s >= most_s or self.store.nbytes >= _MOST_JOURNAL_NBYTES:
            self.rotate(state)

    def rotate(self, state: Callable[[], Saved]) -> None:
        """Begin another snapshot."""
        assert self.store is not None
        start_s = self._rotated_s = time.monotonic()
        self.spool.settle()
        try:
            self.store.rotate(state())
        except DataError as error:
            self._counters.add(NAME, "snapshots not saved")
            self._fail(error, "The journal goes on; a snapshot is tried again.")
        else:
            self.replay_s = 0.0
        self._snapshot_s = time.monotonic() - start_s

    def _fail(self, error: DataError, then: str) -> None:
        if not self._is_failing:
            self._is_failing = True
            self._tell(f"{error} {then}")


def renumbered(outcome: Outcome, offset: int) -> Outcome:
    """The outcome with its sequence moved on."""
    if not offset:
        return outcome
    return replace(outcome, sequence=outcome.sequence + offset)
