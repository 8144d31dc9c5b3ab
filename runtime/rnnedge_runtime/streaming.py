"""Row streams, under the name they had before `live`."""

from __future__ import annotations

from .live.row_stream import RowStream

__all__ = ["RowStream"]
