"""Units as Home Assistant writes them, and the class of sensor that a unit tells."""

from __future__ import annotations

_SPELLINGS = {
    "°C": "C Cel ºC degC celsius",
    "°F": "F ºF degF fahrenheit",
    "%": "pct percent %RH",
    "hPa": "hpa",
    "mbar": "mb millibar",
    "m/s": "mps",
    "km/h": "kmh kph",
    "V": "volt volts",
    "A": "ampere amps",
    "W": "watt watts",
    "lx": "lux",
    "µg/m³": "ug/m3 µg/m3 μg/m³",
    "W/m²": "W/m2",
    "m³/h": "m3/h",
}
_OWN = {word: unit for unit, words in _SPELLINGS.items() for word in words.split()}
_CLASSES = {
    "temperature": "°C °F K",
    "pressure": "Pa hPa kPa bar mbar psi mmHg inHg",
    "power": "mW W kW MW",
    "voltage": "µV mV V kV",
    "current": "mA A",
    "frequency": "Hz kHz MHz GHz",
    "illuminance": "lx",
    "irradiance": "W/m²",
    "speed": "m/s km/h mph kn ft/s",
    "weight": "mg g kg t lb oz",
    "distance": "mm cm m km",
    "apparent_power": "VA",
    "precipitation_intensity": "mm/h mm/d",
    "volume_flow_rate": "m³/h L/min",
}
_CLASS_OF = {unit: name for name, units in _CLASSES.items() for unit in units.split()}
"""Units of one class alone: % may be a humidity or a battery, Wh needs a total."""


def unit_of(unit: str) -> str:
    """A unit as Home Assistant writes it; one that it does not know stays."""
    return _OWN.get(unit, unit)


def class_of(unit: str) -> str | None:
    """The `device_class` that a unit as Home Assistant writes it tells, or None."""
    return _CLASS_OF.get(unit)
