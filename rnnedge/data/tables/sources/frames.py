"""Data frames and columns in memory as tables: polars, pandas, Arrow, dicts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rnnedge_runtime.errors import DataError, require
from rnnedge_runtime.tables.options import TableOptions
from rnnedge_runtime.tables.text.number_rules import table_rules

from ..table import Table, with_rows
from ..values.cells import column_of, pandas_columns

if TYPE_CHECKING:
    import polars as pl


def is_frame(value: Any) -> bool:
    """Whether a value is a data frame or series of any library."""
    return _library(value) in ("pandas", "polars", "pyarrow", "narwhals") or hasattr(
        value, "__arrow_c_stream__"
    )


def tables_of_frames(source: Any, options: TableOptions) -> list[Table]:
    """Tables of a data frame, a dict of columns, or a list or dict of frames.

    Raises:
        DataError: it is none of these, or a table has no rows.
    """
    named: dict[tuple[str, str], Any] = {("table", ""): source}
    if isinstance(source, Mapping) and source and all(map(is_frame, source.values())):
        if not _is_series(next(iter(source.values()))):
            named = {(f"table '{k}'", str(k)): frame for k, frame in source.items()}
    elif isinstance(source, list | tuple) and source and all(map(is_frame, source)):
        named = {(f"table {k}", str(k)): frame for k, frame in enumerate(source, 1)}
    tables = [
        _table(frame, where=where, stem=stem) for (where, stem), frame in named.items()
    ]
    return [
        dataclasses.replace(
            table, rules=table_rules(options, table.names, where=table.where)
        )
        for table in tables
    ]


def _table(source: Any, *, where: str, stem: str) -> Table:
    library = _library(source)
    if library == "narwhals":
        source = source.to_native()
        library = _library(source)
    if library == "pandas":
        names, columns, notes, series = pandas_columns(source, where=where)
        return _checked(names, columns, where, stem, notes, series)
    if library == "polars":
        frame = source.collect() if hasattr(source, "collect") else source
        columns = frame.get_columns() if hasattr(frame, "get_columns") else [frame]
        return _of_series(columns, where, stem)
    if isinstance(source, Mapping):
        names = [str(name) for name in source]
        columns = [
            column_of(str(name), column, where=where) for name, column in source.items()
        ]
        return _checked(names, columns, where, stem)
    if hasattr(source, "__arrow_c_stream__") or library == "pyarrow":
        return _of_arrow(source, where, stem)
    narwhals = require("narwhals", extra="train", purpose="Reading a data frame")
    frame = narwhals.from_native(source, pass_through=True)
    if isinstance(frame, narwhals.DataFrame | narwhals.LazyFrame):
        try:
            if isinstance(frame, narwhals.LazyFrame):
                frame = frame.collect(backend="polars")
            columns = frame.to_polars().get_columns()
        except Exception as error:
            raise _not_converted(source, error, where) from None
        return _of_series(columns, where, stem)
    raise DataError(
        f"{where}: a {type(source).__name__} is not a table. Give the path of a file, a "
        "list of paths, a data frame (polars, pandas, Arrow), a dict of columns, or a "
        "list or dict of frames."
    )


def _of_series(columns: Iterable[pl.Series], where: str, stem: str) -> Table:
    columns = [part for column in columns for part in _plain(column)]
    return _checked([column.name for column in columns], columns, where, stem)


def _plain(column: pl.Series) -> list[pl.Series]:
    """Records as a column a field, durations in seconds."""
    polars = require("polars", extra="train", purpose="Reading a data frame")
    if isinstance(column.dtype, polars.Struct):
        fields = column.struct.unnest().get_columns()
        return [
            part
            for field in fields
            for part in _plain(field.alias(f"{column.name}.{field.name}"))
        ]
    if isinstance(column.dtype, polars.Duration):
        return [column.dt.total_microseconds().cast(polars.Float64) / 1e6]
    if column.dtype == polars.Object:
        return [column_of(column.name, column.to_list(), where="table")]
    return [column]


def _of_arrow(source: Any, where: str, stem: str) -> Table:
    polars = require("polars", extra="train", purpose="Reading a data frame")
    names = [str(name) for name in getattr(source, "column_names", ())]
    _check_names(names, where)
    try:
        frame = polars.DataFrame(source)
    except Exception as error:
        raise _not_converted(source, error, where) from None
    return _of_series(frame.get_columns(), where, stem)


def _checked(
    names: Sequence[str],
    columns: Sequence[pl.Series],
    where: str,
    stem: str,
    notes: Sequence[str] = (),
    series: str | None = None,
) -> Table:
    _check_names(names, where)
    for name, column in zip(names, columns, strict=True):
        if len(column) != len(columns[0]):
            raise DataError(
                f"{where}: column '{name}' has {len(column):,} cells, expected "
                f"{len(columns[0]):,} as in '{names[0]}'. Give columns of one length."
            )
    table = dict(zip(names, columns, strict=True))
    return with_rows(Table(where, stem, table, notes=tuple(notes), series=series))


def _check_names(names: Sequence[str], where: str) -> None:
    places: dict[str, int] = {}
    for k, name in enumerate(names):
        if name in places:
            raise DataError(
                f"{where}: columns {places[name] + 1} and {k + 1} are both named "
                f"'{name}'. Rename one of them."
            )
        places[name] = k


def _not_converted(source: Any, error: Exception, where: str) -> DataError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return DataError(
        f"{where}: the {type(source).__module__}.{type(source).__name__} cannot be read: "
        f"{reason}. Give it as a polars or pandas data frame."
    )


def _library(value: Any) -> str:
    return type(value).__module__.split(".")[0]


def _is_series(value: Any) -> bool:
    return type(value).__name__ in ("Series", "ChunkedArray", "Array", "Index")
