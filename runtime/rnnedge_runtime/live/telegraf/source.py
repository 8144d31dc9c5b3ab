"""Readings from the line protocol that Telegraf writes to standard input."""

from __future__ import annotations

import os
import select
import sys
import time
from typing import Any

from ...errors import DataError
from ..loop.nouns import Place, Reading, Received
from ..payloads import MAX_NBYTES, Dropping, PayloadError, PayloadRules, take_rules
from ..payloads.decoding import reading_of, text_of
from ..payloads.line_protocol import OpenQuoteError, parse_line, record_of
from ..place_options import Options
from .passing import PASSING

NAME = "telegraf"
_NBYTES_A_READ = 1 << 16
_MOST_BREAKS = 1_000  # within one string


def open_source(place: Place) -> TelegrafSource:
    """Standard input, as `telegraf://`; its sink must be `telegraf://` too.

    Raises:
        DataError: an option is not what it must be.
    """
    options = Options(place)
    rules = take_rules(options, place.spec, format="influx")
    options.finish()
    PASSING.has_source = True
    return TelegrafSource(place, rules)


class TelegrafSource:
    """A `Source` whose lines all leave through the sink; no reading may wait."""

    name = NAME
    answers_at_once = True

    def __init__(self, place: Place, rules: PayloadRules) -> None:
        self._counters = place.counters
        self._dropping = Dropping(place, NAME)
        self._rules = rules
        self._rest = b""
        self._open = b""
        self._descriptor = -1

    def start(self) -> None:
        """Check that what comes in goes out."""
        if PASSING.output < 0:
            raise DataError(
                "telegraf://: there is no sink telegraf://, so that no line would reach "
                "Telegraf again. Add --sink telegraf://."
            )
        if sys.stdin is None:
            raise DataError("standard input is closed. Let Telegraf start this.")
        self._descriptor = sys.stdin.fileno()

    def poll(self, timeout_s: float) -> Received | None:
        """Lines as they come; None once Telegraf has closed its end."""
        PASSING.write()  # of the last turn, what no forecast came for
        if not select.select([self._descriptor], [], [], timeout_s)[0]:
            return Received(())
        found = os.read(self._descriptor, _NBYTES_A_READ)
        *lines, self._rest = (self._rest + found).split(b"\n")
        lines = [line + b"\n" for line in lines]
        if not found and self._open + self._rest:
            lines.append(self._rest)
            self._rest = b""
        now_us = time.time_ns() // 1000
        taken = [self._take(line, now_us, is_last=not found) for line in lines]
        readings = [reading for reading in taken if reading is not None]
        if not found and self._open:
            PASSING.take(self._open)
            self._open = b""
        if not readings:
            PASSING.write()
        return Received(readings) if found or readings else None

    def acknowledge(self, token: Any) -> None:
        """Telegraf keeps nothing that it could be told of."""

    def close(self) -> None:
        """Standard input stays open."""

    def _take(self, data: bytes, now_us: int, *, is_last: bool) -> Reading | None:
        """The reading of a line, which is kept to be passed on; None for no reading."""
        data, self._open = self._open + data, b""
        start = data[: MAX_NBYTES + 1].lstrip(b" \t\r\n")[:1]
        if not start or start == b"#":
            PASSING.take(data)
            return None
        try:
            if len(data) > MAX_NBYTES:
                raise PayloadError("too long", f"it has {len(data):,} bytes.")
            text = text_of(data)
            body = text.rstrip("\r\n")
            line = parse_line(body)
            record = record_of(line, self._rules.times.precision)
            reading = reading_of(record, self._rules, now_us=now_us)
        except OpenQuoteError:
            if not is_last and data.count(b"\n") <= _MOST_BREAKS:
                self._open = data  # a line break within a string
                return None
            self._pass(data, PayloadError("malformed", "its last string does not end."))
            return None
        except PayloadError as error:
            self._pass(data, error)
            return None
        end = len(data) - len(text.encode()) + len(text[: line.end].encode())
        number = PASSING.take(data, end, line.fields)
        return Reading(reading.series, reading.time_us, reading.values, number)

    def _pass(self, data: bytes, error: PayloadError) -> None:
        PASSING.take(data)
        if error.reason == "name":
            self._counters.add(
                NAME, "passed: name"
            )  # of another plugin, as it should be
        else:
            self._dropping(error)
