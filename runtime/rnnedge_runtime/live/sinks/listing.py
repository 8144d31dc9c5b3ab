"""The list of streams: search by a part of the name, page by page."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence

from ..web.answers import Refused, refusal

_MOST_SORTED = 5000
_MOST_LISTED = 200
_PART = re.compile(r"(\d+)")


def page_of(query: Mapping[str, str]) -> tuple[int, int]:
    """First and number of the names that are asked for, by `from` and `count`.

    Raises:
        Refused: one is no whole number.
    """
    try:
        first, count = int(query.get("from", "0")), int(query.get("count", "50"))
    except ValueError:
        raise Refused(refusal(400, "from and count must be whole numbers.")) from None
    return max(0, first), min(_MOST_LISTED, max(1, count))


class Listing:
    """Names in an order that people expect, up to 5,000; more are in order of arrival.

    Args:
        names: by number; grows.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._folded: list[str] = []
        self._order: list[int] = []
        self._number_of: dict[str, int] = {}
        self._lock = threading.Lock()

    def number(self, name: str) -> int | None:
        """Of a series, None for one that has not come."""
        self._catch_up()
        return self._number_of.get(name)

    def find(self, text: str, first: int, count: int) -> tuple[int, list[int]]:
        """How many names hold the text in any case, and the numbers of some of them."""
        order = self._catch_up()
        if needle := text.casefold():
            order = [number for number in order if needle in self._folded[number]]
        return len(order), order[first : first + count]

    def _catch_up(self) -> list[int]:
        with self._lock:
            known, total = len(self._folded), len(self._names)
            if known < total:
                for number in range(known, total):
                    name = self._names[number]
                    self._folded.append(name.casefold())
                    self._number_of[name] = number
                if total <= _MOST_SORTED:
                    self._order = sorted(range(total), key=self._key)
                else:
                    self._order = [*self._order, *range(known, total)]
            return self._order

    def _key(self, number: int) -> list[tuple[int, int, str]]:
        """`boiler 9` before `boiler 10`."""
        parts = _PART.split(self._folded[number])
        return [
            (0, int(part), "") if part.isdecimal() and part.isascii() else (1, 0, part)
            for part in parts
            if part
        ]
