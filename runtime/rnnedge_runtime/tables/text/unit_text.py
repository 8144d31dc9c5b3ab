"""Units as people write them in cells and in the line under a header."""

from __future__ import annotations

import re

from ..timestamps import CELL_PADDING

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
