"""Readings from lines of text, a header of CSV found in the first."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from ....errors import DataError
from ...loop.nouns import Place, Reading, Received
from ...payloads import Dropping, PayloadError, decode, take_rules
from ...place_options import Options
from .following import LineReader
from .header import header_of
from .position import Position, read_position, write_position

if TYPE_CHECKING:
    from ...payloads import PayloadRules

NAME = "file"


def open_source(place: Place) -> FileSource:
    """A path, `-` for standard input, or `file:///path?follow=1`.

    Raises:
        DataError: an option is not what it must be.
    """
    options = Options(place)
    path = path_of(place.url)
    rules = take_rules(options, place.spec)
    position = options.text("position")
    source = FileSource(
        place,
        LineReader(path, follows=options.flag("follow")),
        rules,
        position=Path(position) if position else None,
    )
    options.finish()
    return source


def path_of(url: str) -> Path | None:
    """The file of a URL or a path; None for a standard stream."""
    text = url
    if url[:7].lower() == "file://":
        text = unquote(url[7:].partition("?")[0].removeprefix("localhost"))
    return None if text in ("", "-") else Path(text)


class FileSource:
    """A `Source` of lines; its token is where the last line that it gave ends."""

    name = NAME

    def __init__(
        self,
        place: Place,
        reader: LineReader,
        rules: PayloadRules,
        *,
        position: Path | None = None,
    ) -> None:
        self._reader = reader
        self._given = self._rules = rules
        self._position = position
        self._dropping = Dropping(place, NAME)
        self._place = place
        self._num_lines = self._num_restarts = 0
        self._is_headed = False
        self._is_told = False

    def start(self) -> None:
        """Open the file, where the position says."""
        kept = Position()
        if self._position is not None:
            kept = read_position(self._position)
            write_position(self._position, kept)  # whether it can be kept
        self._reader.open(kept.offset, kept.head)
        if self._reader.splitter.offset:
            first = self._reader.first_line()
            self._take_header(first)

    def poll(self, timeout_s: float) -> Received | None:
        """Lines as they come; None at the end of what is not followed."""
        lines = self._reader.read(timeout_s)
        if lines is None:
            return None
        readings: list[Reading] = []
        for line in lines:
            self._num_lines += 1
            if self._is_header(line):
                continue
            try:
                readings += decode(line, self._rules)
            except PayloadError as error:
                self._dropping(error, f"line {self._num_lines:,}")
        return Received(readings, self._token())

    def acknowledge(self, token: Any) -> None:
        """Keep the position, where it is asked for."""
        if self._position is None or not isinstance(token, Position):
            return
        try:
            write_position(self._position, token)
            self._is_told = False
        except DataError as error:
            self._place.counters.add(NAME, "positions not kept")
            if not self._is_told:
                self._place.tell(f"{error} It is tried again.")
            self._is_told = True

    def close(self) -> None:
        """Let go of the file."""
        self._reader.close()

    def _token(self) -> Position:
        device, inode = self._reader.head or (0, 0)
        return Position(device, inode, self._reader.splitter.offset)

    def _is_header(self, line: bytes) -> bool:
        """Whether a line is the header, which names the columns; the first line is asked."""
        if self._num_restarts != self._reader.num_restarts:
            self._num_restarts = self._reader.num_restarts
            self._place.counters.add(NAME, "files begun anew")
            self._is_headed = False
        if self._is_headed or not line.strip():
            return False
        return self._take_header(line)

    def _take_header(self, line: bytes) -> bool:
        self._is_headed = True
        found = None
        with contextlib.suppress(PayloadError):
            found = header_of(line, self._given)
        if found is None:
            return False
        names, delimiter = found
        self._rules = replace(
            self._given, format="csv", names=names, delimiter=delimiter
        )
        return True
