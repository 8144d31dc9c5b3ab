"""Rows that a saved state holds already, passed over when a table is given again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .row import Row


class KnownRows:
    """Passes over the rows of each series up to the last one of a saved state.

    Args:
        last_us: time of that row by series.
        is_at_hand: the table is given again from its start, so a row of the same time is
            known as well; of a pipe it is a new row in the same slot.

    Attributes:
        count: rows that were passed over.
    """

    def __init__(self, last_us: Mapping[str, int], *, is_at_hand: bool) -> None:
        self.count = 0
        self._last_us = dict(last_us)
        self._is_at_hand = is_at_hand

    def new_rows(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows from the first newer one of each series on."""
        for row in rows:
            name = row.series or ""
            last_us = self._last_us.get(name)
            if last_us is None or row.time_us is None:
                yield row
            elif row.time_us < last_us or (self._is_at_hand and row.time_us == last_us):
                self.count += not row.is_held_out
            else:
                del self._last_us[name]
                yield row
