"""Units only where a name leaves no doubt."""

from __future__ import annotations

import io

import numpy as np
import polars as pl
import pytest

from rnnedge.data import load_dataset
from rnnedge.data.tables.units import guess_unit


@pytest.mark.parametrize(
    ("column", "unit"),
    [
        ("Temp (°C)", "°C"),
        ("Humidity [%]", "%"),
        ("T (degC)", "degC"),
        ("p (mbar)", "mbar"),
        ("wv (m/s)", "m/s"),
        ("q [m3/h]", "m3/h"),
        ("Glucose Value (mg/dL)", "mg/dL"),
        ("Current(A)", "A"),
        ("torque (kN·m)", "kN·m"),
        ("load [adc]", "adc"),
        ("Power / W", "W"),
        ("Temp, °C (LGR S/N: 1, SEN S/N: 1)", "°C"),
        ("RH, % (LGR S/N: 1)", "%"),
        ("temp_c", "C"),
        ("outdoor_temperature_f", "F"),
        ("wind_ms", "m/s"),
        ("pressure_hpa", "hPa"),
        ("power_w", "W"),
        ("supply voltage_v", "V"),
        ("Power_kW", "kW"),
        ("temp_degc", "C"),
        ("energy_kwh", "kWh"),
    ],
)
def test_a_unit_that_is_written(column: str, unit: str) -> None:
    assert guess_unit(column) == unit


@pytest.mark.parametrize(
    "column",
    [
        *("latency_ms", "sensor_a", "sensor_c", "zone_f", "grade_k", "class_v", "x_m"),
        *("phase_a", "row_w", "foo_bar", "delay_ma", "var_mv", "user_db", "axis_deg"),
        *("CO(GT)", "PT08.S1(CO)", "temp (inside)", "Timestamp (YYYY-MM-DDThh:mm:ss)"),
        *(
            "Date Time, GMT+01:00",
            "a, b",
            "in / out",
            "c",
            "kwh",
            "[C]",
            "",
        ),
    ],
)
def test_names_that_tell_no_unit(column: str) -> None:
    assert guess_unit(column) == ""


def test_a_row_of_units_and_what_the_user_says(tmp_path: object) -> None:
    """`latency_ms` was metres per second, `sensor_a` amperes."""
    rng = np.random.default_rng(0)
    rows = [
        f"2024-01-01 {k:02d}:00,{a:.2f},{b:.2f}"
        for k, (a, b) in enumerate(rng.normal(size=(24, 2)))
    ]
    text = "time,latency_ms,sensor_a\n" + "\n".join(rows) + "\n"
    frame = pl.read_csv(io.StringIO(text))
    assert load_dataset(frame, targets="sensor_a").units == ("", "")
    path = tmp_path / "units.csv"  # type: ignore[operator]
    path.write_text(text.replace("sensor_a\n", "sensor_a\n,ms,mA\n"))
    assert load_dataset(path, targets="sensor_a").units[1] == "mA"
    data = load_dataset(path, targets="sensor_a", units={"sensor_a": "V"})
    assert data.units[1] == "V"
