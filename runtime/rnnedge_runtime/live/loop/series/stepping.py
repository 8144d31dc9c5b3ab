"""Readings of distinct series through a fleet: holes, new stretches, policies and counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....arrays import Array
from ....monitoring.stuck import StuckSensors
from ....spec.model_spec import ModelSpec
from ....streams.array_fleet import ArrayFleet
from ....streams.engine import FleetStates
from ....streams.model import Model
from ..nouns import Batch
from .counting import Count, ReadingCounts
from .slots import Places, SlotClocks, slot_times_us

Rows = NDArray[np.int64]


class SeriesSteps:
    """The states of many series and where they are in time, by number.

    Args:
        model: what to stream.
        max_gap_us: longest time without a reading that is stepped.
        count: called with what happened and how often.
        limited: the model's spec with the limits of its sensors (`monitoring.limits`).

    Attributes:
        stuck: runs of unchanged readings of the series; empty where nobody watches them.
        clocks: where the series are in time.
        capacity: series there is room for; those without a reading are in the initial state.
    """

    def __init__(
        self,
        model: Model,
        max_gap_us: float,
        count: Count,
        *,
        limited: ModelSpec | None = None,
    ) -> None:
        self._model, self._spec = model, model.spec
        self._count, self._has_limits = count, limited is not None
        self._counts = ReadingCounts(limited or model.spec)
        self._fleet = _fleet(model, 0)
        self.stuck = StuckSensors(limited or model.spec, 0)
        self.clocks = SlotClocks(model.spec, max_gap_us)
        self.capacity = 0

    def grow(self, capacity: int) -> None:
        """Make room for so many series."""
        self._fleet.add(capacity - self.capacity)
        self.clocks.grow(capacity)
        if self.stuck.is_watched:
            self.stuck.add(capacity - self.capacity)
        self.capacity = capacity

    def states(self, number: int) -> tuple[NDArray[np.uint64], Array]:
        """Steps and states of the first series (`FleetStates.get_many`)."""
        return self._fleet.get_many(np.arange(number))

    def set_states(self, num_steps: NDArray[np.uint64], values: Array) -> None:
        """The same of the first series, all as new."""
        self._fleet.set_many(np.arange(len(num_steps)), num_steps, values)

    def take(
        self, batch: Batch, rows: Rows | slice
    ) -> tuple[Rows, NDArray[np.float32]]:
        """Take the readings of some rows of a batch, all of distinct series.

        Returns:
            The rows that were stepped, and their forecasts `[m, O]`.
        """
        series, time_us = batch.series[rows], batch.time_us[rows]
        readings = batch.values[rows]
        places = self.clocks.place(series, time_us, batch.now_us)
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
        known = self._counts.count(readings, self._count)
        if places.is_gap is not None:
            self._start_anew(series[places.is_gap])
        if self.stuck.is_watched:
            self._count_stuck(series, readings, known)
        if self._has_limits and known is not None:
            readings = np.where(known, readings, np.float32(np.nan))
        if isinstance(rows, slice):
            rows = np.arange(len(series))
        return rows, self._advance(series, time_us, readings, places)

    def _count_stuck(
        self,
        series: NDArray[np.int32],
        readings: NDArray[np.float32],
        known: NDArray[np.bool_] | None,
    ) -> None:
        if known is None:
            known = np.ones(readings.shape, dtype=np.bool_)
        is_stuck = self.stuck.advance(readings, known, series.astype(np.int64))
        if is_stuck.any():
            self._counts.add("stuck", is_stuck, self._count)

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
        newest_us = np.maximum(time_us[same], self.clocks.time_us[series[same]])
        self.clocks.move(series[same], newest_us, places.late_us[same])
        return is_next

    def _advance(
        self,
        series: NDArray[np.int32],
        time_us: NDArray[np.int64],
        readings: NDArray[np.float32],
        places: Places,
    ) -> NDArray[np.float32]:
        """Step distinct series over their holes and by one reading each."""
        if (places.steps > 1).any():
            self._step_holes(series, time_us, places)
        self.clocks.move(series, time_us, places.late_us)
        self.clocks.is_primed[series] = False
        return self._step(series, time_us, readings)

    def _start_anew(self, series: NDArray[np.int32]) -> None:
        self._count("new stretches", len(series))
        initial = [np.ravel(entry.initial_array()) for entry in self._spec.state]
        values = np.repeat(np.concatenate(initial)[None], len(series), axis=0)
        num_steps = np.zeros(len(series), dtype=np.uint64)
        rows = series.astype(np.int64)
        self._fleet.set_many(rows, num_steps, values)
        if self.stuck.is_watched:
            self.stuck.reset(rows)

    def _step_holes(
        self, series: NDArray[np.int32], time_us: NDArray[np.int64], places: Places
    ) -> None:
        number = places.steps - 1
        self._count("holes stepped", int(number.sum()))
        last_us = self.clocks.time_us[series]
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


def _fleet(model: Model, count: int) -> FleetStates:
    own = model.engine.make_fleet(count, is_fast=model.is_fast)
    return own or ArrayFleet(model.engine, count)
