"""Readings from a serial port that may be unplugged and come back."""

from __future__ import annotations

import os
import select
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ....errors import DataError, require
from ...loop.nouns import Place, Reading, Received
from ...payloads import Dropping, PayloadError, decode, take_rules
from ...place_options import Options
from ..line_splitter import LineSplitter
from .checksums import CHECKSUMS, checked_line

if TYPE_CHECKING:
    from ...payloads import PayloadRules

NAME = "serial"
_NBYTES_A_READ = 4096
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 30.0


def open_source(place: Place) -> SerialSource:
    """A port, `serial:///dev/ttyUSB0?baud=9600&checksum=nmea`.

    Raises:
        DataError: an option is not what it must be.
        MissingDependencyError: pyserial is not installed.
    """
    require("serial", extra="serial", purpose=f"Reading {place.url.partition('?')[0]}")
    options = Options(place)
    port = unquote(place.url.partition("://")[2].partition("?")[0])
    checksum = options.choice("checksum", CHECKSUMS, "")
    rules = take_rules(options, place.spec)
    source = SerialSource(
        place,
        port,
        rules,
        checksum=checksum,
        baud=options.whole("baud", 9600, least=50),
        takes_first=options.flag("first", bool(checksum)),
    )
    options.finish()
    return source


class SerialSource:
    """A `Source` of lines; what comes while the port is away is lost."""

    name = NAME

    def __init__(
        self,
        place: Place,
        port: str,
        rules: PayloadRules,
        *,
        checksum: str = "",
        baud: int = 9600,
        takes_first: bool = False,
    ) -> None:
        self._place = place
        self._path = port
        self._rules = rules
        self._checksum = checksum
        self._baud = baud
        self._takes_first = takes_first
        self._dropping = Dropping(place, NAME)
        self._splitter = LineSplitter()
        self._port: Any = None
        self._wait_s = self._due_s = 0.0
        self._is_first = True

    def start(self) -> None:
        """Open the port, which nobody else may have open."""
        try:
            self._open()
        except OSError as error:
            raise DataError(
                f"serial://{self._path}: the port cannot be opened: "
                f"{error.strerror or error}. Plug it in, check its name, or join the "
                "group that may use it (dialout)."
            ) from None

    def poll(self, timeout_s: float) -> Received | None:
        """Lines as they come; there is no end."""
        now_s = time.monotonic()
        if self._port is None and now_s < self._due_s:
            time.sleep(min(timeout_s, self._due_s - now_s))
            return Received(())
        try:
            if self._port is None:
                self._open()
                self._place.tell(f"serial://{self._path}: the port is back.")
                self._place.counters.add(NAME, "reconnected")
            found = self._read(timeout_s)
        except OSError as error:
            self._lose(error)
            return Received(())
        readings: list[Reading] = []
        for line in self._splitter.take(found):
            if self._is_first and not self._takes_first:
                self._place.counters.add(NAME, "first lines left out")
            else:
                try:
                    readings += decode(checked_line(line, self._checksum), self._rules)
                except PayloadError as error:
                    self._dropping(error)
            self._is_first = False
        return Received(readings)

    def acknowledge(self, token: Any) -> None:
        """A port keeps nothing that it could be told of."""

    def close(self) -> None:
        """Let go of the port."""
        if self._port is not None:
            self._port.close()
        self._port = None

    def _open(self) -> None:
        serial = require("serial", extra="serial", purpose="Reading a serial port")
        self._port = serial.Serial(self._path, self._baud, timeout=0, exclusive=True)
        self._wait_s, self._is_first = 0.0, True
        self._splitter.restart()

    def _read(self, timeout_s: float) -> bytes:
        if os.name == "posix":
            if not select.select([self._port.fileno()], [], [], timeout_s)[0]:
                return b""
        elif not self._port.in_waiting:
            time.sleep(min(timeout_s, 0.01))
        return bytes(self._port.read(_NBYTES_A_READ))

    def _lose(self, error: OSError) -> None:
        """The port has gone: try again later, each time after twice as long."""
        if self._port is not None:
            self._place.counters.add(NAME, "lost")
            self._place.tell(
                f"serial://{self._path}: the port is gone: {error.strerror or error}. It "
                "is opened again when it comes back."
            )
        self.close()
        self._wait_s = min(_LONGEST_WAIT_S, max(_FIRST_WAIT_S, 2 * self._wait_s))
        self._due_s = time.monotonic() + self._wait_s
