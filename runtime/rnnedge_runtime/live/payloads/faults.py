"""Why bytes are no reading, in a word that counters have; said once for each word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ...errors import DataError
from ...printable import printable

if TYPE_CHECKING:
    from ..loop.nouns import Place

Reason = Literal[
    "malformed",
    "name",
    "unit",
    "not a number",
    "time",
    "too long",
    "not text",
    "checksum",
]
_LONGEST = 60


class PayloadError(DataError):
    """Bytes that are no reading of the model.

    Attributes:
        reason: in a word: `malformed`, `name` (nothing of the model is in them), `unit`,
            `not a number`, `time`, `too long`, `not text` or `checksum`.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message, reason=reason)


def quoted(text: object) -> str:
    """What was found, short and without characters that a terminal obeys, for a message."""
    shown = printable(str(text)[: _LONGEST + 1])
    return f"'{shown[:_LONGEST]}...'" if len(shown) > _LONGEST else f"'{shown}'"


class Dropping:
    """What a source does with bytes that are no reading: counted, the first of a kind said.

    Args:
        place: where they came from.
        name: of the source, which counters have.
    """

    def __init__(self, place: Place, name: str) -> None:
        self._place = place
        self._name = name
        self._said: set[str] = set()

    def __call__(self, error: PayloadError, origin: str = "") -> None:
        """Count one.

        Args:
            error: why.
            origin: where in the source, such as its topic or line, for the message.
        """
        self._place.counters.add(self._name, f"dropped: {error.reason}")
        if error.reason in self._said:
            return
        self._said.add(error.reason)
        start = f"{self._name} {printable(origin)}" if origin else self._name
        self._place.tell(f"{start}: dropped, as {error} Others like it are counted.")
