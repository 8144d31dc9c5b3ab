"""Units of columns, only where a name leaves no doubt: brackets, or a full word for one."""

from __future__ import annotations

import re

_FULL = {
    "°c": "°C",
    "°f": "°F",
    "µg/m³": "µg/m³",
    "w/m²": "W/m²",
    "m³/h": "m³/h",
    "ºc": "°C",
    "degc": "C",
    "celsius": "C",
    "degf": "F",
    "fahrenheit": "F",
    "kelvin": "K",
    "pct": "%",
    "percent": "%",
    "mps": "m/s",
    "kmh": "km/h",
    "kph": "km/h",
    "mph": "mph",
    "hpa": "hPa",
    "kpa": "kPa",
    "mbar": "mbar",
    "psi": "psi",
    "volt": "V",
    "volts": "V",
    "kv": "kV",
    "ampere": "A",
    "amps": "A",
    "watt": "W",
    "watts": "W",
    "kw": "kW",
    "wh": "Wh",
    "kwh": "kWh",
    "mwh": "MWh",
    "hz": "Hz",
    "khz": "kHz",
    "rpm": "rpm",
    "mm": "mm",
    "cm": "cm",
    "km": "km",
    "kg": "kg",
    "lpm": "l/min",
    "m3": "m3",
    "ppm": "ppm",
    "ppb": "ppb",
    "lux": "lx",
    "dba": "dB(A)",
}
_TEMPERATURE = "temp temperature temperatur dew dewpoint dewpt"
_SPEED = "wind speed velocity gust windspeed"
_PRESSURE = "pressure press baro barometer"
_VOLTAGE = "voltage volt"
_CURRENT = "current"
_POWER = "power"
_LENGTH = "height altitude depth distance elevation visibility"
_ANGLE = "direction dir angle heading bearing azimuth"
_SOUND = "noise sound loudness signal rssi"
_HUMIDITY = "humidity hum humid"
_AMBIGUOUS = {
    ("c", "C", _TEMPERATURE),
    ("f", "F", _TEMPERATURE),
    ("k", "K", _TEMPERATURE),
    ("deg", "deg", _ANGLE),
    ("ms", "m/s", _SPEED),
    ("pa", "Pa", _PRESSURE),
    ("mpa", "MPa", _PRESSURE),
    ("bar", "bar", _PRESSURE),
    ("v", "V", _VOLTAGE),
    ("mv", "mV", _VOLTAGE),
    ("a", "A", _CURRENT),
    ("ma", "mA", _CURRENT),
    ("w", "W", _POWER),
    ("m", "m", _LENGTH),
    ("db", "dB", _SOUND),
    ("rh", "%", _HUMIDITY),
}
"""Last part of a name, its unit, and the words that must stand before it."""

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
    for last, unit, needed in _AMBIGUOUS:
        if words[-1] == last and set(words[:-1]) & set(needed.split()):
            return unit
    return _FULL.get(words[-1], "")


def _is_unit(text: str) -> bool:
    return text not in _NOT_UNITS and _UNIT.fullmatch(text) is not None
