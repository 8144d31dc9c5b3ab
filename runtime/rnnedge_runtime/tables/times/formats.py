"""Time cells as text: the forms in which dates are written, one cell or a column at once.

A form is a regular expression whose groups are fields: `y m d` date, `mon` month's name,
`q` quarter, `w u` week and its day, `j` day of the year, `D e` days and hours elapsed,
`H M S f` clock and fraction, `p` AM or PM, `zs zh zm` offset, `zw` zone's name. A trailing 2
tells two groups of one field apart. Whether a form matches depends on where digits stand,
never on which, so one match serves all the cells of a column whose other characters agree.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .calendar import (
    DAY_US,
    HOUR_US,
    SECOND_US,
    days_of_date,
    is_clock_time,
    is_date,
    is_leap,
)

NO_OFFSET = int(np.iinfo(np.int64).min)
"""Offset of a cell that names none, in `TextForm.read_column`."""

Moments = tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.int64]]

_MAX_SHAPES = 200

OFFSET_PATTERN = r"(?P<zs{0}>[+-])(?P<zh{0}>\d{{1,2}})(?::?(?P<zm{0}>\d{{2}}))?"
_ZONE = (
    rf"(?:\s?(?:{OFFSET_PATTERN.format('')}|(?P<zw>[A-Za-z]{{1,5}})(?:{OFFSET_PATTERN.format('2')})?)"
    r"(?:\s?\[[A-Za-z_/+-]+\])?)?"
)
_AM_PM = r"(?:\s?(?P<p>[AaPp]\.?\s?[Mm]\.?))?"
_LOOKALIKES = str.maketrans("\u00a0\u2009\u202f\u2212\u2013", "   --")
_CLOCK = (
    r"(?P<H>\d{1,2})(?:(?P<_c>[:.h])(?P<M>\d{2})"
    rf"(?:(?P=_c)(?P<S>\d{{2}})(?:[.,:](?P<f>\d{{1,9}}))?)?)?{_AM_PM}"
)
_COMPACT_CLOCK = r"(?P<H2>\d{2})(?P<M2>\d{2})(?:(?P<S2>\d{2})(?:[.,](?P<f2>\d{1,9}))?)?"
_TAIL = rf"(?:(?:[Tt_]|\s*[;,]\s*|\s+)(?:{_CLOCK}|{_COMPACT_CLOCK}){_ZONE})?"
LETTER = "[A-Za-zÄäÉéÛû]"
MONTH_PATTERN = rf"(?P<mon>{LETTER}{{3,9}})\.?"
_DAY = r"(?P<d>\d{1,2})"
_YEAR = r"(?P<y>\d{4}|\d{2})"


_LETTERS = {
    "y": "%Y",
    "mon": "%b",
    "w": "%V",
    "D": "",
    "e": "%H",
    "zs": "%z",
    "zw": "%Z",
}
"""Letters of `datetime.strptime` for the fields whose own letter it is not."""

_MONTHS = (
    "jan january januar jänner janv janvier ene enero gen gennaio januari",
    "feb february februar févr fevr février fevrier febrero febbraio februari",
    "mar march mär märz maerz mrz mars marzo mrt maart",
    "apr april avr avril abr abril aprile",
    "may mai mayo mag maggio mei",
    "jun june juni juin junio giu giugno",
    "jul july juli juil juillet julio lug luglio",
    "aug august août aout ago agosto augustus",
    "sep sept september septembre septiembre set settembre",
    "oct october okt oktober octobre octubre ott ottobre",
    "nov november novembre noviembre",
    "dec december dez dezember déc décembre decembre dic diciembre dicembre",
)
MONTHS = {word: k for k, line in enumerate(_MONTHS, 1) for word in line.split()}
"""Number of a month by its name or short name, in lower case without a final point."""

_ZONES_AT: dict[float, str] = {
    0: "z utc gmt wet",
    1: "west cet mez",
    2: "cest mesz eet",
    3: "eest msk",
    8: "hkt sgt awst",
    9: "jst",
    9.5: "acst",
    10: "aest",
    10.5: "acdt",
    11: "aedt",
    12: "nzst",
    13: "nzdt",
    -4: "edt",
    -5: "est cdt",
    -6: "mdt",
    -7: "mst pdt",
    -8: "pst akdt",
    -9: "akst",
    -10: "hst",
}
ZONE_HOURS = {
    zone: hours for hours, zones in _ZONES_AT.items() for zone in zones.split()
}
"""Hours ahead of UTC of zone names that mean one thing; CST, IST and BST mean several."""


@dataclass(frozen=True, eq=False, slots=True)
class TextForm:
    """One way to write a time.

    Attributes:
        name: for messages, as `dd/mm/yyyy`.
        pattern: matches a whole cell; its groups are the fields.
        has_date: False for a time of day alone.
        is_digits: whether cells are digits alone, to which programs add `.0`.
    """

    name: str
    pattern: re.Pattern[str]
    has_date: bool = True
    is_digits: bool = False

    def read(self, text: str) -> tuple[int, int | None] | None:
        """Microseconds since 1970 in the cell's own zone, and that zone's offset.

        The offset is in microseconds, None where the cell names none. None when the text
        is not of this form, or there is no such date.
        """
        text = text.removesuffix(".0") if self.is_digits else text
        text = text if text.isascii() else text.translate(_LOOKALIKES)
        match = self.pattern.fullmatch(text)
        if match is None:
            return None
        found = _evaluate(match, lambda group: int(match[group]))
        if found is None or not found[0]:
            return None
        return int(found[1]), None if found[2] is None else int(found[2])

    def has_clock(self, text: str) -> bool:
        """Whether a cell of this form holds a time of day."""
        match = self.pattern.fullmatch(text)
        fields = {} if match is None else match.groupdict()
        return any(fields.get(group) is not None for group in ("H", "H2"))

    def read_all(self, texts: Sequence[str]) -> Moments:
        """`read` of every cell: is it a time, local microseconds, offset (`NO_OFFSET`)."""
        whole, cells = "".join(texts), texts
        if not whole.isascii() or "\0" in whole:  # neither is in NumPy's bytes
            cells = [t if t.isascii() and "\0" not in t else "" for t in texts]
        is_time, local, offset = self.read_column(np.array(cells, np.bytes_))
        for k in np.flatnonzero(~is_time).tolist():
            found = self.read(texts[k])
            if found is not None:
                is_time[k], local[k] = True, found[0]
                offset[k] = NO_OFFSET if found[1] is None else found[1]
        return is_time, local, offset

    def read_column(self, cells: NDArray[np.bytes_]) -> Moments:
        """`read` of every cell: is it a time, local microseconds, offset.

        Cells are ASCII text. `NO_OFFSET` stands for None. Cells beyond the first few
        hundred ways to place digits are False; read them one by one.
        """
        if self.is_digits and len(cells) and cells[0].endswith(b".0"):
            cells = np.array([cell.removesuffix(b".0") for cell in cells], np.bytes_)
        num_cells, width = len(cells), cells.dtype.itemsize
        is_time = np.zeros(num_cells, dtype=np.bool_)
        local = np.zeros(num_cells, dtype=np.int64)
        offset = np.full(num_cells, NO_OFFSET, dtype=np.int64)
        codes = np.ascontiguousarray(cells).view(np.uint8).reshape(num_cells, width)
        shapes = np.where((codes >= 48) & (codes <= 57), np.uint8(48), codes)
        rest = np.arange(num_cells)
        for _ in range(_MAX_SHAPES):
            if not len(rest):
                break
            same = (shapes[rest] == shapes[rest[0]]).all(axis=1)
            here, rest = rest[same], rest[~same]
            text = cells[here[0]].decode("ascii")
            match = self.pattern.fullmatch(text)
            if match is None:
                continue
            found = _evaluate(match, _digits_of(codes[here], match))
            if found is None:
                continue
            is_time[here] = found[0]
            local[here] = found[1]
            if found[2] is not None:
                offset[here] = found[2]
        return is_time, local, offset

    def code(self, text: str) -> str:
        """The letters of `datetime.strptime` for a cell of this form."""
        match = self.pattern.fullmatch(text)
        if match is None:
            return self.name
        parts: dict[tuple[int, int], str] = {}
        for group in match.re.groupindex:
            field = group.rstrip("2")
            if match[group] is None or field in ("_c", "_d", "zh", "zm"):
                continue
            letter = _LETTERS.get(field, f"%{field}")
            if field == "y" and len(match[group]) == 2:
                letter = "%y"
            if field == "zw" and match[group] in "Zz":
                letter = "%z"
            if field == "H" and match.re.groupindex.get("p") and match["p"]:
                letter = "%I"
            start, end = match.span(group)
            if field == "zs":
                end = max(match.end("zh" + group[2:]), match.end("zm" + group[2:]))
            parts[start, end] = letter
        code, done = "", 0
        for (start, end), letter in sorted(parts.items()):
            code += text[done:start].replace("%", "%%") + letter
            done = end
        return code + text[done:]


def _digits_of(
    codes: NDArray[np.uint8], match: re.Match[str]
) -> Callable[[str], NDArray[np.int64]]:
    """The number in a group's place of every row of `codes`."""

    def digits(group: str) -> NDArray[np.int64]:
        start, end = match.span(group)
        value = np.zeros(len(codes), dtype=np.int64)
        for k in range(start, end):
            value = value * 10 + (codes[:, k].astype(np.int64) - 48)
        return value

    return digits


def _evaluate(
    match: re.Match[str], number: Callable[[str], Any]
) -> tuple[Any, Any, Any] | None:
    """Is it a time, local microseconds, offset; for one cell or for many of one shape."""
    found = match.re.groupindex
    groups = {group.rstrip("2"): group for group in found if match[group] is not None}

    def value(field: str, default: int) -> Any:
        return number(groups[field]) if field in groups else default

    hour, minute, second = value("H", 0), value("M", 0), value("S", 0)
    if "p" in groups:
        is_ok = (hour >= 1) & (hour <= 12)
        hour = hour % 12 + 12 * (match[groups["p"]][0] in "pP")
    else:
        is_ok = hour >= 0
    is_ok = is_ok & is_clock_time(hour, minute, second)
    days: Any = value("D", 0)
    if "e" in groups:
        hour = value("e", 0)
        is_ok = is_ok & (minute <= 59) & (second <= 59)
    if "y" in groups:
        year, month = value("y", 0), value("m", 1)
        if len(match[groups["y"]]) == 2:
            year = year + 1900 + 100 * (year < 69)
        if "mon" in groups:
            month = MONTHS.get(match[groups["mon"]].lower(), 0)
        if "q" in groups:
            is_ok = is_ok & (value("q", 1) >= 1) & (value("q", 1) <= 4)
            month = 3 * value("q", 1) - 2
        day = value("d", 1)
        if "j" in groups:
            past = value("j", 1)
            is_ok = is_ok & (past >= 1) & (past <= 365 + is_leap(year))
            is_ok = is_ok & is_date(year, 1, 1)
            days = days_of_date(year, 1, 1) + past - 1
        elif "w" in groups:
            week, weekday = value("w", 1), value("u", 1)
            is_ok = is_ok & (week >= 1) & (week <= 53) & (weekday >= 1) & (weekday <= 7)
            is_ok = is_ok & is_date(year, 1, 4)
            fourth = days_of_date(year, 1, 4)
            days = fourth - (fourth + 3) % 7 + 7 * (week - 1) + weekday - 1
        else:
            is_ok = is_ok & is_date(year, month, day)
            days = days_of_date(year, month, day)
    local = days * DAY_US + hour * HOUR_US + (60 * minute + second) * SECOND_US
    if "f" in groups:
        num_digits = len(match[groups["f"]])
        scale = 10 ** abs(6 - num_digits)
        fraction = value("f", 0)
        local = local + (fraction * scale if num_digits <= 6 else fraction // scale)
    offset: Any = None
    if "zw" in groups:
        word = match[groups["zw"]].lower()
        if word not in ZONE_HOURS or ("zs" in groups and word not in ("utc", "gmt")):
            return None
        offset = int(ZONE_HOURS[word] * HOUR_US)
    if "zs" in groups:
        hours, minutes = value("zh", 0), value("zm", 0)
        is_ok = is_ok & (hours <= 15) & (minutes <= 59)
        sign = -1 if match[groups["zs"]] == "-" else 1
        offset = sign * (hours * HOUR_US + minutes * 60 * SECOND_US)
    return is_ok, local, offset


def _form(
    name: str, pattern: str, *, has_date: bool = True, is_digits: bool = False
) -> TextForm:
    return TextForm(name, re.compile(pattern, re.ASCII), has_date, is_digits)


_WEEKDAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}\.?,?\s+)?"
_DMY = rf"{_WEEKDAY}{_DAY}(?P<_d>[-/]|\.\s?)(?P<m>\d{{1,2}})(?P=_d){_YEAR}{_TAIL}"
_MDY = rf"{_WEEKDAY}(?P<m>\d{{1,2}})(?P<_d>[-/]){_DAY}(?P=_d){_YEAR}{_TAIL}"

TEXT_FORMS: tuple[TextForm, ...] = (
    _form(
        "yyyy-mm-dd",
        rf"(?P<y>\d{{4}})(?P<_d>[-/.])(?P<m>\d{{1,2}})(?P=_d){_DAY}{_TAIL}",
    ),
    _form("dd/mm/yyyy", _DMY),
    _form("mm/dd/yyyy", _MDY),
    _form(
        "yy-mm-dd",
        rf"(?P<y>\d{{2}})(?P<_d>[-/.])(?P<m>\d{{1,2}})(?P=_d){_DAY}{_TAIL}",
    ),
    _form(
        "d-Mon-yyyy",
        rf"{_WEEKDAY}{_DAY}(?:st|nd|rd|th)?(?:\.\s?|[-/ ]|){MONTH_PATTERN},?[-/ ]?"
        rf"{_YEAR}{_TAIL.replace('[Tt_]', '[Tt_:]')}",
    ),
    _form(
        "Mon d, yyyy",
        rf"{_WEEKDAY}{MONTH_PATTERN}\s+{_DAY}(?:st|nd|rd|th)?,?\s+(?P<y>\d{{4}}){_TAIL}",
    ),
    _form(
        "Mon d hh:mm:ss yyyy",
        rf"{_WEEKDAY}{MONTH_PATTERN}\s+{_DAY}\s+{_CLOCK}{_ZONE}\s+(?P<y>\d{{4}})",
    ),
    _form("yyyy-Mon-d", rf"(?P<y>\d{{4}})[-/ ]{MONTH_PATTERN}[-/ ]{_DAY}{_TAIL}"),
    _form("yyyy-Www-d", rf"(?P<y>\d{{4}})-?[Ww](?P<w>\d{{2}})(?:-?(?P<u>\d))?{_TAIL}"),
    _form("yyyy-mm", r"(?P<y>\d{4})[-/](?P<m>\d{1,2})"),
    _form("mm/yyyy", r"(?P<m>\d{1,2})[-/](?P<y>\d{4})"),
    _form("Mon yyyy", rf"{MONTH_PATTERN}(?:[-/ ](?P<y>\d{{4}})|-(?P<y2>\d{{2}}))"),
    _form("yyyy Mon", rf"(?P<y>\d{{4}})[-/ ]?{MONTH_PATTERN}"),
    _form("yyyy-Qq", r"(?P<y>\d{4})[-/ ]?[Qq](?P<q>\d)"),
    _form("yyyymmdd hhmm", rf"(?P<y>\d{{4}})(?P<m>\d{{2}})(?P<d>\d{{2}}){_TAIL}"),
    _form("yymmdd hhmm", rf"(?P<y>\d{{2}})(?P<m>\d{{2}})(?P<d>\d{{2}}){_TAIL}"),
    _form("yyyy-ddd", rf"(?P<y>\d{{4}})-(?P<j>\d{{3}}){_TAIL}"),
    _form(
        "hh:mm:ss",
        rf"(?=\d{{1,2}}(?::|h\d|\.\d\d\.|\s?[AaPp]\.?\s?[Mm])){_CLOCK}",
        has_date=False,
    ),
    _form(
        "elapsed hh:mm:ss",
        r"(?:(?P<D>\d{1,5}) days?,? )?(?P<e>\d{1,5}):(?P<M>\d{2})"
        r"(?::(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?",
        has_date=False,
    ),
)
"""Forms of cells that are no numbers, the likelier first."""

_DATE4 = r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})"
_DATE2 = r"(?P<y>\d{2})(?P<m>\d{2})(?P<d>\d{2})"
_HOUR_MINUTE = r"(?P<H>\d{2})(?P<M>\d{2})"
_SECOND = r"(?P<S>\d{2})"
DIGIT_FORMS = tuple(
    _form(name, pattern, is_digits=True)
    for name, pattern in (
        (
            "yyyymmddhhmmss",
            rf"{_DATE4}{_HOUR_MINUTE}{_SECOND}(?:[.,](?P<f>\d{{1,9}})|(?P<f2>\d{{3}}))?",
        ),
        ("yyyymmddhhmm", _DATE4 + _HOUR_MINUTE),
        ("yyyymmddhh", rf"{_DATE4}(?P<H>\d{{2}})"),
        ("yyyymmdd", _DATE4),
        ("yyyymm", r"(?P<y>\d{4})(?P<m>\d{2})"),
        ("yyyy", r"(?P<y>\d{4})"),
        ("yyyyddd", r"(?P<y>\d{4})(?P<j>\d{3})"),
        ("yymmdd", _DATE2),
        ("yymmddhhmm", _DATE2 + _HOUR_MINUTE),
        ("yymmddhhmmss", _DATE2 + _HOUR_MINUTE + _SECOND),
    )
)
"""Forms of cells that are digits alone."""

ISO_FORM = TEXT_FORMS[0]
CLOCK_FORM = TEXT_FORMS[-2]


def form_of_parts(num_parts: int) -> TextForm:
    """The form of year, month, day, hour, minute, second in columns of their own."""
    return ISO_FORM if num_parts > 2 else _YEAR_MONTH


_YEAR_MONTH = next(form for form in TEXT_FORMS if form.name == "yyyy-mm")
