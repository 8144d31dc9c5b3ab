"""Readings on a regular time grid, from tables.

`load_dataset` (loading.py) reads tables (table.py), finds the columns, puts every series
on one grid (timeline.py) and names units (units.py); what comes out is a `Dataset`
(series.py).
"""

from .loading import load_dataset
from .series import Dataset, Series

__all__ = ["Dataset", "Series", "load_dataset"]
