"""Values of a column that may be no readings: codes for missing, and spikes.

Nothing is changed here: what is found is said, and the options that decide are named.
"""

from __future__ import annotations

import re
import shlex
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
_NINES = re.compile(r"-?9{2,}(?:\.9+)?")


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


def value_notes(values: NDArray[np.float64], column: str) -> list[str]:
    """What is worth a look among the values of a column, in sentences.

    Args:
        values: `[N]` of one column, NaN where missing.
    """
    notes = []
    for suspect in find_suspects(values):
        value = f"{suspect.value:.10g}"
        advice = ""
        if suspect.is_code or _NINES.fullmatch(value):
            option = shlex.quote(f"{column}={value}")
            advice = f" If it means a missing reading, give --missing-value {option}."
        if suspect.is_code:
            notes.append(
                f"Column '{column}': {value} is there {suspect.count:,} times, first in row "
                f"{suspect.first_row}, far from all other readings.{advice}"
            )
        else:
            advice = advice or (
                " Training takes what lies outside the plausible range for missing; set it "
                f"with --range {shlex.quote(f'{column}=LO:HI')}."
            )
            notes.append(
                f"Column '{column}': {value} in row {suspect.first_row} is far from all "
                f"other readings.{advice}"
            )
    return notes
