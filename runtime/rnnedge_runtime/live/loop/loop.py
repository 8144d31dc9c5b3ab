"""The live loop: readings from a source, through the streams, to the sinks.

One turn: the source is asked, what came goes into the journal and onto the disk, the source
is told so, the streams take it, the sinks get the forecasts. The streams depend on nothing
but the batches in the journal, so that after a stop the same batches give the same state.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ..stopping import Stop
from .batching import batch_of, empty_batch
from .generations import Saved
from .nouns import Batch, Counters, Outcome, Received, Sink, Source
from .packing import pack_record
from .settings import LoopSettings
from .spool import Route, Spool

if TYPE_CHECKING:
    from ...streams.model import Model
    from .store import Store

NAME = "loop"
POLL_S = 0.2
"""Longest wait for a reading, and so for a signal to be obeyed."""

_RETRY_S = _IDLE_S = 1.0
_REPLAY_S, _SNAPSHOT_SHARE = 0.5, 10
_MOST_JOURNAL_NBYTES = 32_000_000


class AnyStreams(Protocol):
    """What the loop asks of the streams (`LiveStreams`)."""

    names: list[str]

    def number(self, name: str) -> int: ...
    def apply(self, batch: Batch) -> Outcome: ...
    def due_us(self) -> int | None: ...
    def snapshot(self) -> bytes: ...
    def restore(self, blob: bytes) -> None: ...


class Loop:
    """Streams of a model between a source and sinks. One thread.

    Args:
        model: what forecasts.
        source: where readings come from; None where `take` is called with them.
        sinks: where forecasts go.
        store: state folder; None keeps no state.
        settings: what the loop keeps to.
        streams: of the model, as new.
        observers: called with every outcome before it is sent.
        counters: what happened how often.
        tell: called with one sentence that the user should see at once.
        names: list that is to hold the names of the series by number.
        now_us: this machine's clock.

    Attributes:
        sequence: of the last batch.
        latency_s: from the receipt of the last readings until the sinks had the forecasts.
        latencies_s: the same of the last few thousand batches.
    """

    def __init__(
        self,
        model: Model,
        source: Source | None = None,
        sinks: Sequence[Sink] = (),
        store: Store | None = None,
        settings: LoopSettings | None = None,
        *,
        streams: AnyStreams,
        observers: Sequence[Callable[[Outcome], None]] = (),
        counters: Counters | None = None,
        tell: Callable[[str], None] = lambda message: None,
        names: list[str] | None = None,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self.model, self.source, self.sinks = model, source, list(sinks)
        self.store, self.settings = store, settings or LoopSettings()
        self.streams = streams
        self.observers = list(observers)
        self.counters = counters or Counters()
        self.names = [] if names is None else names
        self.sequence = 0
        self.latency_s = 0.0
        self.latencies_s: deque[float] = deque(maxlen=65_536)
        self.tell, self._now_us = tell, now_us
        spec = model.spec
        self._columns = {name: k for k, name in enumerate(spec.feature_names)}
        period_s = spec.sample_period_s
        self.spool = Spool(
            [Route(*pair) for pair in zip(_sink_keys(sinks), sinks, strict=True)],
            counters=self.counters,
            tell=tell,
            limit_nbytes=self.settings.spool_nbytes,
            ahead_us=round(spec.horizon * period_s * 1e6)
            if period_s and self.settings.expires
            else None,
        )
        self._num_recorded = 0
        self._replay_s = self._snapshot_s = 0.0
        self._pushed_s = self._idled_s = self._rotated_s = -1e9
        self._is_failing = self._is_started = False
        self._known: set[str] = set()
        self._stop: Stop | None = None

    def start(self) -> None:
        """Go on from the state folder, then open sinks and source.

        Raises:
            DataError: a place or the folder cannot be used.
            FormatError, StateError: the saved state is damaged, or of another model.
        """
        if self.store is not None:
            self._recover(self.store)
            self.store.begin(self._saved(), self._keys)
        for sink in self.sinks:
            sink.start()
        self._is_started = True
        self.spool.push(self._now_us())
        if self.source is not None:
            self.source.start()

    def run(self) -> int:
        """Start, turn until the source ends or a signal comes, and close; the signal or 0."""
        with Stop() as stop:
            self._stop = stop
            is_whole = False
            try:
                self.start()
                while not stop.signal and self.turn():
                    pass
                if not stop.signal:
                    self.release()
                is_whole = True
            except BrokenPipeError:
                pass  # who read the forecasts has left
            finally:
                self.close(saves=is_whole)
        return stop.signal

    def turn(self) -> bool:
        """Wait a moment for readings and do all that is due; False at the source's end."""
        assert self.source is not None
        received = self.source.poll(self._timeout_s())
        if received is None:
            return False
        now_us = self._now_us()
        if received.readings:
            self._answer(self.source, received, now_us)
        elif received.token is not None:
            self.source.acknowledge(received.token)
        due_us = self.streams.due_us()
        if due_us is not None and due_us <= now_us:
            self._step(empty_batch(now_us, len(self._columns)))
        self._look_after(now_us, is_quiet=not received.readings)
        return True

    def number(self, name: str) -> int:
        """Number of the stream of a series, made at its first use."""
        number = self.streams.number(name)
        if number >= len(self.names):
            self.names += self.streams.names[len(self.names) :]
        return number

    def take(
        self,
        series: NDArray[np.int32],
        time_us: NDArray[np.int64],
        values: NDArray[np.float32],
        *,
        now_us: int | None = None,
    ) -> Outcome:
        """Readings as arrays, without a source.

        Args:
            series: `[n]` numbers of streams (`number`).
            time_us: `[n]` microseconds since 1970 UTC.
            values: `[n, F]` in the order of the features, NaN where missing.
            now_us: when they were received; now if None.

        Returns:
            What the streams made of them; the sinks have it then.

        Raises:
            DataError: the state folder cannot be written to; nothing was taken.
        """
        now_us = self._now_us() if now_us is None else now_us
        batch = Batch(now_us, series, time_us, values)
        self._record(batch)
        outcome = self._apply(batch)
        self._look_after(now_us, is_quiet=False)
        return outcome

    def release(self) -> None:
        """Step all that waits for readings that will not come."""
        while (due_us := self.streams.due_us()) is not None:
            self._step(empty_batch(max(due_us, self._now_us()), len(self._columns)))

    def close(self, *, saves: bool = True) -> None:
        """Give the sinks a while to take what is left, save the state, close all.

        Args:
            saves: whether to write a snapshot; without one, the journal has all.
        """
        if self.source is not None:
            self.source.close()
        end_s = time.monotonic() + self.settings.drain_s
        while saves and not self.spool.is_drained and time.monotonic() < end_s:
            for sink in self.sinks:
                sink.idle()
            self.spool.push(self._now_us())
            time.sleep(0.01)
        for sink in self.sinks:
            sink.close()
        if self.store is None:
            return
        try:
            if saves and self._is_started:
                self.spool.settle()
                self.store.begin(self._saved(), self._keys)
        finally:
            self.store.close()

    def _answer(self, source: Source, received: Received, now_us: int) -> None:
        start_s = time.perf_counter()
        self.counters.add(source.name, "received", len(received.readings))
        batch = batch_of(
            received.readings,
            now_us=now_us,
            columns=self._columns,
            number=self._number_within,
            counters=self.counters,
            source=source.name,
        )
        if not self._wait_recorded(batch):
            return
        source.acknowledge(received.token)
        self.counters.add(source.name, "acknowledged", len(received.readings))
        self._apply(batch)
        self.latency_s = time.perf_counter() - start_s
        self.latencies_s.append(self.latency_s)

    def _number_within(self, name: str) -> int | None:
        if len(self.names) >= self.settings.max_series and name not in self._known:
            return None
        number = self.number(name)
        self._known.update(self.names[len(self._known) :])
        return number

    def _step(self, batch: Batch) -> None:
        if self._wait_recorded(batch):
            self._apply(batch)

    def _wait_recorded(self, batch: Batch) -> bool:
        """Record a batch, as soon as the disk can take it; False where a stop came first."""
        while True:
            try:
                self._record(batch)
            except DataError as error:
                self.counters.add(NAME, "not saved")
                if not self._is_failing:
                    self._is_failing = True
                    self.tell(
                        f"{error} Readings wait, and are not acknowledged, until it can."
                    )
            else:
                if self._is_failing:
                    self._is_failing = False
                    self.tell("The state is saved again.")
                return True
            end_s = time.monotonic() + _RETRY_S
            while time.monotonic() < end_s:
                if self._stop is not None and self._stop.signal:
                    return False
                for sink in self.sinks:
                    sink.idle()
                time.sleep(0.05)

    def _record(self, batch: Batch) -> None:
        if self.store is None:
            return
        names = self.streams.names[self._num_recorded :]
        self.spool.settle()
        self.store.append(pack_record(batch, names, self.spool.delivered))
        self._num_recorded += len(names)

    def _apply(self, batch: Batch) -> Outcome:
        start_s = time.perf_counter()
        outcome = self.streams.apply(batch)
        self._replay_s += time.perf_counter() - start_s
        self.sequence = outcome.sequence
        for observe in self.observers:
            observe(outcome)
        self.spool.offer(outcome)
        return outcome

    def _timeout_s(self) -> float:
        if self.spool.is_behind:
            return 0.0 if not self.spool.is_down else POLL_S
        due_us = self.streams.due_us()
        if due_us is None:
            return POLL_S
        return min(POLL_S, max(0.0, (due_us - self._now_us()) / 1e6))

    def _look_after(self, now_us: int, *, is_quiet: bool) -> None:
        now_s = time.monotonic()
        if is_quiet or now_s - self._idled_s >= _IDLE_S:
            self._idled_s = now_s
            for sink in self.sinks:
                sink.idle()
        if self.spool.is_behind and (
            not self.spool.is_down or now_s - self._pushed_s >= POLL_S
        ):
            self._pushed_s = now_s
            self.spool.push(now_us)
        if self.store is not None:
            self.store.settle()
            if self._is_rotation_due(self.store, now_s):
                self.rotate()

    def _is_rotation_due(self, store: Store, now_s: float) -> bool:
        if store.is_writing or now_s - self._rotated_s < _RETRY_S:
            return False
        most_s = max(_REPLAY_S, _SNAPSHOT_SHARE * self._snapshot_s)
        return self._replay_s >= most_s or store.nbytes >= _MOST_JOURNAL_NBYTES

    def rotate(self) -> None:
        """Begin a new snapshot, so that less is to be taken again after a stop."""
        assert self.store is not None
        start_s = self._rotated_s = time.monotonic()
        self.spool.settle()
        try:
            self.store.rotate(self._saved())
        except DataError as error:
            self.counters.add(NAME, "snapshots not saved")
            if not self._is_failing:
                self._is_failing = True
                self.tell(f"{error} The journal goes on; a snapshot is tried again.")
        else:
            self._replay_s = 0.0
        self._snapshot_s = time.monotonic() - start_s

    def _saved(self) -> Saved:
        return Saved(
            self.model.digest,
            self.sequence,
            tuple(self.streams.names),
            {route.key: route.delivered for route in self.spool.routes},
            self.streams.snapshot(),
            self.spool.packed(),
        )

    def _recover(self, store: Store) -> None:
        recovered = store.recover()
        saved, counts = recovered.saved, self.counters.counts.copy()
        delivered: dict[str, int] = {}
        if saved is not None:
            self.streams.restore(saved.streams)
            self.sequence, delivered = saved.sequence, dict(saved.delivered)
            self.spool.restore(saved.outcomes)
        for head, record in store.records(recovered):
            for name in record.names:
                self.streams.number(name)
            outcome = self.streams.apply(record.batch)
            self.sequence = outcome.sequence
            delivered.update(zip(head.sinks, record.delivered, strict=False))
            self.spool.keep(outcome)
            self.spool.arrived(delivered, otherwise=self.sequence)
        self.spool.arrived(delivered, otherwise=self.sequence)
        self.spool.start_at(self.sequence)
        self.names += self.streams.names[len(self.names) :]
        self._num_recorded = len(self.streams.names)
        self.counters.counts.clear()
        self.counters.counts.update(counts)

    @property
    def _keys(self) -> tuple[str, ...]:
        return tuple(route.key for route in self.spool.routes)


def _sink_keys(sinks: Sequence[Sink]) -> list[str]:
    """A name for each sink that stays the same from run to run."""
    found: dict[str, int] = {}
    keys = []
    for sink in sinks:
        number = found[sink.name] = found.get(sink.name, 0) + 1
        keys.append(sink.name if number == 1 else f"{sink.name} {number}")
    return keys
