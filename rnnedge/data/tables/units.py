"""Units of columns, only where a name leaves no doubt: brackets, or a full word for one."""

from __future__ import annotations

import re

_OWN = """
°C °F µg/m³ W/m² m³/h mph hPa kPa mbar psi kV kW Wh kWh MWh Hz kHz rpm mm cm km kg m3 ppm ppb
"""
_WORDS = {
    "°C": "ºc",
    "C": "degc celsius",
    "F": "degf fahrenheit",
    "K": "kelvin",
    "%": "pct percent",
    "m/s": "mps",
    "km/h": "kmh kph",
    "V": "volt volts",
    "A": "ampere amps",
    "W": "watt watts",
    "l/min": "lpm",
    "lx": "lux",
    "dB(A)": "dba",
}
_FULL = {unit.lower(): unit for unit in _OWN.split()} | {
    word: unit for unit, words in _WORDS.items() for word in words.split()
}
"""Unit by a word that means it wherever it stands last in a name."""

_AFTER = (
    (
        {"c": "C", "f": "F", "k": "K"},
        "temp temperature temperatur dew dewpoint dewpt",
    ),
    ({"ms": "m/s"}, "wind speed velocity gust windspeed"),
    ({"pa": "Pa", "mpa": "MPa", "bar": "bar"}, "pressure press baro barometer"),
    ({"v": "V", "mv": "mV"}, "voltage volt"),
    ({"a": "A", "ma": "mA"}, "current"),
    ({"w": "W"}, "power"),
    ({"m": "m"}, "height altitude depth distance elevation visibility"),
    ({"deg": "deg"}, "direction dir angle heading bearing azimuth"),
    ({"db": "dB"}, "noise sound loudness signal rssi"),
    ({"rh": "%"}, "humidity hum humid"),
)
"""Units by the last part of a name, and the words one of which must stand before it."""

_BRACKETS = re.compile(r"(.*\S)\s*([\[(])([^\[\]()]+)[\])]")
_AFTER_MARK = re.compile(r".*\S\s*(?: /|,)\s+(\S.*)")
_PREFIX = "(?:da|[YZEPTGMkhdcmµμnpf])?"
_BASE = (
    "°C|degC|deg C|°F|degF|deg F|°|deg|Wh|VAh|VA|var|Hz|Pa|bar|mol|cd|lux|lx|lm|rad|ohm|"
    "Ω|eV|dBA|dBm|dB|kn|kt|mph|psi|rpm|ppm|ppb|gal|gpm|lpm|cfm|ft|in|mi|yd|lb|oz|mmHg|"
    "inHg|min|h|hr|d|s|g|m|A|K|C|F|V|W|J|N|L|l|t|S|H|Bq|Sv|Gy|T|kat|pH|%RH|%|‰|pcs|"
    "counts|count|rH|RH|NTU|PSU|DU|USD|EUR"
)
_POWER_MARK = "(?:\\^?-?[0-9]|[²³⁻¹]+)?"
_FACTOR = f"{_PREFIX}(?:{_BASE}){_POWER_MARK}"
_UNIT = re.compile(f"(?:{_FACTOR}|1)(?:\\s?[/·*. ]\\s?{_FACTOR})*")
_NOT_UNITS = frozenset({"GT"})


def guess_unit(column: str) -> str:
    """The unit a column's name tells: `temp [K]`, `flow (l/min)`, `temp_degc`; else "".

    A letter alone is no unit unless the words before it say so: `temp_c`, not `sensor_c`.
    """
    name = column.strip()
    if match := _BRACKETS.fullmatch(name):
        before, bracket, text = match.group(1), match.group(2), match.group(3).strip()
        if _is_unit(text) or (bracket == "[" and len(text) <= 12 and ":" not in text):
            return text
        name = before
    if match := _AFTER_MARK.fullmatch(name):
        text = match.group(1).strip()
        return text if _is_unit(text) else ""
    words = re.split(r"[_\s]+", name.lower())
    if len(words) < 2:
        return ""
    for units, needed in _AFTER:
        if words[-1] in units and set(words[:-1]) & set(needed.split()):
            return units[words[-1]]
    return _FULL.get(words[-1], "")


def _is_unit(text: str) -> bool:
    return text not in _NOT_UNITS and _UNIT.fullmatch(text) is not None
