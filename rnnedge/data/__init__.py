"""Readings on a regular time grid, from tables.

`tables/` reads tables, finds their columns and puts every series on one grid; what comes
out is a `Dataset` (series.py).
"""

from .series import Dataset, Series
from .tables.loading import load_dataset

__all__ = ["Dataset", "Series", "load_dataset"]
