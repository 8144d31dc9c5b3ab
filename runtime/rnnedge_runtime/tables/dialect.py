"""How a table of text is written, found in its first lines.

One detector for training, which sees whole files, and for the device, which may see a pipe:
both go by what the first `HEAD_LINES` lines, or those at hand, tell.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..errors import DataError
from .cell_text import DELIMITERS
from .header import (
    Header,
    Record,
    common_width,
    find_header,
    is_time,
    value_kind,
)
from .number_text import (
    FLAGS,
    HEX,
    MAGNITUDE,
    ColumnReader,
    NumberFormat,
    NumberRules,
    certain_decimal,
    decide_format,
    has_three_decimals,
    is_open,
    split_number,
    words_note,
)
from .options import TableOptions
from .records import (
    BLANKS,
    RowFilter,
    RowShape,
    is_comment,
    split_at_blanks,
    split_lines,
)
from .timestamps import CELL_PADDING, NUMBER

HEAD_LINES = 1000
"""Lines at the front of a table from which it is told how it is written."""

_LAYOUT_LINES = 200
_GERMAN_DATE = re.compile(r"[0-3]?[0-9]\.[01]?[0-9]\.(?:[0-9]{4}|[0-9]{2})(?:[ T].*)?")
_DELIMITER_WORDS = {"tab": "\t", "\\t": "\t", "space": BLANKS, "blank": BLANKS}


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a table of text is written.

    Attributes:
        shape: of its rows.
        num_lines: lines above the first row.
        names: of the columns, each once; "" for a column without a name.
        units: of the columns, "" where none is written in the table.
        rules: how the numbers of its columns are read.
        formats: of the numbers, by column.
        notes: what was found out and is worth a word.
    """

    shape: RowShape
    num_lines: int
    names: tuple[str, ...]
    units: tuple[str, ...]
    rules: NumberRules
    formats: tuple[NumberFormat, ...]
    notes: tuple[str, ...] = ()

    def reader(self, name: str) -> ColumnReader:
        """A reader of the numbers in a column."""
        return ColumnReader(name, self.rules, self.formats[self.names.index(name)])


def find_dialect(
    lines: Sequence[str], *, where: str, options: TableOptions | None = None
) -> Dialect:
    """How a table is written whose first lines these are.

    Args:
        lines: with or without line ends; one at least that is not empty.
        where: start of messages.
        options: what the user said; the rest is found.

    Raises:
        DataError: an option does not fit.
    """
    options = options or TableOptions()
    skip = options.skip_rows or 0
    head = _without_mark(lines[skip:])
    delimiter = _delimiter(head[:_LAYOUT_LINES], options, where=where)
    records = _records(head[:_LAYOUT_LINES], delimiter)
    if not records:
        raise _no_lines(where, skip)
    header = find_header(records, common_width(_rows_alone(records)))
    names, notes = _names(header)
    if header.num_preamble:
        count = header.num_preamble
        notes.insert(
            0,
            f"{count} line{'' if count == 1 else 's'} above the names "
            f"{'is' if count == 1 else 'are'} skipped ('{header.preamble[:40]}').",
        )
    if skip:
        header = replace(header, end=header.end + skip)
        head = list(lines)
    first = next(iter(_records(head[header.end : header.end + 20], delimiter)), None)
    shape = RowShape(
        delimiter,
        header.cells or names,
        has_comments=first is None or not is_comment(first.cells[0]),
        has_footers=first is None or any(c.isdigit() for c in first.cells[0]),
    )
    rows = _rows(head[header.end :], shape)
    rules = _rules(rows, delimiter, table_rules(options, names, where=where))
    formats = []
    units = list(header.units)
    for k, name in enumerate(names):
        cells = [(row, cells[k]) for row, cells in rows]
        format = decide_format(cells, rules, column=name)
        formats.append(format)
        if format.affix and format.affix != MAGNITUDE:
            units[k] = units[k] or format.affix
        notes += _format_notes(name, format, [text for _, text in cells], rules)
    notes = _layout_notes(delimiter, formats) + notes
    return Dialect(
        shape, header.end, names, tuple(units), rules, tuple(formats), tuple(notes)
    )


def find_dialect_live(
    lines: Iterator[str], *, where: str, options: TableOptions | None = None
) -> tuple[Dialect, list[str]]:
    """As `find_dialect`, from as few lines as will do; and the lines that were read.

    Stops at the first line that looks like a row, so that a live source gets its answer.
    """
    seen: list[str] = []
    for line in itertools.islice(lines, HEAD_LINES):
        seen.append(line)
        if not line.strip(CELL_PADDING) or len(seen) <= (
            (options and options.skip_rows) or 0
        ):
            continue
        dialect = find_dialect(seen, where=where, options=options)
        rows = _rows(seen[dialect.num_lines :], dialect.shape)
        if rows and _is_settled(rows[0][1], dialect):
            return dialect, seen
    return find_dialect(seen, where=where, options=options), seen


def _is_settled(row: Sequence[str], dialect: Dialect) -> bool:
    """Whether a row is one, however the lines below it look."""
    kinds = [value_kind(cell.strip(CELL_PADDING)) for cell in row]
    has_values = "value" in kinds or "missing" in kinds
    if dialect.shape.delimiter == BLANKS or len(row) == 1:
        return has_values and kinds.count("word") < max(1, len(row) / 2)
    return has_values or len(row) > 1


def _no_lines(where: str, skip: int) -> DataError:
    return DataError(
        f"{where}: no line with text is left after --skip-rows {skip}. Skip fewer."
    )


def _without_mark(lines: Sequence[str]) -> list[str]:
    head = list(lines)
    if head:
        head[0] = head[0].removeprefix("\ufeff")
    return head


def _records(lines: Sequence[str], delimiter: str) -> list[Record]:
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


def _rows_alone(records: Sequence[Record]) -> Sequence[Record]:
    return [r for r in records if not is_comment(r.cells[0])] or records


def _delimiter(lines: Sequence[str], options: TableOptions, *, where: str) -> str:
    given = options.delimiter
    if given is not None:
        delimiter = _DELIMITER_WORDS.get(given.lower(), given)
        if len(delimiter) != 1 or delimiter in '"\r\n':
            raise DataError(
                f"{where}: the delimiter '{given}' is not one character. Give --delimiter "
                "one, or the word tab or space."
            )
        return delimiter
    candidates = [*DELIMITERS, BLANKS]
    scores = {delimiter: _score(lines, delimiter) for delimiter in candidates}
    return max(candidates, key=lambda delimiter: scores[delimiter])


def _score(lines: Sequence[str], delimiter: str) -> float:
    """How well a delimiter tells the cells of a table apart."""
    records = _rows_alone(_records(lines, delimiter))
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
        quality *= 0.6
    if width == 1:
        quality *= 0.9
    if delimiter == BLANKS:
        quality *= 0.95
    return len(fitting) / len(records) * (0.2 + quality)


def _quality(text: str) -> float:
    """How much a cell looks like one: a value, a word, or several with a mark between."""
    kind = value_kind(text)
    if kind == "value":
        return 1.0
    if kind == "missing":
        return 0.9
    if kind == "empty":
        return 0.7
    return 0.0 if any(mark in text for mark in ",;\t|") else 0.5


def _names(header: Header) -> tuple[tuple[str, ...], list[str]]:
    """Names that are there once each, and what was changed."""
    if not header.cells:
        names = tuple(f"c{k + 1}" for k in range(header.width))
        last = f" to {names[-1]}" if len(names) > 1 else ""
        return names, [
            f"No line names the columns, so they are called {names[0]}{last}."
        ]
    names_so_far: list[str] = []
    notes = []
    for k, name in enumerate(header.cells):
        new = name
        number = 1
        while new and (new in names_so_far or (number > 1 and new in header.cells)):
            number += 1
            new = f"{name}_{number}"
        if new != name:
            notes.append(
                f"Columns {names_so_far.index(name) + 1} and {k + 1} are both named "
                f"'{name}'; the second is called '{new}'."
            )
        names_so_far.append(new)
    return tuple(names_so_far), notes


def _rows(lines: Sequence[str], shape: RowShape) -> list[tuple[int, list[str]]]:
    """Rows among the lines that fit, counted from 1."""
    filter = RowFilter(shape, where="")
    found: list[tuple[int, list[str]]] = []
    try:
        for cells in split_lines(lines, shape.delimiter):
            row = filter.row(cells) if cells else None
            if row is not None and len(row) == shape.width:
                found.append((len(found) + 1, row))
    except csv.Error:
        pass
    return found


def table_rules(
    options: TableOptions, names: Sequence[str], *, where: str
) -> NumberRules:
    """What the options alone say of the numbers in a table.

    Raises:
        DataError: an option does not fit.
    """
    if options.decimal not in (None, ".", ","):
        raise DataError(
            f"{where}: the decimal mark '{options.decimal}' is neither a point nor a comma. "
            "Give --decimal . or --decimal ,."
        )
    return NumberRules(
        where=where,
        decimal=options.decimal,
        na=tuple(word.strip(CELL_PADDING).lower() for word in options.na),
        missing_values=tuple(
            _missing_value(text, names, where=where) for text in options.missing_values
        ),
    )


def _rules(
    rows: Sequence[tuple[int, list[str]]], delimiter: str, asked: NumberRules
) -> NumberRules:
    """The rules with what the first rows tell of the decimal mark."""
    marks = set()
    three = has_date = False
    for _, cells in rows:
        for cell in cells:
            text = cell.strip(CELL_PADDING)
            if not text or text.isdigit():
                continue
            shape = split_number(text)
            if shape is not None and (mark := certain_decimal(shape)):
                marks.add(mark)
                three = three or has_three_decimals(shape)
            elif not has_date and _GERMAN_DATE.fullmatch(text):
                has_date = True
    signs = {
        "its cells are told apart by semicolons": delimiter == ";",
        "other numbers have a decimal comma": "," in marks,
        "its dates are written dd.mm.yyyy": has_date,
    }
    found = [sign for sign, is_there in signs.items() if is_there]
    return replace(
        asked,
        german=found[0] if found else "",
        has_three_digits=three,
        comma_elsewhere="," in marks,
        point_elsewhere="." in marks,
        comma_delimits=delimiter == ",",
    )


def _missing_value(text: str, names: Sequence[str], *, where: str) -> tuple[str, float]:
    column, equals, number = text.rpartition("=")
    if not NUMBER.fullmatch(number.strip()):
        raise DataError(
            f"{where}: '{text}' does not name a number that means a missing reading. Give "
            "--missing-value -999, or --missing-value COLUMN=-999."
        )
    if equals and column not in names:
        raise DataError(
            f"{where}: --missing-value '{text}' names no column of the table, which has "
            f"{', '.join(name for name in names if name)}. Name one of these."
        )
    return column, float(number)


def _layout_notes(delimiter: str, formats: Sequence[NumberFormat]) -> list[str]:
    notes = []
    if delimiter == BLANKS:
        notes.append("Cells are told apart by blanks.")
    if any(format.decimal == "," for format in formats):
        notes.append("The decimal mark is the comma.")
    return notes


def _format_notes(
    name: str, format: NumberFormat, cells: Sequence[str], rules: NumberRules
) -> list[str]:
    if format.is_words:
        return [words_note(cells, name)]
    notes = []
    if format.affix == MAGNITUDE:
        notes.append(
            f"Column '{name}': K, M and B in its cells are thousands, millions and "
            "thousand millions."
        )
    elif format.affix:
        notes.append(f"Column '{name}': its unit, {format.affix}, is in its cells.")
    else:
        notes += _flag_notes(name, cells)
    return notes + _mark_notes(name, format, cells, rules)


def _flag_notes(name: str, cells: Sequence[str]) -> list[str]:
    for cell in cells:
        text = cell.strip(CELL_PADDING)
        if text[-1:] in FLAGS and split_number(text) is not None:
            flag = text[-1]
            return [
                f"Column '{name}': the flag '{flag}' after some numbers ('{text}') is not "
                f"looked at; to leave these readings out, give --na '*{flag}'."
            ]
        if HEX.fullmatch(text):
            return [f"Column '{name}': its numbers are hexadecimal ('{text}')."]
    return []


def _mark_notes(
    name: str, format: NumberFormat, cells: Sequence[str], rules: NumberRules
) -> list[str]:
    """What is said of thousands and of decimal marks that were not certain."""
    other = {".": ",", ",": "."}.get(format.decimal or "", "")
    for cell in cells:
        text = cell.strip(CELL_PADDING)
        if not other or other not in text or is_time(text):
            continue
        shape = split_number(text)
        if shape is not None and other in shape.body:
            return [f"Column '{name}': {_spoken(other)} group thousands ('{text}')."]
    for row, cell in enumerate(cells, 1):
        shape = split_number(cell.strip(CELL_PADDING))
        if shape is not None and is_open(shape):
            if format.decimal == "," and rules.decimal is None:
                return [f"Column '{name}': '{cell}' in row {row} has a decimal comma."]
            break
    return []


def _spoken(mark: str) -> str:
    return {".": "points", ",": "commas"}[mark]
