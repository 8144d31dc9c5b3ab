"""Which inputs are made from the time stamp."""

from __future__ import annotations

from rnnedge.data.series import Dataset
from rnnedge.data.split import Parts
from rnnedge_runtime.errors import SpecError
from rnnedge_runtime.time_features import HOUR_OF_DAY_S, TIME_OF_YEAR_S, DerivedInput

SAMPLES_PER_PERIOD = 4  # fewer do not show the shape of a period
TURNS_SEEN = {HOUR_OF_DAY_S: 2.0, TIME_OF_YEAR_S: 0.5}


def choose_derived(
    dataset: Dataset, parts: list[Parts], choice: str
) -> tuple[DerivedInput, ...]:
    """The derived inputs to use.

    `auto` takes the hour of day when a day has at least four samples and the training part
    two days, the time of year when the training part covers at least half a year.

    Raises:
        SpecError: derived inputs were asked for, and the data has no time.
    """
    if choice == "none":
        return ()
    period = dataset.sample_period_s
    if period is None or any(series.time is None for series in dataset.series):
        if choice == "auto":
            return ()
        raise SpecError(
            f"train: derived='{choice}' needs a time column, and {dataset.source} has "
            "none. Name the column with --time, or use --derived none."
        )
    if not dataset.has_calendar:
        if choice == "auto":
            return ()
        raise SpecError(
            f"train: derived='{choice}' needs dates, and the times of {dataset.source} only "
            "count from some start. Use --derived none, or name a column of dates with "
            "--time."
        )
    periods = {"hour_of_day": HOUR_OF_DAY_S, "time_of_year": TIME_OF_YEAR_S}
    if choice in periods:
        return (DerivedInput(periods[choice]),)
    longest = period * max(len(part.train) for part in parts)
    return tuple(
        DerivedInput(length)
        for length in periods.values()
        if choice == "both"
        or (
            period * SAMPLES_PER_PERIOD <= length
            and longest >= TURNS_SEEN[length] * length
        )
    )
