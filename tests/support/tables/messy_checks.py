"""What a careful person reads in a messy table, and that training and device read it."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnedge.cli.loading import open_lines
from rnnedge.data import load_dataset
from rnnedge.data.series import Dataset
from rnnedge.data.tables.loading import load_recorded
from rnnedge.data.tables.values.resolved import option_fields
from rnnedge_runtime.errors import DataError
from rnnedge_runtime.spec.layers import Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.rows.reading import read_rows

HOUR = 3600.0


@dataclass(frozen=True)
class Case:
    """One file and what is in it.

    Attributes:
        name: of the file.
        values: the first two readings of each feature, in their order.
        target: to forecast.
        period: seconds between rows; None without time.
        rows: that the table holds, without missing ones put in.
        first: time of the first row, ISO 8601 in UTC; None without time.
        last: time of the last row.
        options: with which it is read.
        series: column that names the series; the first one is looked at.
        refused: what the error without the options names, where it must be refused.
        notes: parts of what must be said, in any order.
        missing: positions of missing cells of the target, a few.
        is_streamed: a device can read it too, row by row.
    """

    name: str
    values: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    target: str = "temp"
    period: float | None = HOUR
    rows: int = 360
    first: str | None = "2024-01-01T00:00:00"
    last: str | None = "2024-01-15T23:00:00"
    options: TableOptions = field(default_factory=TableOptions)
    series: str | None = None
    refused: str = ""
    notes: tuple[str, ...] = ()
    missing: tuple[int, ...] = ()
    is_streamed: bool = True


def load(case: Case, folder: Path) -> Dataset:
    return _load(
        folder / case.name, case.target, series=case.series, options=case.options
    )


@functools.cache
def _load(
    path: Path, target: str, *, series: str | None, options: TableOptions
) -> Dataset:
    return load_dataset(path, targets=target, series=series, options=options)


def check_refused(case: Case, folder: Path) -> None:
    """Without its options the file is refused, and the error names what mends it."""
    with pytest.raises(DataError, match=re.escape(case.refused)):
        load_dataset(folder / case.name, targets=case.target)


def check_read(case: Case, folder: Path) -> None:
    """Period, number of rows, first and last time and first values are as they should."""
    dataset = load(case, folder)
    assert dataset.features == tuple(case.values)
    assert (dataset.sample_period_s or 0) == pytest.approx(case.period or 0, rel=1e-6)
    name = dataset.series[0].name
    stretches = [one for one in dataset.series if one.name == name]
    assert sum(int(one.is_reading.sum()) for one in stretches) == case.rows
    first, last = stretches[0].time_us, stretches[-1].time_us
    if case.first is None:
        assert first is None
    else:
        assert first is not None
        assert last is not None
        assert first[0] == _us(case.first)
        assert last[-1] == _us(case.last)
    expected = np.array(list(case.values.values()), dtype=np.float32).T
    values = stretches[0].values
    assert np.array_equal(values[:2], expected, equal_nan=True), values[:2]
    assert np.isnan(
        values[list(case.missing), dataset.columns.index(case.target)]
    ).all()
    said = "\n".join(dataset.notes)
    for note in case.notes:
        assert note in said


def _us(text: str | None) -> np.int64:
    return np.datetime64(text, "us").astype(np.int64)


def stream(case: Case, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Times and readings of all rows as a device reads them."""
    spec = ModelSpec(
        features=tuple(Feature(name) for name in case.values),
        targets=(Target(case.target),),
        layers=(Linear(len(case.values), 1),),
        sample_period_s=case.period,
    )
    path = str(folder / case.name)
    with open_lines(path, case.options) as lines:
        reader = read_rows(
            lines, spec, where=path, series=case.series, options=case.options
        )
        rows = list(reader.rows)
    rows = [row for row in rows if row.series == rows[0].series]
    times = np.array([-1 if row.time_us is None else row.time_us for row in rows])
    return times, np.array([row.readings for row in rows])


def check_streamed(case: Case, folder: Path) -> None:
    """A device reads the same rows."""
    times, readings = stream(case, folder)
    dataset = load(case, folder)
    name = dataset.series[0].name
    stretches = [one for one in dataset.series if one.name == name]
    kept = np.concatenate([one.values[one.is_reading] for one in stretches])
    columns = [dataset.columns.index(name) for name in case.values]
    assert np.array_equal(readings, kept[:, columns], equal_nan=True)
    if case.first is not None:
        assert all(one.time_us is not None for one in stretches)
        slots: Any = [one.time_us[one.is_reading] for one in stretches]  # type: ignore[index]
        assert np.array_equal(times, np.concatenate(slots))


def check_reads_again(case: Case, folder: Path) -> None:
    """What was found, given as options, is another way to say the same."""
    dataset = load(case, folder)
    recorded = {
        "source": str(folder / case.name),
        "targets": [case.target],
        "features": list(dataset.features),
        "series": case.series,
        **option_fields(case.options),
        **dataset.found,
    }
    again = load_recorded(recorded)
    assert again.columns == dataset.columns
    assert again.units == dataset.units
    assert again.clock == dataset.clock
    assert again.sample_period_s == dataset.sample_period_s
    assert again.has_calendar == dataset.has_calendar
    assert len(again.series) == len(dataset.series)
    for one, other in zip(again.series, dataset.series, strict=True):
        assert np.array_equal(one.values, other.values, equal_nan=True)
        assert np.array_equal(one.is_reading, other.is_reading)
        assert (one.time_us is None) == (other.time_us is None)
        if one.time_us is not None:
            assert np.array_equal(one.time_us, other.time_us)
    assert not again.found
