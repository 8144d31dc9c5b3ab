"""Which inputs are made from the time stamp."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnnedge.data.series import Dataset
from rnnedge.data.split import Split
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.spec.derived import (
    HOUR_OF_DAY_S,
    MAX_PERIOD_S,
    TIME_OF_YEAR_S,
    DerivedInput,
)
from rnnedge_runtime.tables.durations import parse_duration

DAY_S = HOUR_OF_DAY_S
WEEK_S = 7 * DAY_S
SAMPLES_PER_PERIOD = 4  # fewer do not show the shape of a period
TURNS_SEEN = {HOUR_OF_DAY_S: 2.0, WEEK_S: 3.0, TIME_OF_YEAR_S: 0.5}
WEEKS_TELL = 0.9
"""Difference of readings a week apart to that of a day apart below which weeks count."""

_PERIODS = {
    "hour_of_day": HOUR_OF_DAY_S,
    "weekday": WEEK_S,
    "time_of_year": TIME_OF_YEAR_S,
}


def choose_derived(
    dataset: Dataset, parts: list[Split], choice: str, periods: Sequence[str] = ()
) -> tuple[DerivedInput, ...]:
    """The derived inputs to use.

    `auto` takes the hour of day when a day has at least four samples and the training part
    two days, the time of year when the training part covers at least half a year, and the
    weekday when the training part has three weeks of which each is like the one before.

    Args:
        dataset: as read.
        parts: of its series.
        choice: see `TrainConfig.derived`.
        periods: more periods, such as `12h`, whatever the choice.

    Raises:
        SpecError: derived inputs were asked for, and the data has no time.
        DataError: a period is no length of time.
    """
    if choice == "none" and not periods:
        return ()
    period = dataset.sample_period_s
    has_time = all(series.time is not None for series in dataset.series)
    if period is None or not has_time or not dataset.has_calendar:
        if choice == "auto" and not periods:
            return ()
        asked = f"--period {periods[0]}" if periods else f"derived='{choice}'"
        needs = (
            f"dates, and the times of {dataset.source} only count from some start. Name a "
            "column of dates"
        )
        if period is None or not has_time:
            needs = f"a time column, and {dataset.source} has none. Name the column"
        raise SpecError(
            f"train: {asked} needs {needs} with --time, or "
            f"{'leave --period out' if periods else 'use --derived none'}."
        )
    found = {"none": [], "both": [HOUR_OF_DAY_S, TIME_OF_YEAR_S]} | {
        name: [length] for name, length in _PERIODS.items()
    }
    lengths = _asked(periods, period)
    if choice == "auto":
        longest = period * max(len(part.train) for part in parts)
        found["auto"] = [
            length
            for length in _PERIODS.values()
            if period * SAMPLES_PER_PERIOD <= length
            and longest >= TURNS_SEEN[length] * length
            and (length != WEEK_S or _has_weeks(dataset, parts))
        ]
    return tuple(map(DerivedInput, dict.fromkeys((*found[choice], *lengths))))


def _asked(periods: Sequence[str], sample_period_s: float) -> list[int]:
    """The lengths in seconds of periods that were asked for."""
    lengths = []
    for text in periods:
        length_us = parse_duration(text, option="--period")
        if length_us % 1_000_000 or length_us // 1_000_000 > MAX_PERIOD_S:
            raise SpecError(
                f"train: --period is '{text}', expected whole seconds up to "
                f"{MAX_PERIOD_S:,} s. Write for example --period 12h."
            )
        if length_us <= 2e6 * sample_period_s:
            raise SpecError(
                f"train: --period is '{text}', but the rows are {sample_period_s:g} s "
                "apart, which shows no shape within it. Give a period of more than two "
                "rows."
            )
        lengths.append(length_us // 1_000_000)
    return lengths


def _has_weeks(dataset: Dataset, parts: list[Split]) -> bool:
    """Whether readings are nearer to those of a week ago than to those of a day ago."""
    assert dataset.sample_period_s is not None
    day = max(1, round(DAY_S / dataset.sample_period_s))
    week = round(WEEK_S / dataset.sample_period_s)
    columns = [dataset.columns.index(name) for name in dataset.targets]
    day_apart, week_apart = 0.0, 0.0
    for series, part in zip(dataset.series, parts, strict=True):
        values = series.values[: part.train.stop, columns].astype(np.float64)
        for column in values.T:
            known = column[np.isfinite(column)]
            if len(column) <= week or not len(known):
                continue
            column /= np.std(known) + 1e-30
            now, week_ago = column[week:], column[:-week]
            week_apart += float(np.nansum(np.abs(now - week_ago)))
            day_apart += float(np.nansum(np.abs(now - column[week - day : -day])))
    return week_apart < WEEKS_TELL * day_apart
