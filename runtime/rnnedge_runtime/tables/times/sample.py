"""How the times of a table are read, told from lines some of which are broken."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from ...errors import DataError
from ..held_out import Line
from ..look_ahead import look_ahead
from .reading import TimeReading

MOST_BROKEN = 20
"""Rows of a pipe whose times may be broken before the first that can be read."""

Find = Callable[[list[Line]], TimeReading | None]


def find_carefully(
    lines: Iterator[Line], find: Find, *, is_at_hand: bool
) -> tuple[TimeReading | None, Iterator[Line]]:
    """The reading of the times, from the first rows whose times can be read.

    Args:
        lines: of the table.
        find: tells it from rows without a fault; DataError where it cannot.
        is_at_hand: many lines may be read; otherwise as few as will do.

    Returns:
        It, None where the table has no times; and all lines again.

    Raises:
        DataError: the times cannot be told from any of them.
    """
    if is_at_hand:
        sample, lines = look_ahead(lines, is_at_hand=True)
        return _of_most([line for line in sample if line.fault is None], find), lines
    seen: list[Line] = []
    failures: list[DataError] = []
    for line in lines:
        seen.append(line)
        if line.fault is not None:
            continue
        try:
            return find([line]), itertools.chain(seen, lines)
        except DataError as error:
            failures.append(error)
        if len(failures) == MOST_BROKEN:
            break
    if failures:
        raise failures[0]
    return None, iter(seen)


def _of_most(sound: list[Line], find: Find) -> TimeReading | None:
    """From all rows, or from those parts of them that can be read."""
    try:
        return find(sound)
    except DataError as error:
        failure = error
    size = len(sound)
    while size > 1:
        size = (size + 1) // 2
        parts = [sound[k : k + size] for k in range(0, len(sound), size)]
        good = [part for part in parts if _is_readable(part, find)]
        if good:
            try:
                return find([line for part in good for line in part])
            except DataError:
                continue
    raise failure


def _is_readable(part: list[Line], find: Find) -> bool:
    try:
        find(part)
    except DataError:
        return False
    return True
