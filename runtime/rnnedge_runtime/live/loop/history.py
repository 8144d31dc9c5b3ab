"""Recent readings, kept in memory within a limit, to bring another model up to date."""

from __future__ import annotations

from collections import deque

from .nouns import Batch

_ROOM = 400
"""Bytes that a batch takes beside its readings."""


class History:
    """The last batches, oldest first.

    Args:
        limit_nbytes: most bytes that are kept.
    """

    def __init__(self, limit_nbytes: int) -> None:
        self._limit_nbytes = limit_nbytes
        self._nbytes = 0
        self._batches: deque[Batch] = deque()
        self.end = 0

    def __len__(self) -> int:
        return len(self._batches)

    def add(self, batch: Batch) -> None:
        """Keep a batch; the oldest go where there is no room."""
        self.end += 1
        self._batches.append(batch)
        self._nbytes += _size_of(batch)
        while self._nbytes > self._limit_nbytes:
            self._nbytes -= _size_of(self._batches.popleft())

    def since(self, number: int) -> list[Batch]:
        """The batches kept of those after the first `number`."""
        first = self.end - len(self._batches)
        return list(self._batches)[max(0, number - first) :]


def _size_of(batch: Batch) -> int:
    return batch.values.nbytes + 12 * len(batch.series) + _ROOM
