"""pandas frames as columns, index included; pandas itself is not imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .cells import pandas_column

if TYPE_CHECKING:
    import polars as pl


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
