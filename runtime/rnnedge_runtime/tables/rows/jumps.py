"""Times far ahead: believed only where further rows bear them out.

One wrong time must not drag a stream's clock along, as every row after it would then be
too old. So a row whose time jumps is kept back, until ten rows go on from it (the jump is
a hole in the table), or a row goes on from before it (its time is wrong).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import KW_ONLY, dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..durations import duration_text, parse_duration
from ..held_out import TOO_FAR, Fault
from ..times.calendar import DAY_US
from ..timestamps import time_text
from .row import Row

NUM_BELIEVED = 10
"""Rows, one newer than the other, that bear out a jump."""

NUM_AT_END = 2
"""The same where the table ends."""

JUMP_PERIODS = 24
_MOST_KEPT = 100


def longest_jump_us(period_s: float | None, asked: str | None) -> int | None:
    """The longest step in time that is believed at once; None for any.

    Args:
        period_s: between rows; None where steps are not looked at.
        asked: a length of time, or `off`; None for a day or 24 periods, whichever is more.

    Raises:
        DataError: `asked` is neither.
    """
    if asked is not None and asked.strip().lower() == "off":
        return None
    given = None if asked is None else parse_duration(asked, option="--max-jump")
    if period_s is None:
        return None
    return given or max(DAY_US, round(JUMP_PERIODS * period_s * 1e6))


@dataclass(slots=True)
class _Chain:
    """Rows kept back that go on from each other."""

    rows: list[Row]
    first_us: int
    last_us: int
    num_newer: int = 1

    def is_before(self, other: _Chain) -> bool:
        """Whether the other one may go on from it after a hole, or was there first.

        The rows of what came later and is older are held out by the stream: they go back.
        """
        is_older = self.last_us < other.first_us
        is_later = self.rows[0].number > other.rows[0].number
        return is_older and (is_later or self.num_newer >= NUM_AT_END)


@dataclass(slots=True)
class _Series:
    last_us: int | None = None
    chains: list[_Chain] = field(default_factory=list)


@dataclass(slots=True)
class Jumps:
    """Keeps back the rows of a table whose times jump.

    Attributes:
        longest_us: the longest step that is believed at once; None for any.
        now_us: the time of this machine, where rows come as they are measured: one that
            is about now is believed at once. None where rows are at hand.
        refuse: told of every row that is not believed.
    """

    longest_us: int | None
    _: KW_ONLY
    where: str
    now_us: Callable[[], int] | None
    refuse: Callable[[Fault, Row], None]
    _series: dict[str, _Series] = field(init=False, default_factory=dict)
    _start: _Series = field(init=False, default_factory=_Series)
    _newest_us: int | None = field(init=False, default=None)

    def start(self, series: str, last_us: int) -> None:
        """Take the time of the last row of a saved state."""
        self._believe(series, last_us)

    def pass_on(self, times_us: NDArray[np.int64]) -> int:
        """Believe rows of a single series, oldest first, up to the first that jumps.

        Returns:
            How many are believed; 0 while rows are kept back.
        """
        if self.longest_us is None:
            return len(times_us)
        one = self._series.get("")
        if one is None or one.last_us is None or one.chains or self._start.chains:
            return 0
        newest_us = np.maximum.accumulate(np.append(one.last_us, times_us))
        is_next = times_us <= newest_us[:-1] + self.longest_us
        number = len(times_us) if is_next.all() else int(np.argmin(is_next))
        if number:
            self._believe("", int(newest_us[number]))
        return number

    def settled(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows whose times are believed, those of each series in their order."""
        if self.longest_us is None:
            yield from rows
            return
        for row in rows:
            if row.time_us is None:
                yield row
            else:
                yield from self._take(row, row.time_us, self.longest_us)
        for one in (self._start, *self._series.values()):
            least = 1 if one is self._start else NUM_AT_END
            yield from self._decide(one, least)

    def _take(self, row: Row, time_us: int, longest_us: int) -> list[Row]:
        name = row.series or ""
        one = self._of(name, time_us, longest_us)
        is_next = one.last_us is not None and time_us <= one.last_us + longest_us
        if is_next or self._is_about_now(time_us, is_first=one is self._start):
            if one.chains:
                self._drop(one, one.chains)
            self._believe(name, time_us)
            return [row]
        for chain in one.chains:
            if abs(time_us - chain.last_us) <= longest_us:
                chain.rows.append(row)
                chain.num_newer += time_us > chain.last_us
                chain.first_us = min(chain.first_us, time_us)
                chain.last_us = max(chain.last_us, time_us)
                break
        else:
            one.chains.append(_Chain([row], time_us, time_us))
        is_full = sum(len(chain.rows) for chain in one.chains) >= _MOST_KEPT
        if is_full and one is self._start:
            return self._decide(one, 1)
        if is_full:
            self._drop(one, one.chains[:1])
        return self._decide(one, NUM_BELIEVED)

    def _of(self, name: str, time_us: int, longest_us: int) -> _Series:
        """The series of a row; before any row is believed they are one."""
        if name in self._series:
            return self._series[name]
        if self._newest_us is None:
            return self._start
        is_beside = abs(time_us - self._newest_us) <= longest_us
        return self._series.setdefault(name, _Series(time_us if is_beside else None))

    def _believe(self, name: str, time_us: int) -> None:
        one = self._series.get(name)
        if one is None:
            one = self._series[name] = _Series()
        one.last_us = max(time_us, time_us if one.last_us is None else one.last_us)
        self._newest_us = max(time_us, self._newest_us or time_us)

    def _is_about_now(self, time_us: int, *, is_first: bool) -> bool:
        if self.now_us is None:
            return False
        ahead_us = time_us - self.now_us()
        return ahead_us <= DAY_US and (is_first or ahead_us >= -DAY_US)

    def _decide(self, one: _Series, least: int) -> list[Row]:
        """The rows of the longest chain, if it is long enough, and of those before it."""
        if not one.chains:
            return []
        best = max(one.chains, key=lambda chain: chain.num_newer)
        if best.num_newer < least:
            if least < NUM_BELIEVED:
                self._drop(one, one.chains)
            return []
        kept = [chain for chain in one.chains if chain is best or chain.is_before(best)]
        self._drop(one, [chain for chain in one.chains if chain not in kept])
        one.chains = []
        rows = sorted((row for c in kept for row in c.rows), key=lambda row: row.number)
        for row in rows:
            assert row.time_us is not None
            self._believe(row.series or "", row.time_us)
        return rows

    def _drop(self, one: _Series, chains: list[_Chain]) -> None:
        dropped = [row for chain in chains for row in chain.rows]
        one.chains = [chain for chain in one.chains if chain not in chains]
        for row in sorted(dropped, key=lambda row: row.number):
            if not row.is_held_out:
                self.refuse(self._fault(row, one.last_us), row)

    def _fault(self, row: Row, last_us: int | None) -> Fault:
        assert row.time_us is not None
        from_where = "apart from the rows around it"
        if last_us is not None and row.time_us > last_us:
            ahead = duration_text((row.time_us - last_us) / 1e6)
            from_where = f"{ahead} after the rows around it"
        return Fault(
            TOO_FAR,
            f"{self.where}: row {row.number} has the time {time_text(row.time_us)}, "
            f"{from_where}. Mend its time, or choose the longest step that is believed "
            "at once with --max-jump.",
        )
