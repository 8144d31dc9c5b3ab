"""One number as people write it: decimal comma, groups of thousands, a unit around it.

What is certain from the text alone; what depends on the column is in `column_reader`. Units
stand in cells and in the line under a header.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from ..timestamps import CELL_PADDING, NUMBER

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
TRUTH_PAIRS = tuple(
    """
    true/false yes/no y/n on/off open/closed opened/closed high/low active/inactive
    enabled/disabled running/stopped occupied/vacant occupied/unoccupied home/not_home
    detected/clear wet/dry up/down
    """.split()  # noqa: SIM905
)
"""Words for 1 and 0."""

TRUTH_WORDS = {
    word: value
    for pair in TRUTH_PAIRS
    for word, value in zip(pair.split("/"), (1.0, 0.0), strict=True)
}
OTHER_MARK = {".": ",", ",": "."}

_UNITS = frozenset(
    """
    % %rh rh pct percent ° deg degree degrees rad
    c °c degc deg.c celsius cel f °f degf fahrenheit k kelvin
    v mv kv volt volts a ma ka amp amps w mw kw gw watt watts va kva var kvar
    wh kwh mwh ah mah j kj mj cal kcal ohm ohms kohm Ω
    hz khz mhz ghz rpm 1/min 1/s s sec secs second seconds ms us µs ns min mins minute
    minutes h hr hrs hour hours d day days
    m mm cm km µm um in inch inches ft feet mi mile miles yd
    g mg µg ug kg t lb lbs oz n nm kn
    pa hpa kpa mpa bar mbar psi atm mmhg inhg torr
    l ml m3 m³ gal l/min l/h l/s m3/h m³/h lpm gpm
    m/s km/h kmh kph mph kt kts knots m/s2 m/s² g/m3 g/m³
    ppm ppb ppt lx lux klx lm cd db dba dbm db(a) ph ntu
    w/m2 w/m² µmol/m2/s s/cm ms/cm µs/cm us/cm mg/l mg/dl mmol/l µg/m3 µg/m³ ug/m3
    bpm steps counts count cfm fpm usd eur gbp chf inr jpy $ € £ ¥
    """.split()  # noqa: SIM905
)
_AGGREGATES = frozenset(
    "ts rn avg smp tot min max std med mean sum sample average total inst raw txt".split()  # noqa: SIM905
)
_TIME_PATTERN = re.compile(
    r"[yYmMdDhHsSfzZaATp]+(?:[-/.: ,]+[yYmMdDhHsSfzZaATp]+)+|utc|gmt|local|cet|iso ?8601|"
    "text|string|number|numeric|float|double|int|integer|datetime|date|time|timestamp",
    re.IGNORECASE,
)
_COMPOUND = re.compile(r"[A-Za-zµ°Ω%]+[23²³]?(?:/[A-Za-zµ]+[23²³]?)+")
_BRACKETED = re.compile(r"\[[^\[\]]*\]|\([^()]*\)")


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


def is_unit(text: str) -> bool:
    """Whether a text is a unit: one of the usual, or units with `/` between them."""
    text = text.strip(CELL_PADDING)
    plain = text.lower().replace("º", "°").replace(" ", "").replace("μ", "µ")
    return plain in _UNITS or _COMPOUND.fullmatch(text) is not None


def is_under_header(text: str) -> bool:
    """Whether a text is a unit, or another word that loggers write under a name."""
    text = text.strip(CELL_PADDING)
    if _BRACKETED.fullmatch(text) or text.lower() in _AGGREGATES:
        return True
    if _TIME_PATTERN.fullmatch(text):
        return True
    return is_unit(text)


def unit_under_header(text: str) -> str:
    """The unit that a cell under a name tells; "" for other words such as `Avg`."""
    text = text.strip(CELL_PADDING)
    if _BRACKETED.fullmatch(text):
        return text[1:-1].strip(CELL_PADDING)
    return text if is_unit(text) and text.lower() not in {"min"} else ""
