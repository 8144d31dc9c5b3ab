"""One number as people write it: decimal comma, groups of thousands, a unit around it.

What is certain from the text alone; what depends on the column is in `column_reader`.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from ..timestamps import NUMBER
from .unit_text import is_unit

_GAPS = " \u00a0\u202f\u2009'’"
_SHAPE = re.compile(
    rf"([+\-\u2212]?)([$€£¥]?) ?([+\-\u2212]?)"
    rf"([0-9]{{1,3}}(?:[{_GAPS}][0-9]{{3}})+(?![0-9])(?:[.,][0-9]*)?|[0-9.,]*[0-9][0-9.,]*)"
    r"((?:[eE][+-]?[0-9]+)?)[ \u00a0]*([^\s0-9.,+\-\u2212](?:.*\S)?)?"
)
HEX = re.compile(r"[+-]?0[xX][0-9a-fA-F]{1,15}")
_GROUPS = {
    ".": re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]*)?"),
    ",": re.compile(r"[1-9][0-9]{0,2}(?:\.[0-9]{3})+(?:,[0-9]*)?"),
}
_ONE_GROUP = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")
_THREE_DIGITS = re.compile(r"[0-9]+[.,][0-9]{3}")
MAGNITUDES = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9, "G": 1e9}
FLAGS = frozenset({"s", "*"})
TRUTH_PAIRS = (
    ("true", "false"),
    ("yes", "no"),
    ("y", "n"),
    ("on", "off"),
    ("open", "closed"),
    ("opened", "closed"),
    ("high", "low"),
    ("active", "inactive"),
    ("enabled", "disabled"),
    ("running", "stopped"),
    ("occupied", "vacant"),
    ("occupied", "unoccupied"),
    ("home", "not_home"),
    ("detected", "clear"),
    ("wet", "dry"),
    ("up", "down"),
)
TRUTH_WORDS = {word: 1.0 for word, _ in TRUTH_PAIRS} | {
    word: 0.0 for _, word in TRUTH_PAIRS
}
OTHER_MARK = {".": ",", ",": "."}


@dataclass(frozen=True, slots=True)
class Shape:
    """A cell that starts with a number, taken apart.

    Attributes:
        sign: "-" or "".
        body: digits with their marks, gaps taken out.
        exponent: `e5` or "".
        affix: the unit around it, "" for none.
    """

    sign: str
    body: str
    exponent: str
    affix: str


@functools.lru_cache(maxsize=4096)
def split_number(text: str) -> Shape | None:
    """The parts of a cell without padding that starts with a number; None for others."""
    match = _SHAPE.fullmatch(text)
    if match is None:
        return None
    sign, currency, second_sign, body, exponent, suffix = match.groups(default="")
    if sign and second_sign and (sign != "+" or currency):
        return None
    if suffix and not (is_unit(suffix) or suffix in MAGNITUDES or suffix in FLAGS):
        return None
    for gap in _GAPS:
        if gap in body:
            if len({mark for mark in body if mark in _GAPS}) > 1:
                return None
            body = body.replace(gap, "")
    negative = "-" if {sign, second_sign} & {"-", "\u2212"} else ""
    return Shape(negative, body, exponent, currency + suffix)


def number_in(shape: Shape, decimal: str) -> float | None:
    """The value of a number with this decimal mark; None where its marks do not fit."""
    body, other = shape.body, OTHER_MARK[decimal]
    if other in body:
        if not _GROUPS[decimal].fullmatch(body):
            return None
        body = body.replace(other, "")
    text = f"{shape.sign}{body.replace(',', '.')}{shape.exponent}"
    return float(text) if NUMBER.fullmatch(text) else None


def certain_decimal(shape: Shape) -> str | None:
    """The decimal mark that a number alone gives away; None where it leaves both open."""
    body = shape.body
    fits = [mark for mark in ".," if number_in(shape, mark) is not None]
    if len(fits) == 1 and ("." in body or "," in body):
        return fits[0]
    if fits and not _ONE_GROUP.fullmatch(body):
        return "." if "." in body else "," if "," in body else None
    if fits and shape.exponent:
        return "." if "." in body else ","
    return None


def is_open(shape: Shape) -> bool:
    """Whether `1.924` or `1,924` is all there is, with three digits after the mark."""
    return not shape.exponent and _ONE_GROUP.fullmatch(shape.body) is not None


def has_three_digits(shape: Shape) -> bool:
    """Whether three digits alone follow its mark."""
    return _THREE_DIGITS.fullmatch(shape.body) is not None
