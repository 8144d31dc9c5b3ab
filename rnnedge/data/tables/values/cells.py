"""Columns in memory: Python values, arrays, pandas frames; pandas itself is not imported."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from numbers import Number
from typing import TYPE_CHECKING, Any

import numpy as np

from rnnedge_runtime.errors import DataError, require

if TYPE_CHECKING:
    import polars as pl


def column_of(name: str, column: Any, *, where: str) -> pl.Series:
    """A polars Series of a column of any library, or of a list of Python values.

    Numbers stay numbers, times become ISO 8601 text, durations seconds; None, NaN, NaT and
    NA are missing; anything else is its text.

    Raises:
        DataError: it is one value, not a column.
    """
    polars = require("polars", extra="train", purpose="Reading a data frame")
    if isinstance(column, polars.Series):
        return column.alias(name)
    if type(column).__module__.startswith("pandas"):
        return pandas_column(name, column)
    if isinstance(column, np.ndarray) and column.dtype.kind in "biufM":
        if column.ndim != 1:
            raise DataError(
                f"{where}: column '{name}' has the shape {list(column.shape)}, expected "
                "one value a row. Give each of its columns a name."
            )
        return _of_array(name, column)
    if isinstance(column, str | bytes) or not hasattr(column, "__iter__"):
        raise DataError(
            f"{where}: column '{name}' is one {type(column).__name__}, expected a list "
            "of values. Give one value a row."
        )
    return of_cells(name, list(column))


def _of_array(name: str, column: np.ndarray) -> pl.Series:
    polars = require("polars", extra="train", purpose="Reading a data frame")
    if column.dtype.kind == "M":
        return polars.Series(name, column.astype("datetime64[us]"))
    if column.dtype.kind == "f":
        return polars.Series(name, column.astype(np.float64), nan_to_null=True)
    return polars.Series(name, column)


def pandas_column(name: str, column: Any) -> pl.Series:
    """One pandas Series or array of any dtype (`column_of`)."""
    polars = require("polars", extra="train", purpose="Reading a data frame")
    dtype = column.dtype
    kind = type(dtype).__name__
    if kind == "SparseDtype":
        column = column.sparse.to_dense() if hasattr(column, "sparse") else column
        dtype, kind = column.dtype, type(column.dtype).__name__
    if kind == "PeriodDtype":
        column = column.dt.to_timestamp()
        dtype, kind = column.dtype, type(column.dtype).__name__
    if kind == "ArrowDtype" and "timestamp" in str(dtype):
        return of_cells(name, list(column))
    if dtype.kind == "M":
        if getattr(dtype, "tz", None) is not None:
            naive = column.dt.tz_convert("UTC").dt.tz_localize(None)
            times = polars.Series(name, naive.to_numpy("datetime64[us]"))
            return times.dt.replace_time_zone("UTC")
        return polars.Series(name, column.to_numpy("datetime64[us]"))
    if dtype.kind == "m" and kind != "ArrowDtype":
        seconds = column.dt.total_seconds().to_numpy()
        return polars.Series(name, seconds, nan_to_null=True)
    if kind != "CategoricalDtype" and dtype.kind in "biuf":
        is_missing = column.isna().to_numpy()
        if dtype.kind == "f":
            values = column.to_numpy(dtype=np.float64, na_value=np.nan)
            return polars.Series(name, values, nan_to_null=True)
        if not is_missing.any():
            target = {"b": np.bool_, "i": np.int64, "u": np.uint64}[dtype.kind]
            return polars.Series(name, column.to_numpy(dtype=target))
    return of_cells(name, column.tolist())


def pandas_columns(
    frame: Any, *, where: str
) -> tuple[list[str], list[pl.Series], list[str], str | None]:
    """Names and columns of a frame or Series, the levels of its index first.

    A named index, or one of times, is a column. Of several levels, those that hold no times
    tell the series of a row apart.

    Returns:
        Names, columns, notes, and the series column.
    """
    if not hasattr(frame, "columns"):
        name = "value" if frame.name is None else frame.name
        frame = frame.to_frame(name)
    names: list[str] = []
    columns: list[pl.Series] = []
    notes = []
    index = frame.index
    others = []
    for level in range(index.nlevels):
        values = index.get_level_values(level)
        is_time = _is_time(values)
        name = index.names[level]
        if name is None and index.nlevels == 1 and not is_time:
            if not _counts_rows(values):
                notes.append(
                    f"{where}: the index has no name and is left out; name it "
                    "(frame.index.name) to have it as a column."
                )
            continue
        text = (
            str(name) if name is not None else ("time" if is_time else f"level_{level}")
        )
        if not is_time:
            others.append(text)
        names.append(text)
        columns.append(pandas_column(text, values.to_series()))
    series = "+".join(others) if index.nlevels > 1 and others else None
    if series is not None and len(others) == index.nlevels:
        series = None
    if series is not None:
        notes.append(
            f"{where}: the index level{'s' if len(others) > 1 else ''} "
            f"{', '.join(others)} tell{'' if len(others) > 1 else 's'} the series of a "
            "row apart."
        )
    for position, label in enumerate(frame.columns):
        text = "_".join(map(str, label)) if isinstance(label, tuple) else str(label)
        names.append(text)
        columns.append(pandas_column(text, frame.iloc[:, position]))
    return names, columns, notes, series


def _is_time(values: Any) -> bool:
    kind = type(values.dtype).__name__
    return (
        values.dtype.kind == "M"
        or kind == "PeriodDtype"
        or (kind == "ArrowDtype" and "timestamp" in str(values.dtype))
    )


def _counts_rows(values: Any) -> bool:
    """Whether an index holds row numbers, perhaps of a larger frame or in another order."""
    if not len(values):
        return True
    if values.dtype.kind not in "iu":
        return False
    return bool(np.asarray(values).max() < max(1_000_000, 10 * len(values)))


def of_cells(name: str, cells: Sequence[Any]) -> pl.Series:
    """A polars Series of Python values (`column_of`)."""
    polars = require("polars", extra="train", purpose="Reading a data frame")
    values = [None if is_missing(cell) else cell for cell in cells]
    kinds = {type(value) for value in values} - {type(None)}
    if kinds and all(issubclass(kind, bool | np.bool_) for kind in kinds):
        flags = [None if v is None else bool(v) for v in values]
        return polars.Series(name, flags, dtype=polars.Boolean)
    if kinds and all(issubclass(kind, int | np.integer) for kind in kinds):
        whole = [None if v is None else int(v) for v in values]
        if all(v is None or abs(v) < 2**63 for v in whole):
            return polars.Series(name, whole, dtype=polars.Int64)
    if all(issubclass(kind, Number | Decimal | np.bool_) for kind in kinds) and not any(
        issubclass(kind, complex | np.complexfloating) for kind in kinds
    ):
        numbers = [None if v is None else _float(v) for v in values]
        return polars.Series(name, numbers, dtype=polars.Float64)
    if kinds and all(issubclass(kind, timedelta | np.timedelta64) for kind in kinds):
        seconds = [None if v is None else _seconds(v) for v in values]
        return polars.Series(name, seconds, dtype=polars.Float64)
    texts = [None if v is None else _text(v) for v in values]
    return polars.Series(name, texts, dtype=polars.String)


def is_missing(cell: Any) -> bool:
    """Whether a value stands for a missing one: None, NaN, NaT, NA."""
    if cell is None:
        return True
    if isinstance(cell, float | np.floating):
        return bool(np.isnan(cell))
    if isinstance(cell, Decimal):
        return cell.is_nan()
    if isinstance(cell, np.datetime64 | np.timedelta64):
        return bool(np.isnat(cell))
    return type(cell).__name__ in ("NAType", "NaTType")


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _seconds(value: Any) -> float:
    if isinstance(value, np.timedelta64):
        return float(value / np.timedelta64(1, "us")) / 1e6
    return float(value.total_seconds())


def _text(value: Any) -> str:
    if isinstance(value, np.datetime64):
        return str(value.astype("datetime64[us]"))
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value)
