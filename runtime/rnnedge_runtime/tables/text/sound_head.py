"""The first lines of a table without those that would mislead about how it is written."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterable, Iterator, Sequence

from ..options import TableOptions
from ..timestamps import CELL_PADDING
from .cell_text import DELIMITERS
from .held_out_text import is_quote_open, line_fault
from .records import is_comment, split_lines

_HEADER_LINES = 200
_OTHER_WIDTH = 3


class SoundHead:
    """Lines as they come, broken ones under the header left out; all of them again later.

    A line is broken that is no text, has a quote that is not closed, or another number of
    cells than the header. Where three lines in a row have one other number, they are sound
    and the header is not.

    Args:
        lines: of a table of text.
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
