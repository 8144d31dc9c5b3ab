"""Values of a column that may be no readings: codes for missing, spikes, counters.

Nothing is changed here: what is found is said, and the options that decide are named.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_SHARE = 0.1
"""Share of a column's readings up to which a repeated extreme value is suspicious."""

FAR = 2.0
"""Spans of the middle 80 % of the readings between them and a suspicious value."""

FAR_FOR_OUTLIER = 20.0
"""The same for a value that need not repeat."""

MIN_READINGS = 20
MAX_SUSPECTS = 5
_MIN_STEPS = 8


@dataclass(frozen=True, slots=True)
class Suspect:
    """A value that may be no reading.

    Attributes:
        value: as it is in the table.
        count: how often it is there.
        first_row: where it is first, counted from 1.
        is_code: it repeats exactly, as a code for a missing reading does; otherwise it is
            an outlier.
    """

    value: float
    count: int
    first_row: int
    is_code: bool


def suspicious_values(values: NDArray[np.float64]) -> list[tuple[float, int, int]]:
    """Values that are rare, extreme and repeated exactly, as codes for missing are.

    Args:
        values: `[N]` of one column, NaN where missing.

    Returns:
        Value, count and first row (from 1) of each, the most frequent first.
    """
    return [(s.value, s.count, s.first_row) for s in find_suspects(values) if s.is_code]


def find_suspects(values: NDArray[np.float64]) -> list[Suspect]:
    """Codes and outliers in a column, at most `MAX_SUSPECTS`, the most frequent first.

    Judged against the readings without them, so that a code far off does not hide another.

    Args:
        values: `[N]` of one column, NaN where missing.
    """
    present = values[np.isfinite(values)]
    if len(present) < MIN_READINGS:
        return []
    unique, counts = np.unique(present, return_counts=True)
    extremes = _extremes(unique, counts, len(present))
    found = []
    for k in extremes:
        value, count = float(unique[k]), int(counts[k])
        first = int(np.flatnonzero(values == unique[k])[0]) + 1
        found.append(Suspect(value, count, first, count > 1))
    found.sort(key=lambda suspect: -suspect.count)
    return found[:MAX_SUSPECTS]


def _extremes(
    unique: NDArray[np.float64], counts: NDArray[np.int64], total: int
) -> list[int]:
    """Positions of the extreme values, taken off from both ends as long as they are far."""
    low, high = 0, len(unique) - 1
    found: list[int] = []
    taken = 0
    while high - low >= 2:
        gaps = {
            low: unique[low + 1] - unique[low],
            high: unique[high] - unique[high - 1],
        }
        k = max(gaps, key=lambda position: gaps[position])
        rest = slice(low + (k == low), high + (k != high))
        span = _span(unique[rest], counts[rest])
        needed = FAR if counts[k] > 1 else FAR_FOR_OUTLIER
        is_rare = counts[k] <= MAX_SHARE * total and taken + counts[k] <= (
            2 * MAX_SHARE * total
        )
        if not is_rare or span <= 0 or gaps[k] <= needed * span:
            break
        found.append(k)
        taken += int(counts[k])
        low, high = (low + 1, high) if k == low else (low, high - 1)
    return found


def _span(unique: NDArray[np.float64], counts: NDArray[np.int64]) -> float:
    """The width of the middle 80 % of the readings."""
    share = np.cumsum(counts) / counts.sum()
    first = int(np.searchsorted(share, 0.1))
    last = int(np.searchsorted(share, 0.9))
    return float(unique[min(last, len(unique) - 1)] - unique[first])


def is_counter(values: NDArray[np.float64]) -> bool:
    """Whether a column counts up: it never falls but to a new start, and rises often.

    Args:
        values: `[N]` of one column, NaN where missing.
    """
    present = values[np.isfinite(values)]
    steps = np.diff(present)
    if len(steps) < _MIN_STEPS or present.min() < 0:
        return False
    falls = steps < 0
    if falls.mean() > 0.01 or (steps > 0).mean() < 0.2:
        return False
    return bool((present[1:][falls] <= 0.01 * present.max()).all())


def num_lost_in_float32(values: NDArray[np.float64]) -> tuple[int, int]:
    """How many different values a column has, and how many of them float32 tells apart.

    Args:
        values: `[N]` of one column, NaN where missing.
    """
    unique = np.unique(values[np.isfinite(values)])
    with np.errstate(over="ignore"):
        return len(unique), len(np.unique(unique.astype(np.float32)))


def value_notes(values: NDArray[np.float64], column: str) -> list[str]:
    """What is worth a look among the values of a column, in sentences.

    Args:
        values: `[N]` of one column, NaN where missing.
        column: its name.
    """
    notes = []
    for suspect in find_suspects(values):
        if suspect.is_code:
            notes.append(
                f"Column '{column}': {suspect.value:.10g} is there {suspect.count:,} times, "
                f"first in row {suspect.first_row}, far from all other readings. If it means a "
                f"missing reading, give --missing-value {column}={suspect.value:.10g}."
            )
        else:
            notes.append(
                f"Column '{column}': {suspect.value:.10g} in row {suspect.first_row} is far "
                "from all other readings. Training takes what lies outside the plausible "
                f"range for missing; set it with --range {column}=LO:HI."
            )
    return notes


def suspect_notes(values: NDArray[np.float64], column: str) -> list[str]:
    """`value_notes`, and what the column is as a whole.

    Args:
        values: `[N]` of one column, NaN where missing.
        column: its name.
    """
    notes = value_notes(values, column)
    present = values[np.isfinite(values)]
    if len(present) > 1 and present.min() == present.max():
        notes.append(f"Column '{column}': it is {present[0]:.10g} in all rows.")
    elif is_counter(values):
        notes.append(f"Column '{column}': it counts up from row to row.")
    num_values, num_kept = num_lost_in_float32(values)
    if num_kept < num_values:
        notes.append(
            f"Column '{column}': float32 tells {num_kept:,} of its {num_values:,} different "
            "values apart."
        )
    return notes
