"""`load_dataset`: from tables to series of readings on one time grid."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge.data.series import Dataset, Series
from rnnedge_runtime.errors import DataError
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.rows.changes import counter_name
from rnnedge_runtime.tables.text.cell_text import check_columns, unnamed_error
from rnnedge_runtime.tables.times.column import time_columns
from rnnedge_runtime.tables.times.reading import TimeReading

from .columns import Readings, common_names, read_columns
from .differences import change_names, changes, renamed
from .grid.gridding import Gridded, ReadSeries, grid_series
from .long_form import (
    SEPARATOR,
    check_is_wide,
    pivot_table,
    restart_notes,
    with_joined_column,
)
from .sources.files import read_tables
from .table import Table, rows_of_each, texts
from .times import (
    find_table_times,
    from_first_time,
    joined_cells,
    notes_of,
    table_times,
)
from .units import guess_unit
from .values.resolved import options_of, shared_options, time_options


def load_dataset(
    source: str | Path | Sequence[str | Path] | Any,
    *,
    targets: str | Sequence[str],
    features: Sequence[str] | None = None,
    time: str | None = None,
    series: str | None = None,
    units: Mapping[str, str] | None = None,
    options: TableOptions | None = None,
    is_learned: bool = True,
    clock: str = "",
    max_gap_s: float | None = None,
) -> Dataset:
    """Read tables of sensor readings onto one regular time grid.

    Args:
        source: path of a table (text such as CSV, JSON, Excel, Parquet; text also gzipped),
            a folder of them, a pattern such as `data/*.csv`, a list of these, a data frame
            (polars, pandas, Arrow), a dict of columns, or a list or dict of frames. Every
            file and frame is at least one series.
        targets: columns to forecast.
        features: input columns; all numeric columns, the targets among them, when None.
        time: time column; found by its name or its text when None. Without one, rows are
            one step apart.
        series: column that tells the series of a row apart; several joined by `+`.
        units: unit by column name; the others are read from the names.
        options: what should not be found out of the tables.
        is_learned: whether something is to be learned from them: then a target must be
            named, and columns that were asked for must vary.
        clock: what a time without an offset means where `options` do not say: that of a
            model (`ModelSpec.clock`); "" for UTC, with a note.
        max_gap_s: longest hole that is filled where `options` do not say: that of a model;
            None: 24 periods.

    Returns:
        The readings, and notes about what was found, mended or left out.

    Raises:
        DataError: what a table holds cannot be used; the message names file, column, row.
    """
    options = options or TableOptions()
    targets = tuple(dict.fromkeys([targets] if isinstance(targets, str) else targets))
    if not targets and is_learned:
        raise DataError("load_dataset: no target is named. Name a column to forecast.")
    chosen = tuple(dict.fromkeys(features)) if features is not None else None
    tables = read_tables(source, options)
    if options.pivot is None:
        tables = [renamed(table, options) for table in tables]
    targets = change_names(targets, options)
    chosen = None if chosen is None else change_names(chosen, options)
    if series is None:
        series = tables[0].series
    elif series == time:
        raise DataError(
            f"{tables[0].where}: column '{series}' is named for the series and for the "
            "time. Name two columns."
        )
    tables = [with_joined_column(table, series) for table in tables]
    asked = {*targets, *(chosen or ())}
    timed = _timed(tables, targets, chosen, time, series, options, clock)
    tables = [item.table for item in timed]
    for table in tables:
        for role, wanted in (
            ("target", targets),
            ("feature", chosen or ()),
            ("series", () if series is None else (series,)),
        ):
            check_columns(wanted, table.names, where=table.where, role=role)
    times = [item.reading for item in timed]
    others = {*_parts(series), *(n for one in times if one for n in one.columns)}
    names = chosen if chosen is not None else tuple(common_names(tables, others))
    differences = change_names(options.difference, options)
    readings, notes, decimals = read_columns(
        tables,
        tuple(dict.fromkeys((*names, *targets))),
        asked,
        differences,
        is_learned=is_learned,
    )
    features = tuple(name for name in names if name in readings)
    columns = tuple(dict.fromkeys((*features, *targets)))
    if not columns:
        raise DataError(
            f"{tables[0].where}: no column of readings is left: "
            f"{' '.join(note.removeprefix(f'{tables[0].where}: ') for note in notes)} "
            "Name the columns to use (--feature, --target)."
        )
    gridded = _all_series(
        timed, readings, columns, differences, series, options, max_gap_s
    )
    return Dataset(
        source=str(source) if isinstance(source, str | Path) else tables[0].where,
        columns=columns,
        units=_units(tables, columns, units or {}, options),
        features=features,
        targets=targets,
        series=gridded.series,
        sample_period_s=gridded.sample_period_s,
        notes=(
            *(note for table in tables for note in _notes(table)),
            *notes,
            *notes_of(times),
            *gridded.notes,
        ),
        max_gap_s=gridded.max_gap_s,
        clock=next((one.clock for one in times if one and one.clock), ""),
        has_calendar=all(one.has_calendar for one in times if one),
        found=_found(timed, decimals, time, options),
    )


def _found(
    timed: list[_Timed],
    decimals: Collection[str],
    time: str | None,
    options: TableOptions,
) -> dict[str, Any]:
    """What was found and not given, as keywords, where all tables agree."""
    found = shared_options([{**one.table.found, **one.found} for one in timed], options)
    if time is not None:
        found.pop("time", None)
    elif "time" not in found and "no_time" not in found:
        found = {k: v for k, v in found.items() if not k.startswith(("time_", "tz"))}
    if len(decimals) == 1 and options.decimal is None and timed[0].table.found:
        found["decimal"] = next(iter(decimals))
    return found


@dataclasses.dataclass(frozen=True, eq=False)
class _Timed:
    """A table with its times.

    Attributes:
        table: with one row for each time of each series.
        reading: how its times are read; None without time.
        time_us: `[N]` microseconds since 1970 UTC.
        found: how its times are read, as keywords.
    """

    table: Table
    reading: TimeReading | None
    time_us: NDArray[np.int64] | None
    found: Mapping[str, Any]


def _timed(
    tables: list[Table],
    targets: Sequence[str],
    features: Sequence[str] | None,
    time: str | None,
    series: str | None,
    options: TableOptions,
    clock: str,
) -> list[_Timed]:
    """The tables with their times, long ones as wide ones."""
    asked = {*targets, *(features or ())}
    taken = asked if options.pivot is None else {options.pivot}
    for table in tables:
        names = time_columns(time, table.names) if time is not None else ()
        check_columns(names, table.names, where=table.where, role="time")
    readings = find_table_times(
        tables,
        time=time,
        taken={*taken, *_parts(series)},
        options=options,
        clock=clock,
    )
    found = []
    for table, reading in zip(tables, readings, strict=True):
        if reading is not None:
            table = from_first_time(table, reading)
        columns = [n for n in (options.pivot, series) if n and n in table.names]
        time_us: NDArray[np.int64] | None = None
        notes: list[str] = []
        resolved: Mapping[str, Any] = {"no_time": True}
        if reading is not None:
            cells, groups = joined_cells(table, reading), None
            if columns:
                named = zip(*(texts(table.columns[n]) for n in columns), strict=True)
                groups = list(rows_of_each(named).values())
            time_us, notes = table_times(cells, reading, groups)
            resolved = time_options(reading, cells, time_us, groups)
        elif series is None and options.pivot is None and not options.no_time:
            notes = restart_notes(table)
        table = dataclasses.replace(table, notes=(*table.notes, *notes))
        if options.pivot is not None:
            table, time_us = pivot_table(
                table,
                options.pivot,
                times=reading.columns if reading else (),
                time_us=time_us,
                series=series,
                leader=_leader(targets, features, options),
                takes_every_time=options.resample is not None,
            )
            table = renamed(table, options)
        elif series is None and reading is not None and time_us is not None:
            check_is_wide(table, {*reading.columns, *asked}, time_us)
        found.append(_Timed(table, reading, time_us, resolved))
    return found


def _parts(series: str | None) -> list[str]:
    return [] if series is None else [series, *series.split(SEPARATOR)]


def _leader(
    targets: Sequence[str], features: Sequence[str] | None, options: TableOptions
) -> str | None:
    """The column whose readings make the rows of a pivoted table; None: none is asked for."""
    if not (targets or features):
        return None
    leader = targets[0] if targets else (features or ())[0]
    if features and leader not in features:
        leader = features[0]
    return counter_name(leader, options)


def _notes(table: Table) -> list[str]:
    """The notes on a table, each with its name in front."""
    return [
        note if note.startswith(table.where) else f"{table.where}: {note}"
        for note in table.notes
    ]


def _all_series(
    timed: list[_Timed],
    readings: Readings,
    columns: Sequence[str],
    differences: Collection[str],
    series: str | None,
    options: TableOptions,
    max_gap_s: float | None,
) -> Gridded:
    values = [
        np.stack([readings[name][k] for name in columns], axis=1)
        for k in range(len(timed))
    ]
    groups = [
        (
            k,
            name,
            rows,
            item.table.where + ("" if series is None else f", series '{name}'"),
        )
        for k, item in enumerate(timed)
        for name, rows in _group_rows(item.table, series, has_others=len(timed) > 1)
    ]
    notes = []
    for column in (name for name in differences if name in columns):
        for k, _, rows, where in groups:
            time_us = timed[k].time_us
            j = columns.index(column)
            values[k][rows, j], note = changes(
                values[k][rows, j],
                None if time_us is None else time_us[rows],
                where=where,
                column=column,
            )
            notes += note
    float32 = [part.astype(np.float32) for part in values]
    if timed[0].reading is None:
        where = timed[0].table.where
        return Gridded(
            tuple(
                Series(name, None, float32[k][rows], np.ones(len(rows), dtype=np.bool_))
                for k, name, rows, _ in groups
            ),
            None,
            None,
            (*notes, f"{where}: no time column, so rows are taken one step apart."),
        )
    read = []
    for k, name, rows, where in groups:
        time_us = timed[k].time_us
        assert time_us is not None
        read.append(ReadSeries(where, rows + 1, time_us[rows], name, float32[k][rows]))
    del values, float32
    gridded = grid_series(read, options, max_gap_s)
    return dataclasses.replace(gridded, notes=(*notes, *gridded.notes))


def _group_rows(
    table: Table, series: str | None, *, has_others: bool
) -> list[tuple[str, NDArray[np.int64]]]:
    """Name and row positions of the series in a table, in order of appearance."""
    if series is None:
        return [(table.stem, np.arange(table.num_rows))]
    rows_of = rows_of_each(texts(table.columns[series]))
    if "" in rows_of:
        row = int(rows_of[""][0]) + 1
        raise unnamed_error(where=table.where, role="series", column=series, row=row)
    return [
        (f"{table.stem}/{cell}" if has_others else cell, rows)
        for cell, rows in rows_of.items()
    ]


def _units(
    tables: list[Table],
    columns: Sequence[str],
    given: Mapping[str, str],
    options: TableOptions,
) -> tuple[str, ...]:
    check_columns(given, columns, where="load_dataset", role="unit")
    return tuple(
        given[name]
        if name in given
        else guess_unit(counter_name(name, options)) or tables[0].units.get(name, "")
        for name in columns
    )


def load_recorded(recorded: Mapping[str, Any], source: Any = None) -> Dataset:
    """The dataset that a run's config records, read again (`load_dataset`).

    Args:
        recorded: section `data` of the config.
        source: the data where it is not there any more, or was a data frame.
    """
    return load_dataset(
        recorded["source"] if source is None else source,
        targets=tuple(recorded["targets"]),
        features=tuple(recorded["features"]),
        time=recorded.get("time"),
        series=recorded.get("series"),
        units=recorded.get("units"),
        options=options_of(recorded),
    )
