"""Readings as columns: from what a source gives to what streams take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from .nouns import Batch, Counters, Reading

FIRST_US, LAST_US = -62_135_596_800_000_000, 253_402_300_799_999_999
MOST_NAME_CHARS = 1000


def batch_of(
    readings: Sequence[Reading],
    *,
    now_us: int,
    columns: Mapping[str, int],
    number: Callable[[str], int | None],
    counters: Counters,
    source: str,
) -> Batch:
    """Readings in columns; those that no stream can take are dropped and counted.

    Args:
        readings: as they came.
        now_us: when they were received, which is the time of those without one.
        columns: place of each feature by its name.
        number: number of a series by its name; None where there are too many.
        counters: what is dropped is counted in them.
        source: whose readings they are, for the counters.
    """
    series, times, values, origins = [], [], [], []
    is_answered = False
    for reading in readings:
        place = {
            columns[name]: value
            for name, value in reading.values.items()
            if name in columns
        }
        time_us = now_us if reading.time_us is None else reading.time_us
        found = _fault(reading, place, time_us)
        name = None if found else number(reading.series)
        if name is None:
            counters.add(source, f"dropped: {found or 'too many series'}")
            continue
        row = [np.nan] * len(columns)
        for column, value in place.items():
            row[column] = value
        series.append(name)
        times.append(time_us)
        values.append(row)
        origins.append(reading.origin)
        is_answered = is_answered or reading.origin is not None
    with np.errstate(over="ignore"):  # what is no float32 is infinite, so missing
        table = np.array(values, np.float64).astype(np.float32)
    return Batch(
        now_us,
        np.array(series, np.int32),
        np.array(times, np.int64),
        table.reshape(len(series), len(columns)),
        origins if is_answered else (),
    )


def empty_batch(now_us: int, num_features: int) -> Batch:
    """A batch without readings: time alone goes on."""
    return Batch(
        now_us,
        np.zeros(0, np.int32),
        np.zeros(0, np.int64),
        np.zeros((0, num_features), np.float32),
    )


def _fault(reading: Reading, place: Mapping[int, float], time_us: int) -> str:
    """Why no stream can take a reading, in a few words; "" if one can."""
    if not place:
        return "no feature of the model"
    if not FIRST_US <= time_us <= LAST_US:
        return "a time in no year"
    if len(reading.series) > MOST_NAME_CHARS:
        return "a name too long"
    return ""
