"""The bundled weather readings, as files that every reader of this package takes."""

from __future__ import annotations

from pathlib import Path

from rnnedge_runtime.errors import DataError

STATIONS = ("jfk", "ewr")


def weather(station: str = "jfk") -> Path:
    """The file of one station's hourly readings in 2013 (README.md beside it).

    Columns: time (UTC), temp_c, dewpoint_c, humidity_pct, wind_ms, pressure_hpa. Hours are
    missing, and so are single pressures; `ewr` holds one reading of a broken wind sensor.

    Args:
        station: `jfk`, or `ewr` for a device that a model trained on `jfk` has not seen.

    Raises:
        DataError: there is no such station.
    """
    if station not in STATIONS:
        raise DataError(
            f"datasets.weather: there is no station '{station}'. "
            f"Choose one of {', '.join(STATIONS)}."
        )
    return Path(__file__).parent / f"{station}_weather_2013_hourly.csv.gz"
