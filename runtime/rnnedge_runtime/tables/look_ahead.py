"""The first rows of a table, seen before they are used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from ..errors import DataError

AHEAD_ROWS = 1_000
"""Rows of a file that are read ahead; of a pipe it is one, so that no row waits."""

T = TypeVar("T")


def is_at_hand(lines: Iterable[Any]) -> bool:
    """Whether lines can be read ahead without waiting for somebody to write them."""
    if isinstance(lines, list | tuple):
        return True
    seekable = getattr(lines, "seekable", None)
    return bool(seekable is not None and seekable())


def look_ahead(
    rows: Iterator[T],
    *,
    is_at_hand: bool,
    is_good: Callable[[T], bool] = lambda row: True,
) -> tuple[list[T], Iterator[T]]:
    """The first rows, and all rows again.

    A row that cannot be read ends the look ahead; its error is raised where it is used.

    Args:
        rows: of a table.
        is_at_hand: many rows may be read; otherwise they end at the first good one.
        is_good: whether a row is one.

    Raises:
        DataError: the very first row cannot be read.
    """
    seen: list[T] = []
    failure: DataError | None = None
    try:
        for row in rows:
            seen.append(row)
            is_enough = not is_at_hand and is_good(row)
            if is_enough or len(seen) == AHEAD_ROWS:
                break
    except DataError as error:
        if not seen:
            raise
        failure = error

    def again() -> Iterator[T]:
        yield from seen
        if failure is not None:
            raise failure
        yield from rows

    return seen, again()
