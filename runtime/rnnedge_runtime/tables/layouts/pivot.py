"""Long tables, one reading a line beside its name, as rows of a column for each name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class LongCell:
    """What one line of a long table says.

    Attributes:
        row: its number, from 1.
        stamp: its time cell as it came.
        time_us: the same in microseconds since 1970 UTC.
        series: name of its series, None when there is one.
        cells: text by the name of the column that it belongs to.
    """

    row: int
    stamp: Any
    time_us: int
    series: str | None
    cells: dict[str, Any]


@dataclass(slots=True)
class _Open:
    """What is known of the next row of one series."""

    time_us: int
    stamp: Any
    row: int
    cells: dict[str, Any] = field(default_factory=dict)
    fresh: set[str] = field(default_factory=set)
    has_leader: bool = False


_VALUE_NAMES = ("state", "value", "_value", "val", "reading", "v")


def named_value(names: Iterable[str]) -> str | None:
    """The column that holds the readings, by its name; None when no name tells."""
    by_word = {name.lower(): name for name in names}
    return next((by_word[word] for word in _VALUE_NAMES if word in by_word), None)


def column_name(identifier: str, column: str, *, is_alone: bool) -> str:
    """Name of the column of one identifier; with several value columns both stand in it."""
    return identifier if is_alone else f"{identifier}_{column}"


def pivoted(
    lines: Iterable[LongCell], *, leaders: Sequence[str] | None, wanted: Sequence[str]
) -> Iterator[LongCell]:
    """One row for each time, of every series, from lines in the order of time.

    Args:
        lines: of the long table.
        leaders: columns whose readings make rows; the others give each row their last
            reading since the row before. None: every time makes a row.
        wanted: columns whose readings of one time make a row complete at once; () waits for
            a later time.
    """
    opened: dict[str | None, _Open] = {}
    for line in lines:
        now = opened.get(line.series)
        if now is not None and now.time_us != line.time_us:
            if leaders is None or now.has_leader:
                yield _closed(now, line.series)
                now = None
            else:
                now.time_us, now.stamp, now.row = line.time_us, line.stamp, line.row
                now.fresh.clear()
        if now is None:
            now = opened[line.series] = _Open(line.time_us, line.stamp, line.row)
        now.cells |= line.cells
        now.fresh |= line.cells.keys()
        now.has_leader |= leaders is None or any(n in leaders for n in line.cells)
        if wanted and now.fresh.issuperset(wanted):
            yield _closed(now, line.series)
            del opened[line.series]
    for series, now in opened.items():
        if leaders is None or now.has_leader:
            yield _closed(now, series)


def _closed(now: _Open, series: str | None) -> LongCell:
    return LongCell(now.row, now.stamp, now.time_us, series, now.cells)
