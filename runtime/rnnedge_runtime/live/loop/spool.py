"""Outcomes that some sink still lacks, kept until it has them or they are of no use.

Bounded in bytes. A forecast whose own last time has passed since it was made is dropped
when it would be sent again, unless that is switched off.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .disk.packing import pack_outcome, unpack_outcome
from .nouns import Counters, Outcome, Sink

NAME = "spool"
_ROOM = 64
"""Bytes that an outcome takes beside its content."""


@dataclass(slots=True)
class Route:
    """One sink, and how far it is.

    Attributes:
        key: its name in the state folder.
        sink: where forecasts go.
        sent: sequence up to which it has taken all outcomes.
        delivered: sequence up to which they have arrived.
        is_down: it did not take the last one.
    """

    key: str
    sink: Sink
    sent: int = 0
    delivered: int = 0
    is_down: bool = False

    def pass_over(self, sequence: int) -> None:
        """Go on as if an outcome that is of no use had been sent."""
        if self.delivered >= self.sent:
            self.delivered = sequence
        self.sent = sequence


@dataclass(frozen=True, slots=True)
class _Kept:
    sequence: int
    content: bytes
    origins: Sequence[Any]
    rows: Any
    made_us: int

    @property
    def nbytes(self) -> int:
        return len(self.content) + _ROOM


class Spool:
    """What is between the streams and the sinks.

    Args:
        routes: the sinks.
        counters: what is dropped and sent late is counted here.
        tell: called with one sentence where a sink does not take forecasts, or does again.
        limit_nbytes: most bytes that are kept; the oldest go first.
        ahead_us: from the time of a reading to the last time that its forecast is of; None:
            forecasts are of use for ever.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        *,
        counters: Counters,
        tell: Callable[[str], None],
        limit_nbytes: int,
        ahead_us: int | None = None,
    ) -> None:
        self.routes = list(routes)
        self.nbytes = 0
        self._counters = counters
        self._tell = tell
        self._limit_nbytes = limit_nbytes
        self._ahead_us = ahead_us
        self._kept: list[_Kept] = []
        self._head = 0
        self._last = 0
        self._is_full = False

    def __len__(self) -> int:
        return len(self._kept) - self._head

    @property
    def delivered(self) -> tuple[int, ...]:
        """By route, the sequence up to which all outcomes have arrived."""
        return tuple(route.delivered for route in self.routes)

    @property
    def is_drained(self) -> bool:
        """Whether every sink has all that it is to get."""
        self.settle()
        return not len(self)

    def packed(self) -> tuple[bytes, ...]:
        """All that is kept, oldest first."""
        return tuple(kept.content for kept in self._kept[self._head :])

    @property
    def is_down(self) -> bool:
        """Whether all sinks that lack something do not take it."""
        return all(route.is_down for route in self.routes if route.sent < self._last)

    def arrived(self, delivered: Mapping[str, int], *, otherwise: int) -> None:
        """Say how far each sink was when the process stopped; `otherwise`: a new one."""
        for route in self.routes:
            route.delivered = route.sent = delivered.get(route.key, otherwise)
        self.settle()

    def start_at(self, sequence: int) -> None:
        """Say which outcome was the last before those that come now."""
        self._last = sequence

    def offer(self, outcome: Outcome) -> None:
        """Send an outcome to every sink that has all before it; keep it for the others."""
        before, self._last = self._last, outcome.sequence
        if not len(outcome.series) and not outcome.origins:
            for route in self.routes:
                if route.sent >= before:
                    route.pass_over(outcome.sequence)
            return
        for route in self.routes:
            if route.sent >= before:
                self._send(route, outcome)
            route.delivered = max(route.delivered, route.sink.delivered())
        if any(route.delivered < outcome.sequence for route in self.routes):
            self.keep(outcome)

    def keep(self, outcome: Outcome) -> None:
        """Keep an outcome without sending it."""
        self._last = outcome.sequence
        if not len(outcome.series) and not outcome.origins:
            return
        kept = _Kept(
            outcome.sequence,
            pack_outcome(outcome),
            outcome.origins,
            outcome.rows if outcome.origins else None,
            outcome.now_us,
        )
        self._kept.append(kept)
        self.nbytes += kept.nbytes
        if self.nbytes > self._limit_nbytes:
            self._make_room()

    def restore(self, contents: Sequence[bytes]) -> None:
        """Keep what `packed` gave; raises FormatError where it is none of that."""
        for content in contents:
            self.keep(unpack_outcome(content))

    @property
    def is_behind(self) -> bool:
        """Whether some sink has not taken all yet."""
        return any(route.sent < self._last for route in self.routes)

    def push(self, now_us: int, *, most: int = 256) -> None:
        """Send what sinks lack, as late, as far as they take it; `most` outcomes each."""
        self.settle()
        for route in self.routes:
            if route.sent < self._last and self._push_to(route, now_us, most):
                route.pass_over(self._last)
        self.settle()

    def _push_to(self, route: Route, now_us: int, most: int) -> bool:
        """Whether the sink has taken all."""
        start = bisect.bisect_right(
            self._kept, route.sent, lo=self._head, key=lambda kept: kept.sequence
        )
        for kept in self._kept[start : start + most]:
            outcome = self._late(kept, now_us)
            if outcome is None:
                route.pass_over(kept.sequence)
                continue
            if not self._send(route, outcome):
                return False
            self._counters.add(route.sink.name, "late", len(outcome.series))
        return start + most >= len(self._kept)

    def _send(self, route: Route, outcome: Outcome) -> bool:
        is_taken = route.sink.send(outcome)
        if is_taken:
            route.sent = outcome.sequence
            if route.is_down:
                route.is_down = False
                self._tell(f"{route.key}: it takes forecasts again.")
        elif not route.is_down:
            route.is_down = True
            self._counters.add(route.sink.name, "down")
            self._tell(
                f"{route.key}: it takes no forecasts now. They are kept, up to "
                f"{self._limit_nbytes / 1e6:g} MB, and sent late."
            )
        return is_taken

    def _late(self, kept: _Kept, now_us: int) -> Outcome | None:
        """What is still of use of an outcome; None where nothing is."""
        outcome = unpack_outcome(kept.content, is_late=True)
        if kept.origins:
            outcome = replace(outcome, origins=kept.origins, rows=kept.rows)
        if self._ahead_us is None or now_us <= kept.made_us:
            return outcome
        last_us = outcome.time_us + self._ahead_us
        is_past = (last_us > kept.made_us) & (last_us <= now_us)
        if not is_past.any():
            return outcome
        self._counters.add(NAME, "dropped: its time has passed", int(is_past.sum()))
        left = ~is_past
        if not left.any() and not kept.origins:
            return None
        return replace(
            outcome,
            series=outcome.series[left],
            time_us=outcome.time_us[left],
            readings=outcome.readings[left],
            values=outcome.values[left],
            rows=outcome.rows[left],
        )

    def settle(self) -> None:
        """Forget what all sinks have."""
        for route in self.routes:
            route.delivered = max(route.delivered, route.sink.delivered())
        if len(self):
            self._forget(min((r.delivered for r in self.routes), default=self._last))
        if self.nbytes <= self._limit_nbytes // 2:
            self._is_full = False

    def _forget(self, sequence: int) -> None:
        kept, head = self._kept, self._head
        while head < len(kept) and kept[head].sequence <= sequence:
            self.nbytes -= kept[head].nbytes
            head += 1
        self._head = head
        if head > 1024 and 2 * head > len(kept):
            del kept[:head]
            self._head = 0

    def _make_room(self) -> None:
        self.settle()
        while self.nbytes > self._limit_nbytes and len(self):
            oldest = self._kept[self._head]
            if any(route.sent < oldest.sequence for route in self.routes):
                number = len(unpack_outcome(oldest.content).series)
                self._counters.add(NAME, "dropped: no room", number)
                if not self._is_full:
                    self._is_full = True
                    self._tell(
                        f"spool: forecasts that a sink lacks take more than "
                        f"{self._limit_nbytes / 1e6:g} MB, so the oldest are dropped."
                    )
            self._forget(oldest.sequence)
