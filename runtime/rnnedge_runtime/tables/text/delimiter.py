"""What stands between the cells of a table, from how its lines come apart."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

from ...errors import DataError
from ..options import TableOptions
from ..timestamps import CELL_PADDING
from .cell_text import DELIMITERS
from .header import Record, common_width, value_kind
from .records import BLANKS, JOINT, is_comment, join_clock, split_at_blanks

_KEY_VALUE = re.compile(r'\s*"?[^\W\d][^,;\t|"]{0,40}:[ \t]')
"""A line such as `Station: Kiel`, which stands above a table."""

_DELIMITER_WORDS = {"tab": "\t", "\\t": "\t", "space": BLANKS, "blank": BLANKS}


def read_records(lines: Sequence[str], delimiter: str) -> list[Record]:
    """Lines with text, as cells; up to where they are not CSV."""
    found: list[Record] = []
    try:
        if delimiter == BLANKS:
            for end, line in enumerate(lines, 1):
                if blank_cells := split_at_blanks(line):
                    found.append(Record(end, tuple(blank_cells)))
            return found
        reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
        for cells in reader:
            if any(cell.strip(CELL_PADDING) for cell in cells):
                found.append(Record(reader.line_num, tuple(cells)))
    except csv.Error:
        pass
    return found


def rows_alone(records: Sequence[Record]) -> Sequence[Record]:
    """The records that are no comments, or all where there are only comments."""
    return [r for r in records if not is_comment(r.cells[0])] or records


def find_delimiter(lines: Sequence[str], options: TableOptions, *, where: str) -> str:
    """The delimiter of a table that starts with these lines, `BLANKS` for runs of blanks.

    Raises:
        DataError: the one that was given is no single character.
    """
    given = options.delimiter
    if given is not None:
        delimiter: str = _DELIMITER_WORDS.get(given.lower(), given)
        if len(delimiter) != 1 or delimiter in '"\r\n':
            raise DataError(
                f"{where}: the delimiter '{given}' is not one character. Give --delimiter "
                "one, or the word tab or space."
            )
        return delimiter
    candidates = [*DELIMITERS, BLANKS]
    scores = {delimiter: _score(lines, delimiter) for delimiter in candidates}
    joined = [join_clock(line) for line in lines]
    if joined != lines:
        scores[BLANKS] = max(scores[BLANKS], _score(joined, BLANKS))
    best: str = max(candidates, key=lambda delimiter: scores[delimiter])
    return best


def _score(lines: Sequence[str], delimiter: str) -> float:
    """How well a delimiter tells the cells of a table apart."""
    tail = [line for line in lines if not _KEY_VALUE.match(line)] or lines
    each = [record for line in tail for record in read_records([line], delimiter)]
    records = rows_alone(each)
    if not records:
        return 0.0
    width = common_width(records)
    fitting = [r for r in records if len(r.cells) == width]
    body = fitting[1:] or fitting
    quality = sum(_quality(cell) for r in body for cell in r.texts) / (
        width * len(body)
    )
    names = fitting[0].texts
    if len(fitting) > 1 and len({n for n in names if n}) < len([n for n in names if n]):
        quality *= 0.9
    if any(mark in name for name in names for mark in DELIMITERS if mark != delimiter):
        quality *= 0.6 if width == 1 else 0.95
    if width == 1:
        quality *= 0.9
    above = records[: records.index(fitting[0])]
    last = [value_kind(text) for text in above[-1].texts] if above else []
    if 0 < len(last) < width and set(last) == {"word"}:
        quality *= 0.8
    if delimiter == BLANKS:
        quality *= 0.85 if any("\t" in line.strip() for line in lines) else 0.95
    return len(fitting) / len(records) * (0.2 + quality)


def _quality(text: str) -> float:
    """How much a cell looks like one: a value, a word, or several with a mark between."""
    kind = value_kind(text.replace(JOINT, " "))
    if kind == "value":
        return 1.0
    if kind == "missing":
        return 0.9
    if kind == "empty":
        return 0.7
    return 0.0 if any(mark in text for mark in ",;\t|") else 0.5
