"""Many series over one model, fed with batches of readings: what the live loop steps.

`LiveStreams.apply` is a deterministic state machine. All it knows of time is in the batches,
so the same batches from the same snapshot give the same forecasts, bit for bit. Each series
gets the forecasts of a `RowStream` fed with its readings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import ShapeError, SpecError
from ...spec.model_spec import ModelSpec
from ...streams.exclusive import OneOwner
from ...streams.model import Model
from ...tables.time_grid import CLEAN
from ..saved_rows import FIRST_TIME_US, LAST_TIME_US
from .nouns import Batch, Counters, Outcome
from .series.answers import Answers
from .series.passes import distinct_passes, longest_gap_us
from .series.saved_streams import SavedStreams, pack_streams, unpack_streams
from .series.slots import NO_TIME
from .series.stepping import Rows, SeriesSteps
from .series.waiting import Pending, WaitingRoom

_LEAST_CAPACITY = 64


class LiveStreams(OneOwner):
    """The streams of all series of a live source. Not thread-safe.

    Args:
        model: what to stream; all series share its weights.
        wait_us: how long a reading waits for those before it; 0: not at all.
        future_us: how far ahead of its receipt the time of a reading may be.
        on_gap: what a hole longer than the longest does: `reset` starts a new stretch from
            the initial state, `step` steps its missing slots all the same.
        max_gap_s: the longest hole in seconds; None: the model's.
        limited: the model's spec with the limits of its sensors (`monitoring.limits`); a
            reading outside them is missing. None: its own ranges.
        counters: what happened how often, under `streams`; in the history, under `history`.

    Attributes:
        names: of the series by number.

    Raises:
        DataError: `max_gap_s` is 1.5 periods or less, or the model has no period.
        SpecError: the model takes a frame of several rows a step.
    """

    _copy = "LiveStreams", "other = LiveStreams(...); other.restore(streams.snapshot())"

    def __init__(
        self,
        model: Model,
        *,
        wait_us: int = 0,
        future_us: int,
        on_gap: Literal["reset", "step"] = "reset",
        max_gap_s: float | None = None,
        limited: ModelSpec | None = None,
        counters: Counters,
    ) -> None:
        if model.spec.rows_per_step > 1:
            raise SpecError(
                f"live: {model.name} takes {model.spec.rows_per_step} rows a step, but "
                "live streams step at every reading. Stream its rows with rnnedge run "
                "--input, or with Model.streams()."
            )
        self._model, self._spec = model, model.spec
        self._wait_us, self._future_us = wait_us, future_us
        self._counters, self._stage = counters, "streams"
        self._gap_us = longest_gap_us(model, on_gap, max_gap_s)
        self._limited = limited
        self._steps = self._new_steps()
        self._join_us = CLEAN * (self._spec.sample_period_s or 0.0) * 1e6
        self._room = WaitingRoom(wait_us, self._join_us, self._spec.num_features)
        self._numbers: dict[str, int] = {}
        self._sequence = 0
        self.names: list[str] = []

    @property
    def sequence(self) -> int:
        """Number of the last batch, 0 before the first."""
        return self._sequence

    def __len__(self) -> int:
        return len(self.names)

    def _new_steps(self) -> SeriesSteps:
        return SeriesSteps(
            self._model, self._gap_us, self._count, limited=self._limited
        )

    def number(self, name: str) -> int:
        """The number of a series, which is made at its first use."""
        number = self._numbers.get(name)
        if number is None:
            number = len(self.names)
            if number == self._steps.capacity:
                self._steps.grow(max(2 * number, _LEAST_CAPACITY))
            self._numbers[name] = number
            self.names.append(name)
        return number

    def apply(self, batch: Batch) -> Outcome:
        """Take a batch: all forecasts that it brings (`Answers` says in which order).

        Raises:
            ShapeError: its columns do not fit each other, the model or the series. Nothing
                was changed then.
        """
        self._check(batch)
        self._sequence += 1
        self._count("readings", len(batch.series))
        answers = Answers(batch, self._spec.output_size)
        rows = self._within_time(batch, batch.now_us + self._future_us)
        if self._wait_us:
            self._release_due(batch, answers)
        for some in distinct_passes(batch.series, rows):
            if self._wait_us:
                self._offer(batch, some, answers)
            else:
                answers.add(batch, *self._steps.take(batch, some))
        self._room.forget_rows()
        return answers.outcome(self._sequence)

    def prime(
        self,
        names: Sequence[str],
        times_us: NDArray[np.int64],
        values: NDArray[np.float32],
    ) -> None:
        """Bring series up to date with their history; may be called for part after part.

        The hole between the history of a series and its first live reading is stepped
        whatever its length, so that a warm start does not undo itself.

        Args:
            names: n series, one a reading.
            times_us: `[n]` microseconds since 1970 UTC; of one series in any order.
            values: `[n, F]` in the order of the features, NaN where missing.

        Raises:
            ShapeError: they do not fit each other or the model.
        """
        numbers = np.array([self.number(name) for name in names], dtype=np.int32)
        order = np.argsort(times_us, kind="stable")
        batch = Batch(0, numbers[order], times_us[order], values[order])
        self._check(batch)
        self._stage = "history"
        rows = self._within_time(batch, LAST_TIME_US)
        self._steps.clocks.is_primed[numbers] = False
        for some in distinct_passes(batch.series, rows):
            self._steps.take(batch, some)
        self._stage = "streams"
        self._steps.clocks.is_primed[numbers] = True

    def due_us(self) -> int | None:
        """When something that waits is released although nothing comes; None: never."""
        return self._room.due_us()

    def snapshot(self) -> bytes:
        """All that they hold: states, times, what waits (docs/format.md, "Live streams")."""
        size = len(self)
        clocks = self._steps.clocks
        num_steps, values = self._steps.states(size)
        saved = SavedStreams(
            self._sequence,
            self.names,
            clocks.time_us[:size],
            clocks.late_us[:size],
            clocks.is_primed[:size],
            num_steps,
            values,
            self._room.saved(),
            self._steps.stuck.last[:size],
            self._steps.stuck.runs[:size],
        )
        return pack_streams(saved, self._model)

    def restore(self, blob: bytes) -> None:
        """Go on where `snapshot` was taken; takes those of a RowStream or SeriesStreams too.

        Raises:
            FormatError: cut short, changed, of another version, a field that cannot be, or
                no snapshot at all. Nothing was changed then.
            StateError: the snapshot of another model.
        """
        saved = unpack_streams(blob, self._model)
        size = len(saved.names)
        steps = self._new_steps()
        steps.grow(max(size, _LEAST_CAPACITY))
        steps.set_states(saved.num_steps, saved.values)
        steps.clocks.move(slice(size), saved.time_us, saved.late_us)
        steps.clocks.is_primed[:size] = saved.is_primed
        if steps.stuck.is_watched:
            steps.stuck.last[:size] = saved.last
            steps.stuck.runs[:size] = saved.runs
        room = WaitingRoom(self._wait_us, self._join_us, self._spec.num_features)
        room.set_saved(saved.waiting)
        self._steps, self._room, self._sequence = steps, room, saved.sequence
        self.names[:] = saved.names
        self._numbers = {name: number for number, name in enumerate(saved.names)}

    # ---- waiting ----

    def _offer(self, batch: Batch, rows: Rows | slice, answers: Answers) -> None:
        """Readings of distinct series: step those whose turn it is, keep the others."""
        if isinstance(rows, slice):
            rows = np.arange(len(batch.series))
        is_now = self._is_due_now(batch, rows)
        if len(self._room):
            waits = [series in self._room for series in batch.series[rows].tolist()]
            is_now &= ~np.array(waits)
        answers.add(batch, *self._steps.take(batch, rows[is_now]))
        kept = rows[~is_now]
        touched = batch.series[kept].tolist()
        columns = (touched, batch.time_us[kept].tolist(), kept.tolist())
        for series, time_us, row in zip(*columns, strict=True):
            pending = Pending(series, time_us, batch.now_us, batch.values[row], row)
            is_joined = self._room.add(pending)
            if is_joined is None:
                self._count("repeated", 1)
            elif is_joined:
                self._count("joined", 1)
        self._release_next(touched, batch, answers)

    def _is_due_now(self, batch: Batch, rows: Rows) -> NDArray[np.bool_]:
        """Which have no slot to wait for: the next and complete, or one that is taken."""
        series = batch.series[rows]
        places = self._steps.clocks.place(series, batch.time_us[rows], batch.now_us)
        is_now = places.steps <= 0
        if self._spec.sample_period_s:
            is_next = (places.steps == 1) & np.isfinite(batch.values[rows]).all(axis=1)
            is_next &= self._steps.clocks.time_us[series] != NO_TIME
            if places.is_gap is not None:
                is_next &= ~places.is_gap
            is_now |= is_next
        return is_now

    def _release_due(self, batch: Batch, answers: Answers) -> None:
        """Step what has waited long enough, and what may follow it."""
        limits = self._room.due(batch.now_us)
        touched = list(limits)
        while heads := [
            head
            for head in self._room.heads(touched)
            if head.time_us <= limits[head.series]
        ]:
            self._release(heads, batch, answers)
            touched = [head.series for head in heads]
        self._release_next(limits, batch, answers)

    def _release_next(
        self, series: Iterable[int], batch: Batch, answers: Answers
    ) -> None:
        """Step the oldest that wait of some series as long as their turn has come."""
        while heads := self._room.heads(series):
            waited = _batch_of(heads, batch)
            is_now = self._is_due_now(waited, np.arange(len(heads)))
            heads = [heads[k] for k in np.flatnonzero(is_now)]
            if not heads:
                break
            self._release(heads, batch, answers)
            series = [head.series for head in heads]

    def _release(self, heads: list[Pending], batch: Batch, answers: Answers) -> None:
        self._room.take_out(heads)
        waited = _batch_of(heads, batch)
        taken, forecasts = self._steps.take(waited, np.arange(len(heads)))
        stepped = _batch_of([heads[k] for k in taken], batch)
        rows = np.array([heads[k].row for k in taken], dtype=np.int64)
        answers.add(stepped, rows, forecasts)

    # ---- checks ----

    def _count(self, what: str, number: int) -> None:
        self._counters.add(self._stage, what, number)

    def _check(self, batch: Batch) -> None:
        size = len(batch.series)
        shape = (size, self._spec.num_features)
        if batch.time_us.shape != (size,) or batch.values.shape != shape:
            raise ShapeError(
                f"LiveStreams: {size} series, times of shape {list(batch.time_us.shape)} "
                f"and values of shape {list(batch.values.shape)}, expected [{size}] and "
                f"{list(shape)}. Pass one of each per reading, with a value per feature."
            )
        if size and not 0 <= batch.series.min() <= batch.series.max() < len(self):
            raise ShapeError(
                f"LiveStreams: series {batch.series.min()} to {batch.series.max()}, but "
                f"there are {len(self)}. Pass numbers that `number` returned."
            )

    def _within_time(self, batch: Batch, last_us: int) -> Rows | None:
        """Rows whose time can be; None for all of them."""
        time_us = batch.time_us
        if not len(time_us) or (
            time_us.min() >= FIRST_TIME_US
            and time_us.max() <= min(last_us, LAST_TIME_US)
        ):
            return None
        is_ahead = time_us > last_us
        is_none = ~is_ahead & ((time_us < FIRST_TIME_US) | (time_us > LAST_TIME_US))
        self._count("dropped: from the future", int(is_ahead.sum()))
        self._count("dropped: a time in no year", int(is_none.sum()))
        return np.flatnonzero(~(is_ahead | is_none))


def _batch_of(readings: list[Pending], batch: Batch) -> Batch:
    """Readings that waited, as a batch of the same time."""
    values = batch.values[:0]
    if readings:
        values = np.stack([item.values for item in readings])
    return Batch(
        batch.now_us,
        np.array([item.series for item in readings], dtype=np.int32),
        np.array([item.time_us for item in readings], dtype=np.int64),
        values,
    )
