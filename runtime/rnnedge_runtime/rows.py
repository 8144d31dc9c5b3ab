"""The rows of a table, under the name they had before `tables`."""

from __future__ import annotations

from .tables.rows.reading import read_rows

__all__ = ["read_rows"]
