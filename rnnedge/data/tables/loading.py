"""`load_dataset`: from tables to series of readings on one time grid."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnedge.data.series import Dataset, Series
from rnnedge_runtime.errors import DataError
from rnnedge_runtime.tables.cell_text import check_columns, text_error
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.time_column import time_columns
from rnnedge_runtime.tables.time_reading import TimeReading

from .table import Numbers, Table, numbers, read_table, table_from_frame, texts
from .timeline import SeriesRows, check_order, find_period, place
from .times import find_table_times, just_counts, notes_of, table_times
from .units import guess_unit


def load_dataset(
    source: str | Path | Sequence[str | Path] | Any,
    *,
    targets: str | Sequence[str],
    features: Sequence[str] | None = None,
    time: str | None = None,
    series: str | None = None,
    units: Mapping[str, str] | None = None,
    options: TableOptions | None = None,
) -> Dataset:
    """Read tables of sensor readings onto one regular time grid.

    Args:
        source: path of a CSV (also gzipped) or Parquet file, a pattern such as
            `data/*.csv`, a list of these, a polars or pandas data frame, or a dict of
            columns. Every file is at least one series.
        targets: columns to forecast.
        features: input columns; all numeric columns, the targets among them, when None.
        time: time column; found by its name or its text when None. Without one, rows are
            one step apart.
        series: column that tells the series of a row apart.
        units: unit by column name; the others are read from the names.
        options: what else is to be said of the tables.

    Returns:
        The readings, and notes about what was mended or left out.

    Raises:
        DataError: what a table holds cannot be used; the message names file, column, row.
    """
    tables = _read_tables(source)
    targets = tuple(dict.fromkeys([targets] if isinstance(targets, str) else targets))
    if not targets:
        raise DataError("load_dataset: no target is named. Name a column to forecast.")
    chosen = tuple(dict.fromkeys(features)) if features is not None else None
    for table in tables:
        _check_asked(table, targets, chosen, series, time)
    taken = {*targets, *(chosen or ()), *([series] if series else [])}
    reading_of = find_table_times(tables, time=time, taken=taken, options=options)
    others = {series, *(name for one in reading_of if one for name in one.columns)}
    names = chosen if chosen is not None else _common_names(tables, others)
    asked = {*targets, *(chosen or ())}
    readings, notes = _readings(tables, tuple(dict.fromkeys((*names, *targets))), asked)
    features = tuple(name for name in names if name in readings)
    columns = tuple(dict.fromkeys((*features, *targets)))
    all_series, period_s, mended = _all_series(
        tables, readings, columns, reading_of, series
    )
    return Dataset(
        source=str(source) if isinstance(source, str | Path) else tables[0].where,
        columns=columns,
        units=_units(columns, units or {}),
        features=features,
        targets=targets,
        series=tuple(all_series),
        sample_period_s=period_s,
        notes=(*notes, *notes_of(reading_of), *mended),
        clock=next((one.clock for one in reading_of if one and one.clock), ""),
        has_calendar=all(one.has_calendar for one in reading_of if one),
    )


def _read_tables(source: Any) -> list[Table]:
    if isinstance(source, str | Path):
        source = [source]
    if isinstance(source, list | tuple) and all(
        isinstance(item, str | Path) for item in source
    ):
        return [read_table(path) for item in source for path in _paths(item)]
    return [table_from_frame(source)]


def _paths(item: str | Path) -> list[Path]:
    path = Path(item).expanduser()
    if path.exists() or not glob.has_magic(str(path)):
        return [path]
    anchor = Path(path.anchor)
    found = sorted(anchor.glob(str(path.relative_to(anchor))))
    if not found:
        raise DataError(
            f"{item}: no file matches this pattern. Check the folder and the ending."
        )
    return found


def _check_asked(
    table: Table,
    targets: Sequence[str],
    features: Sequence[str] | None,
    series: str | None,
    time: str | None,
) -> None:
    asked = {
        "target": targets,
        "feature": features or (),
        "series": [series] if series is not None else [],
        "time": time_columns(time, table.names) if time is not None else [],
    }
    for role, names in asked.items():
        check_columns(names, table.names, where=table.where, role=role)


def _common_names(tables: list[Table], others: set[str | None]) -> tuple[str, ...]:
    return tuple(
        name
        for name in tables[0].names
        if name and name not in others and all(name in table.names for table in tables)
    )


def _readings(
    tables: list[Table], names: Sequence[str], asked: set[str]
) -> tuple[dict[str, list[NDArray[np.float32]]], list[str]]:
    """Numbers of the usable columns by name, one array per table; notes on the others."""
    readings = {}
    notes = []
    for name in names:
        parts = [numbers(table.columns[name]) for table in tables]
        for table, part in zip(tables, parts, strict=True):
            if part.first_text and (name in asked or _is_mostly_numbers(parts)):
                row, text = part.first_text
                raise text_error(where=table.where, column=name, text=text, row=row)
        fault = _fault(parts)
        if name not in asked and just_counts(tables[0].columns[name]):
            notes.append(
                f"{tables[0].where}: column '{name}' is left out, it just counts from row "
                "to row. Name it as a feature if it is a reading."
            )
        elif fault is None:
            readings[name] = [part.values for part in parts]
        elif name in asked:
            raise DataError(
                f"{tables[0].where}: column '{name}' {fault}, so there is nothing to learn "
                "from it. Leave it out, or give a table in which it varies."
            )
        else:
            notes.append(f"{tables[0].where}: column '{name}' is left out, it {fault}.")
    common = _common_names(tables, set())
    for table in tables:
        extra = [name for name in table.names if name and name not in common]
        if extra:
            notes.append(
                f"{table.where}: column{'s' if len(extra) > 1 else ''} "
                f"{', '.join(extra)} left out, another table has no such column."
            )
    return readings, notes


def _is_mostly_numbers(parts: Iterable[Numbers]) -> bool:
    parts = list(parts)
    num_numbers = sum(int(np.isfinite(part.values).sum()) for part in parts)
    return num_numbers > sum(part.num_texts for part in parts)


def _fault(parts: list[Numbers]) -> str | None:
    for part in parts:
        if part.first_text:
            row, text = part.first_text
            return f"holds text ('{text}' in row {row})"
    values = np.concatenate([part.values for part in parts])
    present = values[np.isfinite(values)]
    if not len(present):
        return f"is empty in all {len(values):,} rows"
    if present.min() == present.max():
        return f"is {present[0]:g} in all {len(values):,} rows"
    return None


def _all_series(
    tables: list[Table],
    readings: dict[str, list[NDArray[np.float32]]],
    columns: Sequence[str],
    time_of: list[TimeReading | None],
    series: str | None,
) -> tuple[list[Series], float | None, list[str]]:
    values = [
        np.stack([readings[name][k] for name in columns], axis=1)
        for k in range(len(tables))
    ]
    groups = [
        (k, name, rows)
        for k, table in enumerate(tables)
        for name, rows in _group_rows(table, series, has_others=len(tables) > 1)
    ]
    if time_of[0] is None:
        return (
            [
                Series(name, None, values[k][rows], np.ones(len(rows), dtype=np.bool_))
                for k, name, rows in groups
            ],
            None,
            [f"{tables[0].where}: no time column, so rows are taken one step apart."],
        )
    read = [
        table_times(table, reading, [rows for n, _, rows in groups if n == k])
        for k, (table, reading) in enumerate(zip(tables, time_of, strict=True))
        if reading is not None
    ]
    times = [time_us for time_us, _ in read]
    rows_of = [
        SeriesRows(_where(tables[k], name, series), rows + 1, times[k][rows])
        for k, name, rows in groups
    ]
    for item in rows_of:
        check_order(item)
    period_s = find_period(rows_of)
    placed = [place(item, period_s or 1.0) for item in rows_of]
    built = []
    for (k, name, rows), spot in zip(groups, placed, strict=True):
        grid = np.full((len(spot.time_us), len(columns)), np.nan, dtype=np.float32)
        grid[spot.slots] = values[k][rows[spot.kept]]
        is_reading = np.zeros(len(spot.time_us), dtype=np.bool_)
        is_reading[spot.slots] = True
        built.append(Series(name, spot.time_us, grid, is_reading))
    notes = [note for _, said in read for note in said]
    return built, period_s, [*notes, *(note for spot in placed for note in spot.notes)]


def _where(table: Table, name: str, series: str | None) -> str:
    return table.where if series is None else f"{table.where}, series '{name}'"


def _group_rows(
    table: Table, series: str | None, *, has_others: bool
) -> list[tuple[str, NDArray[np.int64]]]:
    """Name and row positions of the series in a table, in order of appearance."""
    if series is None:
        return [(table.stem, np.arange(table.num_rows))]
    cells = texts(table.columns[series])
    positions: dict[str, list[int]] = {}
    for k, cell in enumerate(cells):
        if not cell:
            raise DataError(
                f"{table.where}: series column '{series}' is empty in row {k + 1}. "
                "Name the series of every row."
            )
        name = f"{table.stem}/{cell}" if has_others else cell
        positions.setdefault(name, []).append(k)
    return [(name, np.array(rows)) for name, rows in positions.items()]


def _units(columns: Sequence[str], given: Mapping[str, str]) -> tuple[str, ...]:
    check_columns(given, columns, where="load_dataset", role="unit")
    return tuple(given.get(name, guess_unit(name)) for name in columns)


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
    )
