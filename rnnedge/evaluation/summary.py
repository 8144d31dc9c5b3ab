"""What was read of a data set, before anything is learned from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rnnedge.data.series import Dataset, Series
from rnnedge.data.split import Split
from rnnedge_runtime.spec.clip import clip_bounds, odd_readings, range_bounds
from rnnedge_runtime.spec.derived import HOUR_OF_DAY_S, TIME_OF_YEAR_S
from rnnedge_runtime.spec.model_spec import ModelSpec
from rnnedge_runtime.tables.durations import duration_in_words, steps_in_words

Array = NDArray[np.float32]

MOST_COLUMNS = 24
"""Columns that the table of a summary shows; the targets come first."""

TARGETS_SHOWN = 6
"""Targets that the line of targets names."""

_TURNS = {
    HOUR_OF_DAY_S: "hour of day",
    604_800: "weekday",
    TIME_OF_YEAR_S: "time of year",
}


def summary_lines(
    dataset: Dataset, spec: ModelSpec | None, parts: Sequence[Split]
) -> list[str]:
    """Plain lines: file, rows, period, span, stretches, columns, dates of the parts.

    Args:
        dataset: as read.
        spec: what would be trained; None where only the table is looked at.
        parts: of every series.
    """
    names = {one.name for one in dataset.series}
    num_rows = sum(int(one.is_reading.sum()) for one in dataset.series)
    among = f" in {len(names):,} series" if len(names) > 1 else ""
    lines = [f"Data      {dataset.source}: {num_rows:,} rows{among}"]
    times = [one.time_us for one in dataset.series if one.time_us is not None]
    if times:
        first = min(int(time_us[0]) for time_us in times)
        last = max(int(time_us[-1]) for time_us in times)
        lines.append(
            f"Time      every {duration_in_words(dataset.sample_period_s or 0)}, "
            f"{dataset.moment_text(first)} to {dataset.moment_text(last)}{_clock(dataset)}"
        )
        lines.append(f"Stretches {_stretches(dataset)}")
    else:
        lines.append("Time      none: rows are one step apart")
    if spec is not None:
        ahead = steps_in_words(spec.horizon, spec.sample_period_s)
        lines.append(f"Targets   {_names(dataset.targets)}, up to {ahead} ahead")
        derived = [
            _TURNS.get(d.period_s, f"period of {d.period_s} s") for d in spec.derived
        ]
        lines.append(f"Derived   {', '.join(derived) or 'none'}")
    return [*lines, *_parts(dataset, parts)]


def column_table(dataset: Dataset, spec: ModelSpec | None) -> list[list[str]]:
    """Rows of text, a header first: what each column holds, and what is odd in it.

    The mean is that of the plausible readings.
    """
    header = ["column", "role", "unit", "smallest", "mean", "largest", "missing"]
    if spec is not None:
        header += ["implausible", "outside clip"]
    rows = [header]
    names: tuple[str, ...] = ()
    ranges, odd = {}, []
    if spec is not None:
        names, limits = spec.feature_names, (clip_bounds(spec), range_bounds(spec))
        ranges = {feature.name: feature.range for feature in spec.features}
        columns = [dataset.columns.index(name) for name in names]
        odd = [odd_readings(one.values[:, columns], *limits) for one in dataset.series]
    for name in _shown(dataset):
        k = dataset.columns.index(name)
        values = np.concatenate(
            [one.values[one.is_reading, k] for one in dataset.series]
        )
        seen = values[np.isfinite(values)].astype(np.float64)
        low, high = ranges.get(name) or (-np.inf, np.inf)
        believed = seen[(seen >= low) & (seen <= high)]
        mean = believed.mean() if len(believed) else np.nan
        stats = (seen.min(), mean, seen.max()) if len(seen) else ()
        row = [name, _role(dataset, name), dataset.units[k]]
        row += [f"{value:.4g}" for value in stats] or ["-"] * 3
        missing = [~np.isfinite(one.values[:, k]) for one in dataset.series]
        row.append(_count(dataset, missing))
        for kind in (1, 0) if spec else ():
            masks = [m[kind][:, names.index(name)] for m in odd if name in names]
            row.append(_count(dataset, masks))
        rows.append(row)
    return rows


def num_columns_hidden(dataset: Dataset) -> int:
    """Columns that `column_table` leaves out."""
    return len(dataset.columns) - len(_shown(dataset))


def _shown(dataset: Dataset) -> list[str]:
    others = [name for name in dataset.columns if name not in dataset.targets]
    return [*dataset.targets, *others][:MOST_COLUMNS]


def _role(dataset: Dataset, name: str) -> str:
    if name not in dataset.targets:
        return "feature"
    return "target, feature" if name in dataset.features else "target"


def _count(dataset: Dataset, odd: Sequence[NDArray[np.bool_]]) -> str:
    """How many rows of the `[T]` of every series are odd, and where the first is."""
    number, first = 0, ""
    for one, are_odd in zip(dataset.series, odd, strict=False):
        rows = np.flatnonzero(are_odd & one.is_reading)
        if len(rows) and not number:
            first = _place(dataset, one, int(rows[0]))
        number += len(rows)
    return f"{number:,} ({first})" if number else "-"


def _place(dataset: Dataset, series: Series, row: int) -> str:
    where = f"row {row + 1}"
    if series.time_us is not None:
        where = dataset.moment_text(int(series.time_us[row]))
    is_one_of_many = len(dataset.series) > 1
    return f"{series.name}, {where}" if is_one_of_many and series.name else where


def _names(names: Sequence[str]) -> str:
    more = len(names) - TARGETS_SHOWN
    return ", ".join(names[:TARGETS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _clock(dataset: Dataset) -> str:
    if not dataset.has_calendar:
        return ", time elapsed: no calendar"
    return f", times without an offset are {dataset.clock}" if dataset.clock else ""


def _stretches(dataset: Dataset) -> str:
    count = len(dataset.series)
    names = len({one.name for one in dataset.series})
    holes = sum(int((~one.is_reading).sum()) for one in dataset.series)
    gap = dataset.max_gap_s
    longest = (
        ""
        if gap is None
        else f"; a hole above {duration_in_words(gap)} starts a new one"
    )
    each = f"{count:,}" if count != names else "one a series" if names > 1 else "1"
    return f"{each}; {holes:,} missing rows put in{longest}"


def _parts(dataset: Dataset, splits: Sequence[Split]) -> list[str]:
    lines = []
    for name, label in (
        ("train", "Training"),
        ("validation", "Validate"),
        ("test", "Test"),
    ):
        rows = [getattr(split, name) for split in splits]
        spans = [
            (int(one.time_us[part.start]), int(one.time_us[part.stop - 1]))
            for one, part in zip(dataset.series, rows, strict=True)
            if len(part) and one.time_us is not None
        ]
        dates = ""
        if spans:
            first, last = min(a for a, _ in spans), max(b for _, b in spans)
            dates = f", {dataset.moment_text(first)} to {dataset.moment_text(last)}"
        lines.append(f"{label:<9} {sum(map(len, rows)):,} rows{dates}")
    return lines
