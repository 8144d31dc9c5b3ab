"""What a place was given: the query of its URL over its table in the configuration."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from ..errors import DataError
from ..printable import printable

if TYPE_CHECKING:
    from .loop.nouns import Place

_TRUTH = {
    **dict.fromkeys(("1", "true", "yes", "on"), True),
    **dict.fromkeys(("0", "false", "no", "off"), False),
}


def shown_url(url: str) -> str:
    """A URL for messages: no password, no query, nothing that a terminal obeys."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return printable(url.partition("?")[0])
    user, at, host = parts.netloc.rpartition("@")
    netloc = f"{user.partition(':')[0]}{at}{host}"
    return printable(urlunsplit((parts.scheme, netloc, parts.path, "", "")))


class Options:
    """The options of one place, taken one by one by their names.

    Attributes:
        where: the place, as messages start.

    Raises:
        DataError: of every method: the option is not what it must be.
    """

    def __init__(self, place: Place) -> None:
        self.where = shown_url(place.url) or "this place"
        query = place.url.partition("?")[2].partition("#")[0]
        self._given: dict[str, Any] = {
            **place.options,
            **dict(parse_qsl(query, keep_blank_values=True)),
        }
        self._known: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        """A text; numbers of TOML are taken as they are written."""
        value = self._take(name, default)
        if isinstance(value, str):
            return value
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        raise self._unfit(name, value, "a text")

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        """One of a few words."""
        value = self.text(name, default)
        if value not in choices:
            raise self._unfit(name, value, f"one of {', '.join(choices)}")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """Yes or no: `true`, `1`, `yes`, `on` and their opposites."""
        value = self._take(name, default)
        found = _TRUTH.get(str(value).lower())
        if found is None:
            raise self._unfit(name, value, "true or false")
        return found

    def number(
        self, name: str, default: float, *, least: float = 0.0, most: float = math.inf
    ) -> float:
        """A finite number from `least` to `most`."""
        value = self._take(name, default)
        try:
            found = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            found = math.nan
        if not least <= found <= most or math.isinf(found):
            raise self._unfit(name, value, f"a number {_range(least, most)}")
        return found

    def whole(
        self, name: str, default: int, *, least: int = 0, most: float = math.inf
    ) -> int:
        """A whole number from `least` to `most`."""
        found = self.number(name, default, least=least, most=most)
        if found != int(found):
            raise self._unfit(name, found, "a whole number")
        return int(found)

    def words(self, name: str) -> tuple[str, ...]:
        """Texts: a list of TOML, or with commas between them."""
        value = self._take(name, ())
        parts = value.split(",") if isinstance(value, str) else value
        if not isinstance(parts, list | tuple) or not all(
            isinstance(part, str) for part in parts
        ):
            raise self._unfit(name, value, "a list of texts")
        return tuple(part.strip() for part in parts)

    def mapping(self, name: str) -> dict[str, str]:
        """Texts by text: a table of TOML, or `a:b,c:d`."""
        value = self._take(name, {})
        if isinstance(value, str):
            pairs = [part.partition(":") for part in value.split(",") if part]
            if all(mark for _, mark, _ in pairs):
                return {key.strip(): word.strip() for key, _, word in pairs}
        elif isinstance(value, Mapping) and all(
            isinstance(word, str) for word in value.values()
        ):
            return dict(value)
        raise self._unfit(name, value, "a table of texts")

    def finish(self) -> None:
        """Refuse what was given and never taken."""
        for name in self._given:
            if name in self._known:
                continue
            close = difflib.get_close_matches(name, self._known, n=1)
            advice = f"Did you mean '{close[0]}'?" if close else "Leave it out."
            known = ", ".join(sorted(self._known)) or "none"
            raise DataError(
                f"{self.where}: there is no option '{printable(name)}', expected "
                f"{known}. {advice}"
            )

    def _take(self, name: str, default: Any) -> Any:
        self._known.append(name)
        return self._given.get(name, default)

    def _unfit(self, name: str, value: object, expected: str) -> DataError:
        shown = printable(str(value))[:60]
        return DataError(
            f"{self.where}: the option '{name}' is '{shown}', expected {expected}. "
            "Change it in the URL or in the configuration."
        )


def _range(least: float, most: float) -> str:
    return f"from {least:g}" + ("" if math.isinf(most) else f" to {most:g}")
