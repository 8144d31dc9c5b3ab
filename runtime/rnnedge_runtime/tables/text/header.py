"""Where the rows of a table start, and what its columns are called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from ..timestamps import CELL_PADDING
from .cell_text import MISSING_WORDS
from .number_text import (
    HEX,
    is_under_header,
    number_in,
    split_number,
    unit_under_header,
)
from .records import is_comment

_DATE = (
    r"(?:\d{1,4}[-/.]\d{1,2}(?:[-/.]\d{1,4})?"
    r"|\d{1,2}[-/ .]{0,2}[A-Za-z]{3,9}[-/ .,]{1,2}\d{2,4}"
    r"|[A-Za-z]{3,9}\.? \d{1,2},? \d{4}|\d{4}[-/ ][A-Za-z]{3,9}[-/ ]\d{1,2}|\d{6,8})"
)
_CLOCK = (
    r"(?:\d{1,2}[:.]\d{1,2}(?:[:.]\d{1,2})?(?:[.,:]\d+)?|\d{1,2}|\d{4}|\d{6})"
    r"(?: ?[AaPp]\.?[Mm]\.?)?(?: ?(?:Z|[A-Z]{2,5}|[+-]\d\d:?(?:\d\d)?))?"
)
_TIME = re.compile(
    rf"(?:[A-Za-z]{{3,9}},? )?{_DATE}(?:(?:[T_]|,? +){_CLOCK})?|{_CLOCK}", re.ASCII
)
_TIME_NAME = re.compile(
    r"time|date|datum|zeit|stamp|fecha|heure|epoch|^(?:ts|utc|ds|t)$", re.IGNORECASE
)


@dataclass(frozen=True)
class Record:
    """One line of the head of a table.

    Attributes:
        end: lines up to and with this one.
        cells: as they came.
    """

    end: int
    cells: tuple[str, ...]

    @cached_property
    def texts(self) -> tuple[str, ...]:
        return tuple(
            " ".join(cell.strip(CELL_PADDING).splitlines()) for cell in self.cells
        )


@dataclass(frozen=True, slots=True)
class Header:
    """The lines above the rows.

    Attributes:
        end: lines up to the first row.
        num_preamble: lines above the names that are something else.
        cells: of the line with the names, without padding, as many as columns; empty when
            there is no such line.
        width: number of columns.
        units: of the columns, from a line under the names; "" where there is none.
        described: another line of words under the names.
        num_above: lines above the one with the names, empty ones among them.
    """

    end: int
    num_preamble: int
    cells: tuple[str, ...]
    width: int
    units: tuple[str, ...]
    described: str = ""
    num_above: int = 0


def value_kind(text: str) -> str:
    """What a cell without padding looks like: `empty`, `missing`, `value` or `word`."""
    if not text:
        return "empty"
    if text.lower() in MISSING_WORDS:
        return "missing"
    shape = split_number(text)
    if shape is not None and any(number_in(shape, mark) is not None for mark in ".,"):
        return "value"
    if HEX.fullmatch(text) or is_time(text):
        return "value"
    return "word"


def is_time(text: str) -> bool:
    """Whether a text looks like a date or a clock time, however it is written."""
    return _TIME.fullmatch(text) is not None


def common_width(records: Sequence[Record]) -> int:
    """The number of cells that most lines have; the larger of equally frequent ones."""
    counts: dict[int, int] = {}
    for record in records:
        counts[len(record.cells)] = counts.get(len(record.cells), 0) + 1
    return max(counts, key=lambda width: (counts[width], width))


def has_clock_apart(records: Sequence[Record]) -> bool:
    """Whether each row has a cell more than there are names, as blanks part date and time."""
    width = common_width(records)
    rows = [r.texts for r in records if len(r.cells) == width]
    if len(records[0].cells) == width or len(rows) == len(records):
        return False
    above = next(k for k, r in enumerate(records) if len(r.cells) == width)
    if len(records[above - 1].cells) not in (width - 1, width - 2):
        return False
    clock = re.compile(r"[0-9]{1,2}:[0-9]{2}[0-9:.,]*")
    date = re.compile(r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}")
    return any(
        all(date.fullmatch(row[k]) and clock.fullmatch(row[k + 1]) for row in rows)
        for k in range(width - 1)
    )


def find_header(records: Sequence[Record], width: int) -> Header:
    """Tell preamble, names, units and rows of a table apart.

    Args:
        records: lines at its front that are not empty; at least one.
        width: cells of its rows (`common_width`).
    """
    full = [r for r in records if not is_comment(r.cells[0])]
    rows = [r for r in full if len(r.cells) == width]
    body = rows[1:] or rows
    filled = [k + 1 for r in body for k, text in enumerate(r.texts) if text]
    ends = width - max(filled, default=0)  # columns at the right that hold nothing
    is_value = _value_columns(body, width)
    first = next(
        (k for k, r in enumerate(records) if r in full and _fits(r, width, ends)), 0
    )
    first = _line_of_names(records, first, width, ends, is_value)
    top = records[first]
    hashed = _hashed(records[:first], width, ends)
    names_at = first if _is_names(top, is_value, body) else hashed
    names: list[str] = []
    if names_at is not None:
        names = list(records[names_at].texts)
        if names_at == hashed:
            names = _without_hash(names, width)
    elif first and is_line_of_words(records[first - 1]):
        names_at = first - 1
        names = _misfitting(records[names_at].texts, width, body)
        width, ends = max(len(names), 1), 0
    if names_at is None:
        kept = width - ends if first + 1 < len(records) else width
        if any(_is_cut_row(record) for record in records[:first]):
            first = 0
        start = records[first - 1].end if first else 0
        return Header(start, first, (), max(kept, 1), ("",) * max(kept, 1))
    below = names_at + 1
    names += [""] * (width - len(names))
    units = [""] * len(names)
    described = ""
    while below < len(records):
        if _is_units(records[below], names, is_value):
            for k, text in enumerate(records[below].texts[: len(names)]):
                units[k] = units[k] or unit_under_header(text)
                names[k] = names[k] or (text if _TIME_NAME.search(text) else "")
        elif _is_description(records[below], is_value):
            described = ",".join(records[below].texts)
        else:
            break
        below += 1
    while names and not names[-1] and len(names) > max(width - ends, 1):
        names.pop()
    end = records[below - 1].end
    return Header(
        end,
        names_at,
        tuple(names),
        len(names),
        tuple(units[: len(names)]),
        described,
        records[names_at - 1].end if names_at else 0,
    )


def _fits(record: Record, width: int, ends: int) -> bool:
    """Whether a line has as many cells as the rows, empty ones at the end aside."""
    size = len(record.cells)
    if size > width:
        return not any(record.texts[width:])
    return size >= max(width - ends, 1)


def _line_of_names(
    records: Sequence[Record], first: int, width: int, ends: int, is_value: list[bool]
) -> int:
    """Of several lines of words above the rows, the one with the most, a time among them."""
    words = []
    for k in range(first, len(records)):
        record = records[k]
        if is_comment(record.cells[0]) or not _fits(record, width, ends):
            continue
        kinds = [value_kind(text) for text in record.texts]
        if "value" not in kinds:
            words.append(k)
        elif not any(
            kind == "word" and value
            for kind, value in zip(kinds, is_value, strict=False)
        ):
            break
    if not words or not any(is_value):
        return first

    def worth(k: int) -> tuple[int, bool]:
        texts = records[k].texts
        num_words = sum(value_kind(text) == "word" for text in texts)
        return num_words, any(_TIME_NAME.search(text) for text in texts)

    return max(words, key=worth)


def is_line_of_words(record: Record) -> bool:
    """Whether a line holds two or more words and nothing else, as a line of names does."""
    if is_comment(record.cells[0]) or len(record.cells) < 2:
        return False
    return all(value_kind(text) == "word" for text in record.texts) and not any(
        text.endswith(":") for text in record.texts
    )


def _misfitting(
    names: tuple[str, ...], width: int, body: Sequence[Record]
) -> list[str]:
    """Names of a line that has not as many cells as the rows below.

    Rows may start with an index that has no name, names with a mark in front of them. In
    any other case the rows do not fit the names, which is found out when they are read.
    """
    index = [r.texts[0] for r in body]
    counts = [[str(start + k) for k in range(len(index))] for start in (0, 1, 2)]
    if len(names) == width - 1 and index in counts:
        return ["", *names]
    if len(names) == width + 1 and names[0] in ("%", "//", ";", "!", "*"):
        return list(names[1:])
    return list(names)


def _is_cut_row(record: Record) -> bool:
    """Whether a line above a table without names is a row of another width."""
    if is_comment(record.cells[0]) or len(record.cells) == 1:
        return False
    return any(value_kind(text) == "value" for text in record.texts)


def _value_columns(body: Sequence[Record], width: int) -> list[bool]:
    """Whether the columns hold values rather than words."""
    found = []
    for k in range(width):
        kinds = [value_kind(r.texts[k]) for r in body]
        found.append(kinds.count("value") > kinds.count("word"))
    return found


def _is_names(record: Record, is_value: Sequence[bool], body: Sequence[Record]) -> bool:
    """Whether a line holds names rather than readings.

    Names are words, or numbers next to a word where the rows below hold values.
    """
    kinds = [value_kind(text) for text in record.texts]
    if "value" not in kinds:
        return "word" in kinds or not any(is_value)
    if any(is_time(text) and split_number(text) is None for text in record.texts):
        return False
    if record in body:
        return False
    return any(
        kind == "word" and value for kind, value in zip(kinds, is_value, strict=False)
    )


def _hashed(records: Sequence[Record], width: int, ends: int) -> int | None:
    """The last line above the rows, when it is a comment that names the columns."""
    if not records or not is_comment(records[-1].cells[0]):
        return None
    names = _without_hash(list(records[-1].texts), width)
    record = Record(0, tuple(names))
    kinds = [value_kind(text) for text in names]
    if not _fits(record, width, ends) or "value" in kinds or width == 1:
        return None
    return len(records) - 1


def _without_hash(names: list[str], width: int) -> list[str]:
    """Names of a line that starts with `#`, which alone may be the name of a column."""
    first = names[0].lstrip("#").strip(CELL_PADDING)
    if first:
        return [first, *names[1:]]
    return names if len(names) <= width else names[1:]


def _is_description(record: Record, is_value: Sequence[bool]) -> bool:
    """Whether a line holds words in all columns that hold values further down."""
    texts = [text for text, value in zip(record.texts, is_value, strict=False) if value]
    kinds = {value_kind(text) for text in texts}
    return len(texts) == sum(is_value) > 1 and kinds == {"word"}


def _is_units(record: Record, names: Sequence[str], is_value: Sequence[bool]) -> bool:
    """Whether a line under the names holds units and the like instead of readings."""
    texts = record.texts
    if len(texts) > len(names) and any(texts[len(names) :]):
        return False
    words = [text for text in texts if text]
    return (
        len(names) > 1
        and bool(words)
        and all(value_kind(text) != "value" for text in words)
        and all(is_under_header(text) or text in ("-", "--", "n/a") for text in words)
        and any(text not in ("-", "--", "n/a") for text in words)
    )
