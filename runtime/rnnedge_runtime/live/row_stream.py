"""Rows of a table through a stream, placed on the time grid as training places them.

A hole steps the missing slots first, a hole longer than the model's `max_gap_s` starts a
new stretch from the initial state, a row in a slot already taken is not stepped again: a
streamed file gives what the same file gave as training data. Works with every backend.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..errors import NonFiniteError
from ..formats.snapshot import snapshot_bytes
from ..monitoring.stuck import StuckSensor
from ..spec.clip import clip_bounds, odd_readings, range_bounds
from ..spec.model_spec import ModelSpec
from ..streams.exclusive import OneOwner
from ..streams.inputs import is_missing
from ..streams.model import Model
from ..tables.rows.plain_rows import RowBlock
from ..tables.rows.row import Row
from ..tables.time_grid import (
    MAX_HOLE,
    SlotClock,
    backwards_error,
    hole_error,
    is_new_stretch,
)
from .findings import (
    MISSING_ROWS,
    MOVED_ROWS,
    NEW_STRETCHES,
    REPEATED_ROWS,
    Findings,
)
from .odd_rows import AFTER, MOVED, STUCK, Found, OddRows, add_findings, fates
from .saved_rows import pack_rows, unpack_rows

AdvanceSlots = Callable[..., tuple[int, int, float, float, int, int]]
_NOTHING = np.empty((0, 0), dtype=np.float32)


class RowStream(OneOwner):
    """One series, fed with rows. Not thread-safe.

    Args:
        model: what to stream; a new stream is made, in the initial state.
        where: name of the table, for messages.
        is_one_of_many: whether the table's series are streamed apart already.
        limited: the model's spec with the limits of its sensors (`monitoring.limits`); a
            reading outside them is missing. None: its own ranges.

    Which sensors stick is found anew after `restore`: their runs are not in a snapshot.
    """

    _copy = "RowStream", "other = RowStream(model); other.restore(rows.snapshot())"

    def __init__(
        self,
        model: Model,
        *,
        where: str = "rows",
        is_one_of_many: bool = False,
        limited: ModelSpec | None = None,
    ) -> None:
        self._model = model
        self._spec = (limited or model.spec).by_row
        self._has_limits = limited is not None
        self.is_sparse = model.spec.rows_per_step > 1
        self._is_one_of_many = is_one_of_many
        self._stream = model.stream()
        self._where = where
        self._clock: SlotClock | None = None
        self._forecast: NDArray[np.float32] | None = None
        number = self._spec.num_features
        self._clip, self._range = clip_bounds(self._spec), range_bounds(self._spec)
        self._low = np.maximum(self._clip[0], self._range[0])[:number]
        self._high = np.minimum(self._clip[1], self._range[1])[:number]
        self._texts = [
            fates(feature, k, self._clip, self._range)
            for k, feature in enumerate(self._spec.features)
        ]
        self._empty = np.full(number, np.nan, dtype=np.float32)
        self._stuck = StuckSensor(self._spec)
        self.findings = Findings()

    def advance(self, row: Row) -> NDArray[np.float32] | None:
        """Take one row.

        Returns:
            `[O]` forecast from this row's slot, in raw units. For a row in a slot already
            taken the last forecast again, None when it is not known any more. Of a model
            that strides over rows, `is_sparse`, None where this row gave no output.

        Raises:
            DataError: time goes backwards, or jumps too far.
            NonFiniteError: a reading or a slot is missing, and a feature's policy is
                `reject`. In both cases nothing was stepped.
        """
        period_s = self._spec.sample_period_s
        if period_s is None or row.time_us is None:
            self._check_present(row)
            time = None if row.time_us is None else row.time_us // 1_000_000
            return self._step(row, time)
        time_us, clock = row.time_us, self._clock
        if clock is None or self._is_new_stretch(row, clock):
            self._check_present(row)
            if clock is not None:
                self._stream.reset()
                self._stuck.reset()
                self.findings.add(NEW_STRETCHES, row.number)
            self._clock = SlotClock(period_s, time_us)
            return self._step(row, time_us // 1_000_000)
        if time_us < clock.time_us:
            return self._repeat(row)
        after = clock.advance(time_us)
        steps = after.slot - clock.slot
        self._check_steps(row, steps)
        if clock.is_off(time_us, steps):
            self.findings.add(MOVED_ROWS, row.number)
        self._clock = after
        self.findings.num_slots += steps
        self.findings.num_single += steps == 1
        self.findings.num_periods += (time_us - clock.time_us) / (period_s * 1e6)
        if steps == 0:
            return self._repeat(row)
        self.findings.add(MISSING_ROWS, row.number, steps - 1)
        if steps > 1:
            for slot_us in clock.times_us(time_us, steps)[:-1]:
                self._stream.step(self._empty, time=slot_us // 1_000_000)
        return self._step(row, time_us // 1_000_000)

    @property
    def output_size(self) -> int:
        """Values of a forecast."""
        return self._spec.output_size

    def odd_rows(self, readings: NDArray[np.float32]) -> OddRows:
        """What is odd in the readings `[N, F]` of rows, for `advance_run`."""
        return OddRows.of(readings, self._spec.features, self._clip, self._range)

    def advance_run(
        self, block: RowBlock, start: int, odd: OddRows, advance_slots: AdvanceSlots
    ) -> NDArray[np.float32]:
        """Take the rows of a block from `start` on, up to the first that needs `advance`.

        What needs it: a row that is not one slot after the one before, one in which a
        reading is refused, and the very first.

        Args:
            odd: what is odd in the block.
            advance_slots: `_native.advance_slots`.

        Returns:
            `[n, O]` forecasts from the rows taken, the same as `advance` gives; none where
            the first one needs it.
        """
        stop = odd.next_refused(start, len(block))
        times, clock, findings = block.times_us, self._clock, self.findings
        period_s = self._spec.sample_period_s
        found: list[Found] = []
        if period_s is not None and times is not None:
            if clock is None:
                return _NOTHING
            gap_s = self._spec.max_gap_s
            place = (
                clock.time_us,
                clock.late_us,
                period_s * 1e6,
                -1.0 if gap_s is None else gap_s * 1e6,
                findings.num_periods,
            )
            number, time_us, late_us, num_periods, num_off, first_off = advance_slots(
                times, start, stop, place
            )
            stop = start + number
            if number:
                self._clock = SlotClock(period_s, time_us, clock.slot + number, late_us)
                findings.num_slots += number
                findings.num_single += number
                findings.num_periods = num_periods
            if num_off:
                found.append(Found(first_off, MOVED, 0, 0, num_off))
        if start == stop:
            return _NOTHING
        readings, known = block.readings[start:stop], odd.known_in(start, stop)
        found += odd.found_in(start, stop)
        if known is not None and self._has_limits:
            readings = np.where(known, readings, np.float32(np.nan))
        if self._stuck.is_watched:
            runs = self._stuck.advance_run(block.readings[start:stop], known)
            found += [Found(first, AFTER, k, STUCK, count) for first, k, count in runs]
        add_findings(findings, found, self._texts, block.number + start)
        findings.num_rows += stop - start
        seconds = None if times is None else times[start:stop] // 1_000_000
        forecasts = self._stream.run(readings, time=seconds)
        self._forecast = forecasts[-1].copy()
        return forecasts

    def _repeat(self, row: Row) -> NDArray[np.float32] | None:
        """The last forecast once more, for a row in a slot already taken."""
        self.findings.num_rows += 1
        self.findings.add(REPEATED_ROWS, row.number)
        return None if self.is_sparse else self._forecast

    def _is_new_stretch(self, row: Row, clock: SlotClock) -> bool:
        """Whether the hole before the row is too long to be stepped.

        Raises:
            DataError: the row belongs to a slot before that of the row before it.
        """
        assert row.time_us is not None
        if row.time_us < clock.time_us and not clock.is_same_slot(row.time_us):
            apart = " tell several series apart with --series COLUMN,"
            apart = "" if self._is_one_of_many else apart
            raise backwards_error(
                where=self._where,
                row=row.number,
                time_us=row.time_us,
                before_us=clock.time_us,
                what_to_do=f"Give the oldest row first,{apart} and give a saved state "
                "only rows newer than it.",
            )
        return is_new_stretch(row.time_us - clock.time_us, self._spec.max_gap_s)

    def _check_steps(self, row: Row, steps: int) -> None:
        missing = steps - 1
        if missing > MAX_HOLE:
            assert self._spec.sample_period_s is not None
            raise hole_error(
                where=self._where,
                row=row.number,
                missing=missing,
                period_s=self._spec.sample_period_s,
            )
        if missing > 0:
            self._reject_missing(
                self._empty, f"missing for {missing:,} slots before", row
            )
        if steps:
            self._check_present(row)

    def _check_present(self, row: Row) -> None:
        if not self._is_plain(row):
            self._reject_missing(row.readings, "missing in", row)

    def _is_plain(self, row: Row) -> bool:
        """Whether no reading is missing, implausible or clipped."""
        readings = row.readings
        return bool(((self._low <= readings) & (readings <= self._high)).all())

    def _reject_missing(
        self, readings: NDArray[np.float32], fault: str, row: Row
    ) -> None:
        features = self._spec.features
        missing = is_missing(features, readings)
        for feature, value, is_refused in zip(features, readings, missing, strict=True):
            if feature.missing != "reject" or not is_refused:
                continue
            if feature.range is not None and np.isfinite(value):
                low, high = feature.range
                fault = f"{value:g}, outside its range of {low:g} to {high:g}, in"
            raise NonFiniteError(
                f"{self._where}: feature '{feature.name}' is {fault} row {row.number}, "
                "and its policy is 'reject'. Mend the table, or train with missing='hold'."
            )

    def _step(self, row: Row, time: int | None) -> NDArray[np.float32] | None:
        self.findings.num_rows += 1
        readings, known = row.readings, None
        if not self._is_plain(row):
            self._count_readings(row)
            known = ~is_missing(self._spec.features, readings)
            if self._has_limits:
                readings = np.where(known, readings, np.float32(np.nan))
        if self._stuck.is_watched:
            self._count_stuck(row, known)
        forecast: NDArray[np.floating] | None
        forecast = self._stream.step(readings, time=time)
        if forecast is None:
            return None
        self._forecast = forecast.astype(np.float32, copy=False)
        return self._forecast

    @property
    def last_time_us(self) -> int | None:
        """Time of the last row, microseconds since 1970 UTC; None before one with a time."""
        return None if self._clock is None else self._clock.time_us

    def last_times_us(self) -> dict[str, int]:
        """The same by series, here ""; empty before one with a time."""
        return {} if self._clock is None else {"": self._clock.time_us}

    def forecast(self, num_steps: int, *, hold: bool = False) -> NDArray[np.float32]:
        """The next steps after the last row (`Stream.forecast`)."""
        return self._stream.forecast(num_steps, hold=hold).astype(np.float32)

    def _count_readings(self, row: Row) -> None:
        if row.is_held_out:
            return
        is_clipped, is_implausible = odd_readings(row.readings, self._clip, self._range)
        is_absent = ~np.isfinite(row.readings)
        for k, texts in enumerate(self._texts):
            kinds = (is_absent, is_implausible, is_clipped)
            for what, are_such in zip(texts, kinds, strict=False):
                self.findings.add(what, row.number, int(are_such[k]))

    def _count_stuck(self, row: Row, known: NDArray[np.bool_] | None) -> None:
        are_known = None if known is None else known.tolist()
        for k in self._stuck.advance(row.readings.tolist(), are_known):
            self.findings.add(self._texts[k][STUCK], row.number)

    def snapshot(self) -> bytes:
        """State, place in time and last forecast (docs/format.md, "Row stream")."""
        return pack_rows((self._clock, self._forecast, self._stream.snapshot()))

    def restore(self, blob: bytes) -> None:
        """Go on where `snapshot` was taken; also takes the snapshot of a Stream.

        Raises:
            FormatError: cut short, changed, of another version, a field that cannot be, or
                no snapshot at all. Nothing was changed then.
            StateError: the snapshot of another model.
        """
        clock, forecast, snapshot = unpack_rows(snapshot_bytes(blob), self._model)
        self._stream.restore(snapshot)
        self._clock, self._forecast = clock, forecast
        self._stuck.reset()
