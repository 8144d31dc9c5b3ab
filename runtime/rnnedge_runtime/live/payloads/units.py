"""Whether two texts mean one unit; nothing is converted."""

from __future__ import annotations

_SAME = (
    "Cel C °C ºC degC celsius",
    "F °F ºF degF fahrenheit",
    "K kelvin",
    "% %RH %EL pct percent rh",
    "/ 1",
    "m/s mps",
    "km/h kmh kph",
    "V volt volts",
    "A ampere amps",
    "W watt watts",
    "Ohm ohm Ω",
    "l L",
    "m2 m²",
    "m3 m³",
    "m/s2 m/s²",
    "W/m2 W/m²",
    "ug/m3 µg/m3 µg/m³ μg/m³",
    "m3/h m³/h",
    "m3/s m³/s",
    "lx lux",
    "hPa mbar",
    "deg °",
    "1/s Hz",
    "1/min rpm",
)
_MEANING = {word: words.split()[0] for words in _SAME for word in words.split()}
_MEANING |= {word.lower(): unit for word, unit in _MEANING.items() if len(word) > 3}


def is_same_unit(given: str, expected: str) -> bool:
    """Whether a unit that came is the one expected; an unknown one, "", fits all."""
    if not given or not expected or given == expected:
        return True
    return _meaning(given) == _meaning(expected)


def _meaning(unit: str) -> str:
    bare = unit.replace(" ", "")
    return _MEANING.get(bare) or _MEANING.get(bare.lower(), bare)
