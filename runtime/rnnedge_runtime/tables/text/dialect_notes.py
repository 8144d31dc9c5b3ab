"""What is said, in plain sentences, of how a table is written."""

from __future__ import annotations

from collections.abc import Sequence

from ..timestamps import CELL_PADDING
from .header import Header, is_time
from .number_rules import MAGNITUDE, NumberFormat, NumberRules
from .number_text import FLAGS, HEX, TRUTH_WORDS, is_open, number_in, split_number
from .records import BLANKS


def preamble_notes(header: Header, lines: Sequence[str]) -> list[str]:
    """What is said of the lines above and under the names."""
    notes = []
    if count := header.num_preamble:
        first = next(line.strip(CELL_PADDING) for line in lines if line.strip())
        if first.count('"') == 2 and first[0] == first[-1] == '"':
            first = first[1:-1]
        notes.append(
            f"{count} line{'' if count == 1 else 's'} above the names "
            f"{'is' if count == 1 else 'are'} skipped ('{first[:40].rstrip()}')."
        )
    if header.described:
        notes.append(
            f"The line of words under the names is skipped ('{header.described[:40]}')."
        )
    return notes


def layout_notes(delimiter: str, formats: Sequence[NumberFormat]) -> list[str]:
    """What is said of delimiter and decimal mark."""
    notes = []
    if delimiter == BLANKS:
        notes.append("Cells are told apart by blanks.")
    if any(format.decimal == "," for format in formats):
        notes.append("The decimal mark is the comma.")
    return notes


def format_notes(
    name: str, format: NumberFormat, cells: Sequence[str], rules: NumberRules
) -> list[str]:
    """What is said of how the numbers of one column are written."""
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
        if shape is None or number_in(shape, format.decimal or ".") is None:
            continue
        if other in shape.body:
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


def words_note(cells: Sequence[str], column: str) -> str:
    """What is said of a column of two words; "" where they are 1 and 0 themselves."""
    seen: dict[float, str] = {}
    for cell in cells:
        text = cell.strip(CELL_PADDING)
        if text.lower() in TRUTH_WORDS:
            seen.setdefault(TRUTH_WORDS[text.lower()], text)
    said = " and ".join(f"'{seen[value]}' is {value:g}" for value in sorted(seen)[::-1])
    return f"Column '{column}' holds words: {said}."
