"""Chronological split of a Dataset into parts, and what its training part can teach.

Validation and test start at two dates that all series share, so that what one series does
in the test part cannot be learned from another. The last `horizon` rows before a date belong
to no part: their targets lie behind it, so that no training target is ever a validation
reading (docs/concepts.md, "Leakage").
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rnnedge.data.series import Dataset, Series
from rnnedge_runtime.errors import DataError

VALIDATION_FRACTION = 0.1
TEST_FRACTION = 0.2
NAMES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Split:
    """Row ranges of one series: forecasts are made (and scored) from these rows.

    `train` starts at row 0; it is empty when the series has no row to train on.
    """

    train: range
    validation: range
    test: range


@dataclass(frozen=True, slots=True)
class SplitRule:
    """How the rows of a Dataset are shared out.

    Attributes:
        validation: share of the time that some series has rows in, before the test part.
        test: share of that time, at its end.
        at_us: start of the validation and of the test part, microseconds since 1970 UTC,
            in place of the shares; None: the shares.
        by: `date`: the two dates are common to all series. `series`: each series has its
            own, for series of unlike calendars.
        held_out: names of series whose rows are in the test part only.
    """

    validation: float = VALIDATION_FRACTION
    test: float = TEST_FRACTION
    at_us: tuple[int, int] | None = None
    by: Literal["date", "series"] = "date"
    held_out: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class DatasetSplit:
    """The parts of every series, and the dates they follow from.

    Attributes:
        parts: of every series of the Dataset.
        starts_us: start of the validation and of the test part, microseconds since 1970
            UTC; None without a time, or where every series has its own.
    """

    parts: list[Split]
    starts_us: tuple[int, int] | None


def split_dataset(
    dataset: Dataset, horizon: int, rule: SplitRule | None = None
) -> DatasetSplit:
    """The parts of every series of `dataset`.

    The dates are taken so that the shares of `rule` hold for the slots of the time grid in
    which some series has a row; for one series these are its rows. A row belongs to the part
    of its own time. Without a time, every series is split by its own rows.

    Args:
        dataset: series on a time grid; stretches of one device share a name.
        horizon: furthest step ahead that is forecast.
        rule: shares or dates; None: 70, 10 and 20 %.

    Raises:
        DataError: a part has no row in any series, a series to hold out does not exist, or
            dates are given and the table has no time.
    """
    rule = rule or SplitRule()
    _check_rule(dataset, rule)
    held_out = frozenset(rule.held_out)
    parts: list[Split | None] = [
        Split(range(0), range(0), range(max(0, len(one) - horizon)))
        if one.name in held_out
        else None
        for one in dataset.series
    ]
    period_us = (dataset.sample_period_s or 1.0) * 1e6
    starts: tuple[int, int] | None = None
    for group in _groups(dataset, rule):
        members = [dataset.series[k] for k in group]
        timed = [one for one in members if one.time_us is not None]
        if not timed:
            for k, one in zip(group, members, strict=True):
                parts[k] = split_rows(len(one), horizon, rule.validation, rule.test)
            continue
        starts = rule.at_us or _starts(timed, period_us, rule)
        for k, one in zip(group, members, strict=True):
            assert one.time_us is not None
            validation, test = np.searchsorted(one.time_us, starts).tolist()
            parts[k] = _parts(len(one), validation, test, horizon)
    split = DatasetSplit(
        [part for part in parts if part is not None],
        starts if rule.by == "date" else None,
    )
    for name in ("train", "validation", "test"):
        if not any(len(getattr(part, name)) for part in split.parts):
            raise _empty_part(dataset, split, name, horizon, rule)
    return split


def split_rows(
    num_rows: int,
    horizon: int,
    validation_fraction: float = VALIDATION_FRACTION,
    test_fraction: float = TEST_FRACTION,
) -> Split:
    """The parts of a single series of `num_rows` rows; a part may be empty.

    Args:
        num_rows: T, rows of the series.
        horizon: furthest step ahead that is forecast.
        validation_fraction: share of the rows before the test part.
        test_fraction: share of the last rows.
    """
    validation, test = _borders(num_rows, validation_fraction, test_fraction)
    return _parts(num_rows, validation, test, horizon)


def _borders(number: int, validation: float, test: float) -> tuple[int, int]:
    """First of `number` slots in the validation part and in the test part."""
    return (
        int(number * (1 - test - validation) + 1e-9),
        int(number * (1 - test) + 1e-9),
    )


def _parts(num_rows: int, validation: int, test: int, horizon: int) -> Split:
    """The split from the first rows of validation and test part; `num_rows`: there is none."""
    train = num_rows if validation == num_rows else max(0, validation - horizon)
    return Split(
        train=range(train),
        validation=range(validation, max(validation, test - horizon)),
        test=range(test, max(test, num_rows - horizon)),
    )


def _groups(dataset: Dataset, rule: SplitRule) -> Iterable[list[int]]:
    """Positions of the series that share their dates, without those held out."""
    held_out = frozenset(rule.held_out)
    groups: dict[str, list[int]] = {}
    for k, one in enumerate(dataset.series):
        if one.name not in held_out:
            groups.setdefault(one.name if rule.by == "series" else "", []).append(k)
    return groups.values()


def _starts(
    series: Sequence[Series], period_us: float, rule: SplitRule
) -> tuple[int, int]:
    """Times at which the shares of the covered slots are reached."""
    times = [one.time_us for one in series if one.time_us is not None and len(one)]
    start = np.array([time[0] for time in times])
    first = np.rint((start - start.min()) / period_us).astype(np.int64)
    stop = first + np.array([len(time) for time in times])
    order = np.argsort(first, kind="stable")
    reached = np.maximum.accumulate(stop[order])
    is_new = np.concatenate([[True], first[order][1:] > reached[:-1]])
    block_first = first[order][is_new]
    block_stop = reached[np.append(np.flatnonzero(is_new)[1:] - 1, -1)]
    covered = np.cumsum(block_stop - block_first)

    def time_of(number: int) -> int:
        block = int(np.searchsorted(covered, number, side="right"))
        if block == len(covered):
            return int(max(time[-1] for time in times)) + 1
        slot = int(number - covered[block] + block_stop[block])
        within = int(np.argmax((first <= slot) & (slot < stop)))
        return int(times[within][slot - first[within]])

    validation, test = _borders(int(covered[-1]), rule.validation, rule.test)
    return time_of(validation), time_of(test)


def _check_rule(dataset: Dataset, rule: SplitRule) -> None:
    names = list(dict.fromkeys(one.name for one in dataset.series))
    unknown = [name for name in rule.held_out if name not in names]
    if unknown:
        raise DataError(
            f"{dataset.source}: there is no series '{unknown[0]}' to hold out, expected "
            f"one of {listed(names)}. Name it in --hold-out-series as in the table."
        )
    if len(set(rule.held_out)) == len(names):
        raise DataError(
            f"{dataset.source}: all of its {len(names)} series are held out, and none is "
            "left to train on. Name fewer in --hold-out-series."
        )
    if rule.at_us and any(one.time_us is None for one in dataset.series):
        raise DataError(
            f"{dataset.source}: --split-at needs a time column, and there is none. Name "
            "the column with --time, or give shares with --split."
        )


def _empty_part(
    dataset: Dataset, split: DatasetSplit, name: str, horizon: int, rule: SplitRule
) -> DataError:
    train = 1 - rule.validation - rule.test
    share = {"train": train, "validation": rule.validation, "test": rule.test}[name]
    longest = max(len(one) for one in dataset.series)
    if split.starts_us is not None and (rule.at_us or len(dataset.series) > 1):
        seen = [one.time_us for one in dataset.series if one.time_us is not None]
        validation, test = map(dataset.moment_text, split.starts_us)
        borders = {
            "train": f"before {validation}",
            "validation": f"from {validation} to {test}",
            "test": f"from {test} on",
        }
        first = dataset.moment_text(int(min(time[0] for time in seen)))
        last = dataset.moment_text(int(max(time[-1] for time in seen)))
        what = (
            "Choose other dates with --split-at"
            if rule.at_us
            else "Choose the dates with --split-at, or --split-by series where the series "
            "have unlike calendars"
        )
        return DataError(
            f"{dataset.source}: the {name} part, {borders[name]}, has no row that is "
            f"followed by {horizon} more of its series; the rows lie from {first} to "
            f"{last}. {what}, or give more data or a shorter --horizon."
        )
    needed = int((horizon + 1) / min(train, rule.test, rule.validation)) + 1
    return DataError(
        f"{dataset.source}: the longest series has {longest} rows, too few for horizon "
        f"{horizon}: none is left for the {name} part of {share:.0%}, expected {needed} "
        "or more. Give more data, a shorter --horizon or other shares with --split."
    )


def listed(names: Sequence[str]) -> str:
    """The first few names as text: `'a', 'b' and 12 more`."""
    shown = ", ".join(f"'{name}'" for name in names[:NAMES_SHOWN])
    rest = len(names) - NAMES_SHOWN
    return f"{shown} and {rest:,} more" if rest > 0 else shown


def split_notes(
    dataset: Dataset, split: DatasetSplit, rule: SplitRule
) -> tuple[str, ...]:
    """What a reader of the scores should know about the split of several series."""
    if split.starts_us is None or len(dataset.series) == 1:
        return ()
    validation, test = map(dataset.moment_text, split.starts_us)
    notes = [
        f"Split by date: training before {validation}, validation from there, test from "
        f"{test} on."
    ]
    trained = {
        one.name
        for one, part in zip(dataset.series, split.parts, strict=True)
        if part.train
    }
    late = dict.fromkeys(
        one.name
        for one in dataset.series
        if one.name not in trained and one.name not in rule.held_out
    )
    if late:
        notes.append(
            f"{len(late):,} series without a row to train on, since they begin too late: "
            f"{listed(list(late))}. --split-by series splits each by its own rows."
        )
    return tuple(notes)


def without_constant_features(
    dataset: Dataset, horizon: int, *, are_named: bool, rule: SplitRule | None = None
) -> Dataset:
    """`dataset` without the features that do not vary in the training part.

    Such a feature teaches nothing, and its clip range would freeze it for ever. A constant
    target is left to `prepare`, which refuses it.

    Args:
        horizon: steps to forecast, which sets where the training part ends.
        are_named: whether the caller asked for these features by name.

    Raises:
        DataError: a feature that was asked for by name does not vary, or none
            does, or a part is empty.
    """
    parts = split_dataset(dataset, horizon, rule).parts
    training = np.concatenate(
        [
            series.values[: part.train.stop]
            for series, part in zip(dataset.series, parts, strict=True)
        ]
    )

    def varies(column: NDArray[np.float32]) -> bool:
        seen = column[np.isfinite(column)]
        return len(seen) > 0 and bool(seen.min() < seen.max())

    constant = [
        name
        for k, name in enumerate(dataset.features)
        if name not in dataset.targets and not varies(training[:, k])
    ]
    if not constant:
        return dataset
    if are_named:
        raise DataError(
            f"{dataset.source}: feature '{constant[0]}' does not vary in the training part, "
            f"{len(training):,} rows. Leave it out, or give data in which it does."
        )
    if len(constant) == len(dataset.features):
        raise DataError(
            f"{dataset.source}: none of its features varies in the training part, "
            f"{len(training):,} rows, so there is nothing to learn from. Give data in which "
            "one does, or move the parts with --split."
        )
    kept = [name not in constant for name in dataset.columns]
    return dataclasses.replace(
        dataset,
        columns=tuple(c for c, keep in zip(dataset.columns, kept, strict=True) if keep),
        units=tuple(u for u, keep in zip(dataset.units, kept, strict=True) if keep),
        features=tuple(name for name in dataset.features if name not in constant),
        series=tuple(
            dataclasses.replace(s, values=s.values[:, kept]) for s in dataset.series
        ),
        notes=(
            *dataset.notes,
            *(
                f"Column '{name}' does not vary in the training part and is left out."
                for name in constant
            ),
        ),
    )
