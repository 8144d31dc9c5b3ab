"""Parquet files as tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rnnedge_runtime.errors import require

from .text import unreadable

if TYPE_CHECKING:
    import polars as pl


def read_parquet(path: Path) -> dict[str, pl.Series]:
    """Columns of a Parquet file, fields of records as columns of their own.

    Raises:
        DataError: the file cannot be read.
    """
    polars = require("polars", extra="train", purpose="Reading Parquet")
    try:
        frame = polars.read_parquet(path)
    except (OSError, polars.exceptions.PolarsError) as error:
        raise unreadable(path, error) from None
    return {series.name: series for series in frame.get_columns()}
