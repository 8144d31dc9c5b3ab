"""Units of columns: given, in the header's brackets, or from the usual suffixes."""

from __future__ import annotations

import re

_SUFFIXES = {
    "c": "C",
    "degc": "C",
    "f": "F",
    "degf": "F",
    "k": "K",
    "pct": "%",
    "percent": "%",
    "rh": "%",
    "ms": "m/s",
    "mps": "m/s",
    "kmh": "km/h",
    "kph": "km/h",
    "mph": "mph",
    "pa": "Pa",
    "hpa": "hPa",
    "kpa": "kPa",
    "mpa": "MPa",
    "mbar": "mbar",
    "bar": "bar",
    "psi": "psi",
    "v": "V",
    "mv": "mV",
    "a": "A",
    "ma": "mA",
    "w": "W",
    "kw": "kW",
    "wh": "Wh",
    "kwh": "kWh",
    "hz": "Hz",
    "khz": "kHz",
    "rpm": "rpm",
    "m": "m",
    "mm": "mm",
    "cm": "cm",
    "km": "km",
    "kg": "kg",
    "lpm": "l/min",
    "m3": "m3",
    "ppm": "ppm",
    "ppb": "ppb",
    "lux": "lx",
    "lx": "lx",
    "db": "dB",
    "dba": "dB(A)",
    "deg": "deg",
}
_BRACKETS = re.compile(r".*\S\s*[\[(]([^\[\]()]+)[\])]")


def guess_unit(column: str) -> str:
    """The unit a column's name tells: `temp [K]`, `flow (l/min)`, `temp_c`; else ""."""
    if match := _BRACKETS.fullmatch(column.strip()):
        return match.group(1).strip()
    _, underscore, suffix = column.rpartition("_")
    return _SUFFIXES.get(suffix.lower(), "") if underscore else ""
