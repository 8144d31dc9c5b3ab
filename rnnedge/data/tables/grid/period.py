"""The sampling period of rows, found from their times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rnnedge_runtime.errors import DataError
from rnnedge_runtime.tables.durations import duration_text

from .timeline import SeriesRows

NEAR = 0.25
"""Part of the period by which a step may differ from it and still be one period."""

WHOLE = 0.4
"""The same for a step that is some periods and counts for their mean; others are moves of
the clock."""

MAX_FAR_SHARE = 0.4
"""Share of steps further than `NEAR` from whole periods above which there is no period;
steps of any length give 0.5."""

MIN_SINGLE_SHARE = 0.25
"""Share of steps of one period below which rows came on change, not on a clock."""

MAX_REPEAT_SHARE = 0.2
"""Share of rows that repeat a time above which the time column is the wrong one."""

EXACT_SHARE = 0.6
"""Share of one step among those near it above which it is the period as it is."""

PEAK_SHARE, PEAK = 0.2, 4
"""The same for a step that is this many times as frequent as any other near it."""

ROUNDING = 1e-3
"""Part of a mean period by which it is rounded to minutes, seconds, ms or us."""

OTHER_PERIOD = 1.5
"""Ratio of the periods of two series above which they are two periods."""

_FEW_STEPS = 8
_FAR_HOLE = 10  # over more periods the phase of a clock may well move
_WINDOW = 1.4
_REFINEMENTS = 4
_CUT_RUN = 64
_CUT_SHARE = 0.9
_CUT_UNITS_US = (*(10**k for k in range(7)), 60_000_000)


def find_period(all_series: Sequence[SeriesRows]) -> float | None:
    """The sampling period in seconds that all series share; None for single rows.

    The most frequent step, where steps within a quarter of each other count as one: exact
    where one of them is by far the most frequent, otherwise their mean, rounded where a
    whole number of minutes, seconds, milliseconds or microseconds is that near.

    Raises:
        DataError: the rows have no regular period, two series have two, or too many rows
            repeat a time.
    """
    steps_of = [np.diff(series.time_us) for series in all_series]
    steps = np.concatenate(steps_of) if len(steps_of) > 1 else steps_of[0]
    num_repeated = int((steps == 0).sum())
    if num_repeated > MAX_REPEAT_SHARE * len(steps):
        raise DataError(
            f"{all_series[0].where}: {num_repeated:,} of {len(steps) + 1:,} rows repeat "
            "the time before them. If the table holds several series, name their column "
            "(--series); a date and a clock time are named together (--time DATE+TIME); "
            "write stamps that were cut to whole seconds with their fractions, or leave the "
            "time out (--no-time)."
        )
    if num_repeated:
        steps = steps[steps > 0]
    if not len(steps):
        return None
    sizes, counts = np.unique(steps, return_counts=True)
    period_us = _period_of_cut_stamps(steps, sizes, counts)
    if period_us is not None:
        return period_us / 1e6
    period_us = _frequent_step(sizes, counts)
    if len(all_series) > 1:
        _check_shared(all_series, steps_of, period_us)
    _check_regular(all_series[0].where, sizes, counts, period_us)
    return period_us / 1e6


def _frequent_step(sizes: NDArray[np.int64], counts: NDArray[np.int64]) -> float:
    """Microseconds of the most frequent step, from ascending sizes and their counts."""
    below = np.concatenate([[0], np.cumsum(counts)])
    # The window that holds the most steps; twice and three times a period lie apart.
    stops = np.searchsorted(sizes, sizes * _WINDOW, side="right")
    fullest = int(np.argmax(below[stops] - below[:-1]))
    number = below[fullest] + (below[stops[fullest]] - below[fullest]) // 2
    middle = float(sizes[np.searchsorted(below, number, side="right") - 1])
    near = slice(*np.searchsorted(sizes, (middle * (1 - NEAR), middle * (1 + NEAR))))
    most = int(np.argmax(counts[near]))
    common, others = counts[near][most], np.delete(counts[near], most)
    is_peak = np.all(others * PEAK <= common)
    if common >= (PEAK_SHARE if is_peak else EXACT_SHARE) * counts[near].sum():
        return float(sizes[near][most])
    for _ in range(_REFINEMENTS):
        number = np.rint(sizes / middle)
        is_whole = (np.abs(sizes / middle - number) <= WHOLE) & (number > 0)
        kept = counts[is_whole]
        middle = float(kept @ sizes[is_whole]) / float(kept @ number[is_whole])
    return _rounded(middle)


def _period_of_cut_stamps(
    steps: NDArray[np.int64], sizes: NDArray[np.int64], counts: NDArray[np.int64]
) -> float | None:
    """The mean of steps that are two sizes in turn, as stamps cut to whole units have.

    At 60 Hz and in whole milliseconds 16 and 17 ms. The times then never leave the line of
    their mean by more than a unit; rows missing by chance do.
    """
    if len(sizes) < 2:
        return None
    two = np.argsort(counts, kind="stable")[-2:]
    unit = abs(int(sizes[two[0]] - sizes[two[1]]))
    if (
        unit not in _CUT_UNITS_US
        or unit > sizes[two].min()
        or counts[two].sum() < _CUT_SHARE * counts.sum()
        or counts[two].min() < (1 - _CUT_SHARE) * counts.sum()
    ):
        return None
    is_other = np.flatnonzero(~np.isin(steps, sizes[two]))
    borders = np.concatenate([[-1], is_other, [len(steps)]])
    longest = int(np.argmax(np.diff(borders)))
    run = steps[borders[longest] + 1 : borders[longest + 1]]
    if len(run) < _CUT_RUN:
        return None
    mean = float(run.mean())
    aside = np.cumsum(run) - mean * np.arange(1, len(run) + 1)
    return mean if np.ptp(aside) <= 2 * unit else None


def _rounded(period_us: float) -> float:
    for unit in (60e6, 1e6, 1e3, 1.0):
        rounded = unit * round(period_us / unit)
        if rounded > 0 and abs(rounded - period_us) <= ROUNDING * period_us:
            return rounded
    return period_us


def _check_regular(
    where: str,
    sizes: NDArray[np.int64],
    counts: NDArray[np.int64],
    period_us: float,
) -> None:
    position = sizes / period_us
    number = np.maximum(np.rint(position), 1)
    is_far = (np.abs(position - number) > NEAR) & (number < _FAR_HOLE)
    num_steps = counts.sum()
    share = float(counts[is_far].sum() / num_steps)
    single = float(counts[np.abs(position - 1) <= NEAR].sum() / num_steps)
    if share <= MAX_FAR_SHARE and single >= MIN_SINGLE_SHARE:
        return
    usual = sizes[np.searchsorted(np.cumsum(counts), num_steps / 2)] / 1e6
    raise DataError(
        f"{where}: the rows have no regular period; the most frequent step is "
        f"{duration_text(period_us / 1e6)}, but only {single:.0%} of the steps are near "
        f"it, and {share:.0%} are no whole number of it; half of them are longer than "
        f"{duration_text(usual)}. Put the readings on a fixed period with --resample, for "
        "example --resample 10min:mean, or :last for readings sent on change."
    )


def _check_shared(
    all_series: Sequence[SeriesRows],
    steps_of: Sequence[NDArray[np.int64]],
    period_us: float,
) -> None:
    for series, steps in zip(all_series, steps_of, strict=True):
        steps = steps[steps > 0]
        if len(steps) < _FEW_STEPS:
            continue
        own = _frequent_step(*np.unique(steps, return_counts=True))
        position = steps / period_us
        is_single = np.abs(position - 1) <= NEAR
        is_other = not 1 / OTHER_PERIOD <= own / period_us <= OTHER_PERIOD
        if is_other and is_single.mean() < MIN_SINGLE_SHARE:
            option = duration_text(max(own, period_us) / 1e6).replace(" ", "")
            raise DataError(
                f"{series.where}: its rows are {duration_text(own / 1e6)} apart, those of "
                f"most others {duration_text(period_us / 1e6)}. Put all series on one "
                f"period, for example with --resample {option}, "
                "or train a model for each."
            )
