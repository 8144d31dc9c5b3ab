"""A sink of lines: each outcome is written and flushed whole, or taken back."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from ....errors import DataError
from ....formats.files import what_to_do
from ...loop.nouns import Outcome, Place
from ...payloads.forecasts import LINE_FORMATS, ForecastLines
from ...place_options import Options

NAME = "file"
_ENDINGS = {".csv": "csv", ".jsonl": "json", ".json": "json", ".lp": "influx"}
_NBYTES_LOOKED_BACK = 1 << 16
_NBYTES_KNOWN = 1 << 22
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
        self._descriptor = -1
        self._is_regular = False
        self._delivered = self._written = 0
        self._is_told = False
        self._synced_s = self._num_unsynced = 0.0
        self._known: set[str] = set()

    def start(self) -> None:
        """Open the file to append; a line that a stop has cut is cut off."""
        if self._path is None:
            if sys.stdout is None:
                raise DataError("standard output is closed. Name a file as the sink.")
            sys.stdout.flush()
            self._descriptor = sys.stdout.fileno()
        else:
            try:
                flags = os.O_RDWR | os.O_CREAT | os.O_APPEND
                self._descriptor = os.open(self._path, flags, 0o666)
            except OSError as error:
                raise DataError(
                    f"{self._path}: the file cannot be written: {error.strerror}. "
                    f"{what_to_do(error)}"
                ) from None
        self._is_regular = stat.S_ISREG(os.fstat(self._descriptor).st_mode)
        if self._is_regular and self._path is not None:
            self._cut_half_a_line()
            self._known = self._last_lines()
        if self._format == "csv" and not self._size():
            self._write(f"{self._lines.csv_header()}\n".encode())

    def send(self, outcome: Outcome) -> bool:
        """Write all lines of an outcome; False where the disk takes none of them."""
        lines = self._new_lines(outcome)
        data = "".join(f"{line}\n" for line in lines).encode()
        size = self._size()
        try:
            self._write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            if self._is_regular:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._descriptor, size)
            self._say(error)
            return False
        self._is_told = False
        self._place.counters.add(NAME, "sent", len(lines))
        self._written = outcome.sequence
        if not (self._is_regular and self._syncs):
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
        if self._descriptor >= 0:
            self._sync()
            if self._path is not None:
                os.close(self._descriptor)
        self._descriptor = -1

    def _sync(self) -> None:
        if self._delivered == self._written:
            return
        self._synced_s, self._num_unsynced = time.monotonic(), 0.0
        try:
            os.fsync(self._descriptor)
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

    def _last_lines(self) -> set[str]:
        size = self._size()
        start = max(0, size - _NBYTES_KNOWN)
        found = os.pread(self._descriptor, size - start, start)
        return set(found.decode(errors="replace").split("\n"))

    def _say(self, error: OSError) -> None:
        self._place.counters.add(NAME, "failures")
        if not self._is_told:
            where = self._path or "standard output"
            self._place.tell(
                f"{where}: the forecasts cannot be written: {error.strerror}. "
                f"{what_to_do(error)} They wait, and it is tried again."
            )
        self._is_told = True

    def _size(self) -> int:
        return os.fstat(self._descriptor).st_size if self._is_regular else 0

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def _cut_half_a_line(self) -> None:
        end = self._size()
        while end:
            start = max(0, end - _NBYTES_LOOKED_BACK)
            found = os.pread(self._descriptor, end - start, start).rfind(b"\n") + 1
            if found:
                end = start + found
                break
            end = start
        if end < self._size():
            os.ftruncate(self._descriptor, end)
