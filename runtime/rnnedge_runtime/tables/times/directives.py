"""Time formats as a user writes them, in the letters of `datetime.strptime`."""

from __future__ import annotations

import functools
import re

from ...errors import DataError
from .formats import LETTER, MONTH_PATTERN, OFFSET_PATTERN, TextForm

_DIRECTIVES = {
    "Y": r"(?P<y>\d{4})",
    "y": r"(?P<y>\d{2})",
    "m": r"(?P<m>\d{1,2})",
    "d": r"(?P<d>\d{1,2})",
    "e": r"(?P<d>\d{1,2})",
    "j": r"(?P<j>\d{1,3})",
    "b": MONTH_PATTERN.removesuffix(r"\.?"),
    "B": MONTH_PATTERN.removesuffix(r"\.?"),
    "H": r"(?P<H>\d{1,2})",
    "I": r"(?P<H>\d{1,2})",
    "M": r"(?P<M>\d{1,2})",
    "S": r"(?P<S>\d{1,2})",
    "f": r"(?P<f>\d{1,9})",
    "p": r"(?P<p>[AaPp]\.?[Mm]\.?)",
    "z": rf"(?:{OFFSET_PATTERN.format('')}|(?P<zw2>[Zz]))",
    "Z": r"(?P<zw>[A-Za-z]{1,5})",
    "a": rf"{LETTER}{{2,}}\.?",
    "A": rf"{LETTER}{{2,}}\.?",
    "F": r"(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})",
    "T": r"(?P<H>\d{1,2}):(?P<M>\d{2}):(?P<S>\d{2})",
    "R": r"(?P<H>\d{1,2}):(?P<M>\d{2})",
    "%": "%",
}


@functools.lru_cache(maxsize=32)
def form_of_format(time_format: str) -> TextForm:
    """The form that a format in the letters of `datetime.strptime` names.

    Raises:
        DataError: a letter is unknown or occurs twice, or the format has no year.
    """
    where = f"--time-format '{time_format}'"
    pattern = ""
    pieces = re.findall(r"%.?|\s+|[^%\s]", time_format.strip())
    for k, piece in enumerate(pieces):
        if piece.isspace():
            pattern += r"\s+"
        elif not piece.startswith("%"):
            pattern += re.escape(piece)
        elif piece[1:] not in _DIRECTIVES:
            raise DataError(
                f"{where}: '{piece}' is not a letter of times, expected one of "
                f"{' '.join('%' + letter for letter in _DIRECTIVES)}. Mend the format."
            )
        else:
            part = _DIRECTIVES[piece[1:]]
            beside = [*pieces[max(k - 1, 0) : k], *pieces[k + 1 : k + 2]]
            if any(p.startswith("%") and p[1:] in "YymdjHIMSf" for p in beside):
                part = part.replace("{1,2}", "{2}").replace("{1,3}", "{3}")
            pattern += part
    try:
        compiled = re.compile(pattern, re.ASCII)
    except re.error:
        raise DataError(
            f"{where}: a part of the time occurs twice. Name each part once."
        ) from None
    fields = {group.rstrip("2") for group in compiled.groupindex}
    if not fields & {"y", "H"}:
        raise DataError(
            f"{where}: it names neither a year nor an hour, expected a format such as "
            "'%d.%m.%Y %H:%M'. Mend the format."
        )
    return TextForm(time_format, compiled, has_date="y" in fields)
