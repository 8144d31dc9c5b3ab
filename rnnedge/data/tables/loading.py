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
from rnnedge_runtime.tables.cell_text import check_columns
from rnnedge_runtime.tables.timestamps import find_time_column, time_or_error

from .table import Numbers, Table, read_table, table_from_frame, texts
from .timeline import SeriesRows, check_order, find_period, place
from .units import guess_unit


def load_dataset(
    source: str | Path | Sequence[str | Path] | Any,
    *,
    targets: str | Sequence[str],
    features: Sequence[str] | None = None,
    time: str | None = None,
    series: str | None = None,
    units: Mapping[str, str] | None = None,
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
    time_columns = _time_columns(tables, time, taken)
    others = {series, *time_columns}
    names = chosen if chosen is not None else _common_names(tables, others)
    asked = {*targets, *(chosen or ())}
    readings, notes = _readings(tables, tuple(dict.fromkeys((*names, *targets))), asked)
    features = tuple(name for name in names if name in readings)
    columns = tuple(dict.fromkeys((*features, *targets)))
    all_series, period_s, mended = _all_series(
        tables, readings, columns, time_columns, series
    )
    return Dataset(
        source=str(source) if isinstance(source, str | Path) else tables[0].where,
        columns=columns,
        units=_units(columns, units or {}),
        features=features,
        targets=targets,
        series=tuple(all_series),
        sample_period_s=period_s,
        notes=(*notes, *mended),
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
        "time": [time] if time is not None else [],
    }
    for role, names in asked.items():
        check_columns(names, table.names, where=table.where, role=role)


def _time_columns(
    tables: list[Table], time: str | None, taken: set[str]
) -> list[str | None]:
    found = [
        find_time_column(
            table.names,
            [texts(column.head(1))[0] for column in table.columns.values()],
            where=table.where,
            taken=taken,
        )
        if time is None
        else time
        for table in tables
    ]
    if None in found and any(found):
        without = tables[found.index(None)].where
        raise DataError(
            f"{without}: no time column is found, but the other tables have one. "
            "Name it (--time), or leave this table out."
        )
    return found


def _common_names(tables: list[Table], others: set[str | None]) -> tuple[str, ...]:
    return tuple(
        name
        for name in tables[0].names
        if name and name not in others and all(name in table.names for table in tables)
    )


def _readings(
    tables: list[Table], names: Sequence[str], asked: set[str]
) -> tuple[dict[str, list[NDArray[np.float64]]], list[str]]:
    """Numbers of the usable columns by name, one array per table; notes on the others."""
    readings = {}
    notes = []
    for name in names:
        parts = [table.numbers(name) for table in tables]
        for table, part in zip(tables, parts, strict=True):
            if part.first_text and (name in asked or _is_mostly_numbers(parts)):
                raise part.error(where=table.where, column=name)
        fault = _fault(parts)
        if fault is None:
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
    readings: dict[str, list[NDArray[np.float64]]],
    columns: Sequence[str],
    time_columns: list[str | None],
    series: str | None,
) -> tuple[list[Series], float | None, list[str]]:
    values = [
        np.stack([readings[name][k] for name in columns], axis=1).astype(np.float32)
        for k in range(len(tables))
    ]
    groups = [
        (k, name, rows)
        for k, table in enumerate(tables)
        for name, rows in _group_rows(table, series, has_others=len(tables) > 1)
    ]
    if time_columns[0] is None:
        return (
            [
                Series(name, None, values[k][rows], np.ones(len(rows), dtype=np.bool_))
                for k, name, rows in groups
            ],
            None,
            [f"{tables[0].where}: no time column, so rows are taken one step apart."],
        )
    times = [
        _times(table, column)
        for table, column in zip(tables, time_columns, strict=True)
        if column is not None
    ]
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
    return built, period_s, [note for spot in placed for note in spot.notes]


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


def _times(table: Table, column: str) -> NDArray[np.int64]:
    return np.array(
        [
            time_or_error(text, where=table.where, column=column, row=row)
            for row, text in enumerate(texts(table.columns[column]), 1)
        ],
        dtype=np.int64,
    )


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
