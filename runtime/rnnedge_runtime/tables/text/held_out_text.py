"""The lines of a table of text one by one, where a broken one must not take others along."""

from __future__ import annotations

import csv
import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from ..held_out import (
    MAX_LINE,
    NOT_A_ROW,
    NOT_TEXT,
    NUL,
    OPEN_QUOTE,
    TOO_LONG,
    Fault,
    Line,
)
from ..options import TableOptions
from ..timestamps import CELL_PADDING
from .cell_text import DELIMITERS, csv_cells
from .records import (
    BLANKS,
    STARTS_A_ROW,
    RowShape,
    is_comment,
    split_lines,
    split_rows,
)

MAX_OPEN_LINES = 50
"""Lines that a quoted cell may run over."""

_SEEN_OF_LONG = 4096
_HEADER_LINES = 200
_OTHER_WIDTH = 3


def line_fault(line: str, *, where: str, number: int) -> Fault | None:
    """What is wrong with a line whatever its cells are."""
    if len(line) >= MAX_LINE and not line.endswith(("\n", "\r")):
        return Fault(
            TOO_LONG,
            f"{where}: line {number} has more than {MAX_LINE - 1:,} characters. Look for "
            "a line end that is missing.",
        )
    if "\0" in line:
        return Fault(
            NUL,
            f"{where}: line {number} holds a NUL character, as a file has that was not "
            "written completely. Leave the line out.",
        )
    if line.isascii():
        return None
    for character in line:
        if "\udc80" <= character <= "\udcff" or character == "\ufffd":
            byte = f"byte 0x{ord(character) - 0xDC00:02x}"
            return Fault(
                NOT_TEXT,
                f"{where}: line {number} holds "
                f"{byte if character != chr(0xFFFD) else 'a byte'} that is no text. "
                "Leave the line out, or name the encoding of all lines (--encoding).",
            )
    return None


def is_quote_open(line: str, delimiter: str) -> bool:
    """Whether a quoted cell of a line goes on in the next."""
    if '"' not in line or line.count('"') % 2 == 0:
        return False
    reader = csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        next(reader, None)
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


@dataclass(slots=True)
class TextSplitter:
    """Takes lines apart into cells, each line by itself unless a quoted cell goes on.

    Attributes:
        shape: of the rows.
        number: of the last line that was taken.
    """

    shape: RowShape
    where: str
    number: int = 0
    _next: deque[str] = field(default_factory=deque)

    def lines(self, texts: Iterable[str]) -> Iterator[Line]:
        """The lines of a table below its header, with the faults that show in the text."""
        texts = iter(texts)
        is_quoted = self.shape.delimiter != BLANKS
        waiting: deque[str] = deque()
        is_csv = is_quoted and not self.shape.joins_clock
        split = csv_cells(_Feed(waiting), self.shape.delimiter) if is_csv else None
        while True:
            text = self._next.popleft() if self._next else next(texts, None)
            if text is None:
                return
            self.number += 1
            fault = line_fault(text, where=self.where, number=self.number)
            if (
                fault is None
                and is_quoted
                and is_quote_open(text, self.shape.delimiter)
            ):
                yield self._quoted(text, texts)
                continue
            if fault is not None:
                text = text[:_SEEN_OF_LONG]
            cells: list[str] = []
            try:
                if split is None:
                    cells = next(split_rows([text], self.shape), [])
                else:
                    waiting.append(text)
                    cells = next(split, [])
            except csv.Error as error:
                fault = fault or self._no_csv(str(error))
                split = csv_cells(_Feed(waiting), self.shape.delimiter)
                split = split if is_csv else None
            waiting.clear()
            if fault is not None and fault.reason == TOO_LONG and cells:
                cells = cells[:-1]
            yield Line(self.number, cells, fault)

    def _quoted(self, text: str, texts: Iterator[str]) -> Line:
        """The line that starts a quoted cell, with those that the cell runs over."""
        first, joined = self.number, [text]
        while len(joined) < MAX_OPEN_LINES:
            more = self._next.popleft() if self._next else next(texts, None)
            if more is None:
                break
            if self._looks_like_a_row(more) or len(more) >= MAX_LINE:
                self._next.appendleft(more)
                break
            joined.append(more)
            if not is_quote_open("".join(joined), self.shape.delimiter):
                self.number += len(joined) - 1
                try:
                    cells = next(split_rows(joined, self.shape))
                except csv.Error as error:
                    return Line(first, [], self._no_csv(str(error)))
                return Line(first, cells)
        self._next.extendleft(reversed(joined[1:]))
        delimiter = self.shape.delimiter
        cells = next(split_lines([text], delimiter), [])
        fault = self._no_csv("its quote is not closed", line=first)
        return Line(first, cells[:-1], replace(fault, reason=OPEN_QUOTE))

    def _looks_like_a_row(self, text: str) -> bool:
        if '"' in text and is_quote_open(text, self.shape.delimiter):
            return bool(STARTS_A_ROW.match(text)) and self.shape.delimiter in text
        if self.shape.width == 1:
            return STARTS_A_ROW.match(text) is not None
        if self.shape.delimiter in text and STARTS_A_ROW.match(text):
            return True
        cells = next(split_lines([text], self.shape.delimiter), [])
        return len(cells) == self.shape.width and text.count('"') % 2 == 0

    def _no_csv(self, reason: str, *, line: int | None = None) -> Fault:
        return Fault(
            NOT_A_ROW,
            f"{self.where}: line {line or self.number} is not CSV: {reason}. Look for a "
            "quote that is not closed.",
        )


class _Feed:
    """One line at a time for a CSV reader, which takes the next only when it is there."""

    def __init__(self, waiting: deque[str]) -> None:
        self._waiting = waiting

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if not self._waiting:
            raise StopIteration
        return self._waiting.popleft()


class SoundHead:
    """Lines as they come, broken ones under the header left out; all of them again later.

    A line is broken that is no text, has a quote that is not closed, or another number of
    cells than the header. Where three lines in a row have one other number, they are sound
    and the header is not.

    Args:
        options: may name the delimiter.
        wanted: columns of the header; None leaves nothing out.
    """

    def __init__(
        self, lines: Iterable[str], options: TableOptions, wanted: Sequence[str] | None
    ) -> None:
        self._lines = iter(lines)
        self._options = options
        self._wanted = wanted
        self._seen: list[str] = []
        self._sound: list[int] = []
        self._header: tuple[str, int] | None = None
        self._others: list[int] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while True:
            line = next(self._lines)
            self._seen.append(line)
            if self._is_sound(line):
                self._sound.append(len(self._seen) - 1)
                return line

    def rest(self, num_sound: int) -> tuple[int, Iterator[str]]:
        """How many lines the first so many sound ones reach over, and all lines after."""
        num_lines = self._sound[num_sound - 1] + 1 if num_sound else 0
        return num_lines, itertools.chain(self._seen[num_lines:], self._lines)

    def _is_sound(self, line: str) -> bool:
        if self._wanted is None:
            return True
        if self._header is None:
            if len(self._seen) <= _HEADER_LINES:
                self._header = self._header_of(line)
            return True
        bare = line.strip(CELL_PADDING)
        if not bare or is_comment(bare):
            return True
        delimiter, width = self._header
        if line_fault(line, where="", number=0) or is_quote_open(line, delimiter):
            return False
        found = self._num_cells(line, delimiter, width)
        if found == width or (self._options.fill_rows and found < width):
            self._others.clear()
            return True
        self._others.append(found)
        if self._others[-_OTHER_WIDTH:] == [found] * _OTHER_WIDTH:
            self._wanted = None
            return True
        return False

    def _header_of(self, line: str) -> tuple[str, int] | None:
        """Delimiter and number of cells of a line that names the wanted columns."""
        wanted = set(self._wanted or ())
        given = self._options.delimiter
        for delimiter in DELIMITERS if given is None else [given]:
            if len(delimiter) != 1 or delimiter == " ":
                continue
            cells = [cell.strip(CELL_PADDING) for cell in _cells(line, delimiter)]
            is_apart = len(cells) > 1 or delimiter == DELIMITERS[-1] or given
            if is_apart and wanted <= {
                cell.removeprefix("#").strip() for cell in cells
            }:
                return delimiter, len(cells)
        return None

    def _num_cells(self, line: str, delimiter: str, width: int) -> int:
        cells = _cells(line, delimiter)
        while len(cells) > width and not cells[-1].strip(CELL_PADDING):
            cells.pop()
        return len(cells)


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(split_lines([line], delimiter), [])
    except csv.Error:
        return []
