"""The lines that Telegraf wrote, to standard output, with a field for each forecast."""

from __future__ import annotations

import sys

from ...errors import DataError
from ..loop.nouns import Outcome, Place
from ..payloads.forecasts import number_text
from ..payloads.line_protocol import escaped
from ..place_options import Options
from .passing import PASSING

NAME = "telegraf"


def open_sink(place: Place) -> TelegrafSink:
    """Standard output, as `telegraf://`; option `prefix` stands before names of fields.

    Raises:
        DataError: an option is not what it must be.
    """
    options = Options(place)
    prefix = options.text("prefix")
    options.finish()
    return TelegrafSink(place, prefix)


class TelegrafSink:
    """A `Sink` that writes every line of the source once, in order."""

    name = NAME

    def __init__(self, place: Place, prefix: str = "") -> None:
        self._counters = place.counters
        self._tell = place.tell
        self._names = [f"{prefix}{output.name}" for output in place.spec.outputs]
        self._keys = [escaped(name) for name in self._names]
        self._delivered = 0
        self._is_told = False

    def start(self) -> None:
        """Check that lines come."""
        if not PASSING.has_source:
            raise DataError(
                "telegraf://: there is no source telegraf://, whose lines this sink passes "
                "on. Add --source telegraf://, or name another sink."
            )
        if sys.stdout is None:
            raise DataError("standard output is closed. Let Telegraf start this.")
        sys.stdout.flush()
        PASSING.output = sys.stdout.fileno()

    def send(self, outcome: Outcome) -> bool:
        """Write all lines that came up to here."""
        size = len(outcome.rows)
        if not outcome.origins:
            self._counters.add(NAME, "dropped: late", size)  # their lines are long gone
            self._delivered = outcome.sequence
            return True
        taken = {line.number: line.names for line in PASSING.lines if line.end}
        added = {}
        for row, values in zip(outcome.rows.tolist(), outcome.values, strict=True):
            number = outcome.origins[row] if row >= 0 else None
            if number not in taken:
                self._counters.add(NAME, "dropped: late")
                continue
            if not set(self._names).isdisjoint(taken[number]):
                self._say_taken()
                continue
            pairs = zip(self._keys, values, strict=True)
            texts = [(key, number_text(value)) for key, value in pairs]
            added[number] = "".join(f",{key}={text}" for key, text in texts if text)
        PASSING.write(added)
        self._counters.add(NAME, "sent", len(added))
        self._delivered = outcome.sequence
        return True

    def delivered(self) -> int:
        """All that was written is Telegraf's."""
        return self._delivered

    def idle(self) -> None:
        """Nothing is kept back."""

    def close(self) -> None:
        """Write what is left, as it came."""
        if PASSING.output >= 0:
            PASSING.write()

    def _say_taken(self) -> None:
        self._counters.add(NAME, "dropped: name taken")
        if not self._is_told:
            self._tell(
                f"telegraf: a line has a field of the name of a forecast already, such as "
                f"'{self._names[0]}', and passes as it is. Give the sink a 'prefix'."
            )
        self._is_told = True
