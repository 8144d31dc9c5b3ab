"""The live loop: readings from a source, through the streams, to the sinks.

One turn: the source is asked, what came goes into the journal and onto the disk, the source
is told so, the streams take it, the sinks get the forecasts. The streams depend on nothing
but the batches in the journal, so that after a stop the same batches give the same state.
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import RnnEdgeError
from ..stopping import Stop, handled
from .batching import batch_of, empty_batch
from .disk.generations import Saved
from .history import History
from .nouns import Batch, Counters, Outcome, Received, Sink, Source
from .recording import AnyStreams, Recorder
from .settings import LoopSettings
from .spool import Route, Spool

if TYPE_CHECKING:
    from ...streams.model import Model
    from .disk.store import Store
    from .swap import Swapper

POLL_S = 0.2
"""Longest wait for a reading, and so for a signal to be obeyed."""

_IDLE_S, _REST_S = 1.0, 0.05


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
        prime: called at the start where there is no saved state, to bring the streams up to
            date; None for nothing.
        tell: called with one sentence that the user should see at once.
        swapper: brings another model; None for none.
        names: list that is to hold the names of the series by number.
        now_us: this machine's clock.

    Attributes:
        on_close: called at the end, for what was opened beside the loop.
        sequence: of the last batch.
        has_state: whether it went on from a saved state.
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
        prime: Callable[[], None] | None = None,
        tell: Callable[[str], None] = lambda message: None,
        swapper: Swapper | None = None,
        names: list[str] | None = None,
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self.model, self.source, self.sinks = model, source, list(sinks)
        self.store, self.settings = store, settings or LoopSettings()
        self.streams = streams
        self.observers = list(observers)
        self.on_close: list[Callable[[], None]] = []
        self.counters = counters or Counters()
        self.names = [] if names is None else names
        self.sequence = 0
        self.latency_s = 0.0
        self.latencies_s: deque[float] = deque(maxlen=65_536)
        self.prime, self.tell, self._now_us = prime, tell, now_us
        self.has_state = False
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
        self.recorder = Recorder(store, self.spool, counters=self.counters, tell=tell)
        self.swapper = swapper
        self.history = History(self.settings.history_nbytes if swapper else 0)
        self._pushed_s = self._idled_s = -1e9
        self._is_started = False
        self._known: set[str] = set()
        self._stop: Stop | None = None

    def start(self) -> None:
        """Go on from the state folder, then open sinks and source.

        Raises:
            DataError: a place or the folder cannot be used.
            FormatError, StateError: the saved state is damaged, or of another model.
        """
        self.sequence, self.has_state = self.recorder.recover(
            self.streams, see=self.history.add
        )
        self._note_names()
        if self.prime is not None and not self.has_state:
            self.prime()
            self._note_names()
        self.recorder.begin(self._saved)
        for sink in self.sinks:
            sink.start()
        self._is_started = True
        self.spool.push(self._now_us())
        if self.source is not None:
            self.source.start()

    def run(self) -> int:
        """Start, turn until the source ends or a signal comes, and close; the signal or 0."""
        with Stop() as stop, self._reloading():
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

    @contextlib.contextmanager
    def _reloading(self) -> Iterator[None]:
        """SIGHUP, unless it was ignored from the start, asks for the artifact again."""
        number = getattr(signal, "SIGHUP", None)
        swapper = self.swapper
        if (
            number is None
            or swapper is None
            or signal.getsignal(number) is signal.SIG_IGN
        ):
            yield
        else:
            with handled([number], lambda *_: swapper.ask()):
                yield

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
            self._note_names()
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
        self.recorder.record(batch, self.streams.names)
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
        for leave in self.on_close:
            leave()
        if self.store is None:
            return
        try:
            if saves and self._is_started:
                self.spool.settle()
                self.recorder.begin(self._saved)
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
        has_rows = bool(len(batch.series))
        if has_rows and not self._is_recorded(batch):
            return
        source.acknowledge(received.token)
        self.counters.add(source.name, "acknowledged", len(received.readings))
        if has_rows:
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
        if self._is_recorded(batch):
            self._apply(batch)

    def _is_recorded(self, batch: Batch) -> bool:
        """Record a batch, as soon as the disk can take it; False where a stop came first."""
        return self.recorder.record_once_possible(
            batch, self.streams.names, rest=self._rest
        )

    def _rest(self) -> bool:
        if self._stop is not None and self._stop.signal:
            return False
        for sink in self.sinks:
            sink.idle()
        time.sleep(_REST_S)
        return True

    def _apply(self, batch: Batch) -> Outcome:
        outcome = self.recorder.apply(self.streams, batch)
        self.sequence = outcome.sequence
        if self.swapper is not None:
            self.history.add(batch)
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
        self.recorder.look_after(self._saved)
        if self.swapper is not None:
            self._swap(self.swapper)

    def _swap(self, swapper: Swapper) -> None:
        """Switch to another model, if one is ready."""
        found = swapper.ready(self.model, self.names, self.history)
        if found is None:
            return
        before = self.model, self.streams, self.recorder.offset
        for name in self.names:
            found.streams.number(name)
        for batch in self.history.since(found.end):
            found.streams.apply(batch)
        self.model, self.streams = found.model, found.streams
        self.recorder.offset = self.sequence - found.streams.sequence
        try:
            self.recorder.begin(self._saved)
        except RnnEdgeError as error:
            self.model, self.streams, self.recorder.offset = before
            swapper.refuse(error)
        else:
            swapper.switched(self.model)

    def _saved(self) -> Saved:
        return Saved(
            self.model.digest,
            self.sequence,
            tuple(self.streams.names),
            {route.key: route.delivered for route in self.spool.routes},
            self.streams.snapshot(),
            self.spool.packed(),
        )

    def _note_names(self) -> None:
        self.names += self.streams.names[len(self.names) :]


def _sink_keys(sinks: Sequence[Sink]) -> list[str]:
    """A name for each sink that stays the same from run to run."""
    found: dict[str, int] = {}
    keys = []
    for sink in sinks:
        number = found[sink.name] = found.get(sink.name, 0) + 1
        keys.append(sink.name if number == 1 else f"{sink.name} {number}")
    return keys
