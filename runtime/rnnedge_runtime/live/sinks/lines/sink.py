"""A sink of lines: each outcome is written whole, or taken back and tried again."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from ....formats.files import what_to_do
from ...loop.nouns import Outcome, Place
from ...payloads.forecasts import LINE_FORMATS, ForecastLines
from ...place_options import Options
from .appending import Appending

NAME = "file"
_ENDINGS = {".csv": "csv", ".jsonl": "json", ".json": "json", ".lp": "influx"}
_SYNC_S, _SYNC_NBYTES = 1.0, 1 << 20


def open_sink(place: Place) -> LineSink:
    """A path, `-` for standard output, or `file:///path?format=csv&sync=1`.

    Raises:
        DataError: an option is not what it must be.
    """
    options = Options(place)
    text = place.url
    if text[:7].lower() == "file://":
        text = unquote(text[7:].partition("?")[0].removeprefix("localhost"))
    path = None if text in ("", "-") else Path(text)
    ending = _ENDINGS.get(path.suffix.lower(), "json") if path else "json"
    line_format = options.choice("format", LINE_FORMATS, ending)
    measurement = options.text("measurement", "forecast")
    syncs = options.flag("sync", True)
    options.finish()
    return LineSink(place, path, line_format, measurement=measurement, syncs=syncs)


class LineSink:
    """A `Sink` into one file that grows, a pipe, or standard output."""

    name = NAME

    def __init__(
        self,
        place: Place,
        path: Path | None,
        line_format: str,
        *,
        measurement: str = "forecast",
        syncs: bool = True,
    ) -> None:
        self._place = place
        self._path = path
        self._format = line_format
        self._lines = ForecastLines(place, measurement=measurement)
        self._syncs = syncs
        self._file: Appending | None = None
        self._known: set[str] = set()
        self._delivered = self._written = 0
        self._synced_s, self._num_unsynced = 0.0, 0
        self._is_told = False

    def start(self) -> None:
        """Open the file to append; a line that a stop has cut is cut off."""
        self._file = Appending(self._path)
        self._known = self._file.last_lines()
        if self._format == "csv" and not self._file.nbytes:
            self._file.write(f"{self._lines.csv_header()}\n".encode())

    def send(self, outcome: Outcome) -> bool:
        """Write all lines of an outcome; False where the disk takes none of them."""
        assert self._file is not None
        lines = self._new_lines(outcome)
        data = "".join(f"{line}\n" for line in lines).encode()
        try:
            self._file.write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            self._say(error)
            return False
        self._is_told = False
        self._place.counters.add(NAME, "sent", len(lines))
        self._written = outcome.sequence
        if not (self._file.is_regular and self._syncs):
            self._delivered = outcome.sequence
        self._num_unsynced += len(data)
        if self._num_unsynced >= _SYNC_NBYTES:
            self._sync()
        return True

    def delivered(self) -> int:
        """What is on the disk, or has left this process."""
        return self._delivered

    def idle(self) -> None:
        """Put on the disk what is not there yet, once a second."""
        if time.monotonic() - self._synced_s >= _SYNC_S:
            self._sync()

    def close(self) -> None:
        """Let go of the file; standard output stays."""
        if self._file is not None:
            self._sync()
            self._file.close()
        self._file = None

    def _sync(self) -> None:
        if self._delivered == self._written or self._file is None:
            return
        self._synced_s, self._num_unsynced = time.monotonic(), 0
        try:
            self._file.sync()
        except OSError as error:
            self._say(error)
        else:
            self._delivered = self._written

    def _new_lines(self, outcome: Outcome) -> list[str]:
        """Lines of an outcome; of one sent again those that the file lacks."""
        lines = list(self._lines.lines(outcome, self._format))
        if not outcome.is_late:
            return lines
        first = self._lines.lines(replace(outcome, is_late=False), self._format)
        pairs = list(zip(lines, first, strict=True))
        return [late for late, once in pairs if not self._known & {late, once}]

    def _say(self, error: OSError) -> None:
        self._place.counters.add(NAME, "failures")
        if not self._is_told:
            where = self._path or "standard output"
            self._place.tell(
                f"{where}: the forecasts cannot be written: {error.strerror}. "
                f"{what_to_do(error)} They wait, and it is tried again."
            )
        self._is_told = True
