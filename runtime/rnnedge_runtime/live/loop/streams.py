"""Many series over one model, fed with batches of readings: what the live loop steps.

`LiveStreams.apply` is a deterministic state machine. All it knows of time is in the batches,
so the same batches from the same snapshot give the same forecasts, bit for bit. Each series
gets the forecasts of a `RowStream` fed with its readings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError, ShapeError
from ...streams.array_fleet import ArrayFleet
from ...streams.engine import FleetStates
from ...streams.exclusive import OneOwner
from ...streams.model import Model
from ...tables.time_grid import MIN_GAP_PERIODS
from ..saved_rows import FIRST_TIME_US, LAST_TIME_US
from .counting import ReadingCounts
from .nouns import Batch, Counters, Outcome
from .slots import Places, SlotClocks, slot_times_us

Rows = NDArray[np.int64]
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
        counters: what happened how often, under `streams`; in the history, under `history`.

    Attributes:
        names: of the series by number.

    Raises:
        DataError: `max_gap_s` is 1.5 periods or less, or the model has no period.
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
        counters: Counters,
    ) -> None:
        self._model, self._spec = model, model.spec
        self._wait_us, self._future_us = wait_us, future_us
        self._counters, self._stage = counters, "streams"
        gap_us = longest_gap_us(model, on_gap, max_gap_s)
        self._clocks = SlotClocks(self._spec, gap_us)
        self._counts = ReadingCounts(self._spec)
        self._fleet: FleetStates = _fleet(model, 0)
        self._capacity = 0
        self._numbers: dict[str, int] = {}
        self._sequence = 0
        self.names: list[str] = []

    @property
    def sequence(self) -> int:
        """Number of the last batch, 0 before the first."""
        return self._sequence

    def __len__(self) -> int:
        return len(self.names)

    def number(self, name: str) -> int:
        """The number of a series, which is made at its first use."""
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self.names)
            if number == self._capacity:
                self._grow(max(2 * self._capacity, _LEAST_CAPACITY))
            self.names.append(name)
        return number

    def _grow(self, capacity: int) -> None:
        self._fleet.add(capacity - self._capacity)
        self._clocks.grow(capacity)
        self._capacity = capacity

    def apply(self, batch: Batch) -> Outcome:
        """Take a batch: all forecasts that it brings, in the order of its rows.

        Raises:
            ShapeError: its columns do not fit each other, the model or the series. Nothing
                was changed then.
        """
        self._check(batch)
        self._sequence += 1
        size = len(batch.series)
        values = np.empty((size, self._spec.output_size), dtype=np.float32)
        is_answered = np.zeros(size, dtype=np.bool_)
        self._count("readings", size)
        rows = self._within_time(batch, batch.now_us + self._future_us)
        for some in distinct_passes(batch.series, rows):
            taken, forecasts = self._take(batch, some)
            values[taken] = forecasts
            is_answered[taken] = True
        answered = np.flatnonzero(is_answered)
        is_whole = len(answered) == size
        chosen: Any = slice(None) if is_whole else answered
        return Outcome(
            sequence=self._sequence,
            now_us=batch.now_us,
            series=batch.series[chosen],
            time_us=batch.time_us[chosen],
            readings=batch.values[chosen],
            values=values[chosen],
            rows=answered.astype(np.int32),
            origins=batch.origins,
        )

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
        self._clocks.is_primed[numbers] = False
        for some in distinct_passes(batch.series, rows):
            self._take(batch, some)
        self._stage = "streams"
        self._clocks.is_primed[numbers] = True

    def due_us(self) -> int | None:
        """When something that waits is released although nothing comes; None: never."""
        return None

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

    def _take(
        self, batch: Batch, rows: Rows | slice
    ) -> tuple[Rows | slice, NDArray[np.float32]]:
        """Readings of distinct series; which of them were stepped, and their forecasts."""
        series, time_us = batch.series[rows], batch.time_us[rows]
        readings = batch.values[rows]
        places = self._clocks.place(series, time_us, batch.now_us)
        is_next = self._count_places(places, series, time_us)
        is_refused = self._counts.refused(readings, is_next, self._count)
        if is_refused is not None:
            is_next &= ~is_refused
        if not is_next.all():
            chosen = np.flatnonzero(is_next)
            rows = chosen if isinstance(rows, slice) else rows[chosen]
            series, time_us, readings = (
                series[chosen],
                time_us[chosen],
                readings[chosen],
            )
            places = places.part(chosen)
        self._counts.count(readings, self._count)
        return rows, self._advance(series, time_us, readings, places)

    def _count_places(
        self, places: Places, series: NDArray[np.int32], time_us: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Which readings lie in a later slot than the one before; the others are counted."""
        is_next = places.steps > 0
        if is_next.all():
            return is_next
        same = np.flatnonzero(places.steps == 0)
        self._count("repeated", len(same))
        self._count("late", int((places.steps < 0).sum()))
        newest_us = np.maximum(time_us[same], self._clocks.time_us[series[same]])
        self._clocks.move(series[same], newest_us, places.late_us[same])
        return is_next

    def _advance(
        self,
        series: NDArray[np.int32],
        time_us: NDArray[np.int64],
        readings: NDArray[np.float32],
        places: Places,
    ) -> NDArray[np.float32]:
        """Step distinct series over their holes and by one reading each."""
        if places.is_gap is not None:
            self._start_anew(series[places.is_gap])
        if (places.steps > 1).any():
            self._step_holes(series, time_us, places)
        self._clocks.move(series, time_us, places.late_us)
        self._clocks.is_primed[series] = False
        return self._step(series, time_us, readings)

    def _start_anew(self, series: NDArray[np.int32]) -> None:
        self._count("new stretches", len(series))
        initial = [entry.initial_array() for entry in self._spec.state]
        for row in series.tolist():
            self._fleet.set(row, 0, initial)

    def _step_holes(
        self, series: NDArray[np.int32], time_us: NDArray[np.int64], places: Places
    ) -> None:
        number = places.steps - 1
        self._count("holes stepped", int(number.sum()))
        last_us = self._clocks.time_us[series]
        for k in range(1, int(number.max()) + 1):
            behind = np.flatnonzero(number >= k)
            slot_us = slot_times_us(
                last_us[behind], time_us[behind], places.steps[behind], k
            )
            empty = np.full((len(behind), self._spec.num_features), np.nan, np.float32)
            self._step(series[behind], slot_us, empty)

    def _step(
        self,
        series: NDArray[np.int32],
        time_us: NDArray[np.int64],
        readings: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """One step of distinct series."""
        size = len(series)
        y = np.empty((size, self._spec.output_size), dtype=self._model.engine.dtype)
        if size:
            seconds = time_us // 1_000_000 if self._spec.derived else None
            if not np.isfinite(readings).all():
                readings = np.where(np.isfinite(readings), readings, np.float32(np.nan))
            self._fleet.step(readings, seconds, series.astype(np.int64), y)
        return y.astype(np.float32, copy=False)


def longest_gap_us(
    model: Model, on_gap: Literal["reset", "step"], max_gap_s: float | None
) -> float:
    """The longest hole that is stepped, in microseconds.

    Raises:
        DataError: `max_gap_s` is 1.5 periods or less, or the model has no period.
    """
    period_s = model.spec.sample_period_s
    if max_gap_s is not None and period_s is None:
        raise DataError(
            f"--max-gap: {model.name} has no sampling period, so it knows no holes. "
            "Leave --max-gap out, or train on a table with a time column."
        )
    if max_gap_s is not None and period_s is not None:
        if not max_gap_s > MIN_GAP_PERIODS * period_s:
            raise DataError(
                f"--max-gap: {max_gap_s:g} s would start anew at every late reading, as "
                f"the period of {model.name} is {period_s:g} s. Choose a length of time "
                f"above {MIN_GAP_PERIODS * period_s:g} s, or leave --max-gap out."
            )
    else:
        max_gap_s = model.spec.max_gap_s
    return np.inf if on_gap == "step" or max_gap_s is None else max_gap_s * 1e6


def distinct_passes(series: NDArray[np.int32], rows: Rows | None) -> list[Rows | slice]:
    """Rows in passes of one reading a series, the k-th of each in the k-th pass.

    Args:
        series: `[n]` of a batch.
        rows: of it that count; None for all.
    """
    some = series if rows is None else series[rows]
    size = len(some)
    if not size:
        return []
    if size == 1 or bool((some[1:] > some[:-1]).all()):
        return [slice(None) if rows is None else rows]
    order = np.argsort(some, kind="stable")
    ascending = some[order]
    starts = np.flatnonzero(np.r_[True, ascending[1:] != ascending[:-1]])
    lengths = np.diff(np.append(starts, size))
    if rows is not None:
        order = rows[order]
    if lengths.max() == 1:
        return [order]
    rank = np.arange(size) - np.repeat(starts, lengths)
    by_rank = np.argsort(rank, kind="stable")
    ends = np.cumsum(np.bincount(rank))[:-1]
    return list(np.split(order[by_rank], ends))


def _fleet(model: Model, count: int) -> FleetStates:
    own = model.engine.make_fleet(count, is_fast=model.is_fast)
    return own or ArrayFleet(model.engine, count)
