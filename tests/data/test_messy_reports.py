"""Public reports and loggers' tables: read right, or refused with the option that mends it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from support.tables import messy_reports
from support.tables.messy_checks import (
    HOUR,
    Case,
    check_read,
    check_reads_again,
    check_refused,
    check_streamed,
)

from rnnedge.cli import main
from rnnedge_runtime.tables.options import TableOptions

X = (20.0, 20.7)
LAST_X = (20.8, 21.4)
X2 = (20.01, 20.66)
Y = (50.0, 51.2)
NAN = float("nan")
DAY = 86_400.0
LAST = "2019-03-08T11:30:00"
GMT1 = {"first": "2019-02-28T23:00:00", "last": "2019-03-08T10:30:00"}
START = "1970-01-01T00:00:00"
BERLIN = TableOptions(tz="Europe/Berlin")
CALLED = "No line names the columns, so they are called c1 to "


def half_hourly(name: str, target: str, /, *notes: str, **values: object) -> Case:
    """A file of 360 half hours from 2019-03-01; `values` name all features."""
    return _case(name, values or {target: X}, target, notes)


def _case(
    name: str, values: object, target: str, notes: tuple[str, ...] = (), **more: object
) -> Case:
    expected = {
        "period": HOUR / 2,
        "first": "2019-03-01T00:00:00",
        "last": LAST,
        **more,
    }
    return Case(name, values, target, notes=notes, **expected)  # type: ignore[arg-type]


def clock(name: str, target: str, period: float, last: str, values: object) -> Case:
    """A file whose times count from some start."""
    notes = ("no hour of day is derived from it",)
    more = {"period": period, "first": START, "last": last}
    return _case(name, values, target, notes, **more)


CASES = [
    _case("D01_household.txt", {"Global_active_power": (2.001, 2.066),
          "Voltage": (222.501, 222.56), "Sub_metering_1": (0, 1)}, "Global_active_power",
          ("made from the columns Date+Time", "is read as dd/mm/yyyy"),
          missing=(50, 51, 52)),
    _case("D02_airquality.csv", {"CO(GT)": (2, 2.1), "PT08.S1(CO)": (1050, 1051), "T": X,
          "RH": Y}, "CO(GT)", ("--missing-value T=-200", "is read as dd/mm/yyyy")),
    _case("D02_airquality.csv", {"CO(GT)": (2, 2.1), "PT08.S1(CO)": (1050, 1051), "T": X,
          "RH": Y}, "T", options=TableOptions(missing_values=("T=-200",)),
          missing=(5, 102)),
    _case("D03_5hz_float_ms.csv", {"ax": (2.001, 2.066), "ay": (5.002, 5.119)}, "ax",
          ("rows off the period of 200 ms",), period=0.2, first="2022-09-29T07:20:00",
          last="2022-09-29T07:21:11.800"),
    _case("D04_jitter.csv", {"Voltage(V)": (3.335, 3.4433), "Current(A)": (1.0004, 1.0238)},
          "Voltage(V)", period=120.0, first="2019-03-01T00:00:00.300",
          last="2019-03-01T11:53:00.300"),
    _case("D05_dst_offset.csv", {"load": X2}, "load", first="2022-10-25T21:00:00",
          last="2022-11-02T08:30:00"),
    _case("D05b_dst_local.csv", {"load": X2}, "load", first="2022-10-25T21:00:00",
          last="2022-11-02T08:30:00", options=BERLIN, refused="--tz Europe/Berlin"),
    _case("D05c_dst_spring_local.csv", {"load": X2}, "load",
          ("skips an hour", "--tz Europe/Berlin"), period=HOUR,
          first="2022-03-25T00:00:00", last="2022-04-09T00:00:00"),
    _case("D05c_dst_spring_local.csv", {"load": X2}, "load", period=HOUR,
          first="2022-03-24T23:00:00", last="2022-04-08T22:00:00", options=BERLIN),
    _case("D06_yahoo.csv", {"Open": X2, "High": (21.01, 21.66), "Low": (19.01, 19.66),
          "Close": (20.21, 20.86), "Adj Close": (20.11, 20.76),
          "Volume": (1_500_200, 1_511_900)}, "Close", ("missing rows put in",), period=DAY,
          first="2018-01-01", last="2019-05-17"),
    _case("D06b_investing.csv", {"Price": (1020.01, 1020.66), "Vol.": (50.02e6, 51.19e6),
          "Change %": (0.01, 0.66)}, "Price", ("commas group", "its unit, %"), period=DAY,
          first="2018-01-01", last="2019-05-17"),
    _case("D07_store.csv", {"sales": (21, 22)}, "sales", period=DAY, rows=90,
          first="2019-03-01", last="2019-05-29", series="store+item",
          refused="--series store+item"),
    _case("D08_ha.csv", {"state": (NAN, 20.7)}, "state", period=600.0,
          last="2019-03-03T11:50:00", missing=(0, 30)),
    _case("D08b_ha_two.csv", {"state": X}, "state", period=600.0,
          last="2019-03-03T11:50:00", series="entity_id", refused="--series entity_id"),
    _case("D08b_ha_two.csv", {"sensor.boiler": X, "sensor.outside": Y}, "sensor.boiler",
          period=600.0, last="2019-03-03T11:50:00", options=TableOptions(pivot="entity_id")),
    _case("D09_comments.csv", {"Temp_disc": X2, "Torque": (50.02, 51.19)}, "Torque",
          ("3 lines above the names are skipped ('# group-id: a1')",), period=0.5,
          first=START, last="1970-01-01T00:02:59.500"),
    half_hourly("D10_noheader.csv", "c2", CALLED + "c3", c2=X, c3=Y),
    _case("D11_ragged.csv", {"c2": (NAN, 103.3)}, "c2", (CALLED + "c5",),
          options=TableOptions(fill_rows=True), refused="--fill-rows", missing=(0, 9, 18)),
    _case("D12_cmapss.txt", {"c1": (1, 1), "c2": (1, 2), "c4": (0, 0.0004),
          "c7": (642.0, 642.07), "c8": (1590.0, 1590.24)}, "c7",
          (CALLED + "c8", "give --series c1."), period=None, first=None, last=None),
    _case("D12_cmapss.txt", {"c2": (1, 2), "c4": (0, 0.0004), "c7": (642.0, 642.07),
          "c8": (1590.0, 1590.24)}, "c7", period=None, first=None, last=None, rows=90,
          series="c1"),
    _case("D13_clarity.csv", {"Glucose Value (mg/dL)": (120, 124)},
          "Glucose Value (mg/dL)", ("the first 3 rows have no time and are left out",),
          period=300.0, last="2019-03-02T05:55:00", refused="--na 'Low' --na 'High'",
          options=TableOptions(na=("Low", "High")), missing=(77, 120)),
    _case("D14_influx.csv", {"temp": X2}, "temp"),
    _case("D15_hobo.csv", {"Temp, °C (LGR S/N: 1, SEN S/N: 1)": (20.01, 20.66),
          "RH, % (LGR S/N: 1)": (50.02, 51.19)}, "RH, % (LGR S/N: 1)",
          ("1 line above the names", "is read as mm/dd/yyyy"), **GMT1),
    _case("D15b_cp1252.csv", {"Temp °C": X, "hum": Y}, "hum", ("read as Windows-1252",)),
    half_hourly("D15c_utf16.csv", "temp", "The text is UTF-16.", temp=X, hum=Y),
    half_hourly("D16_ampm.csv", "temp", "is read as mm/dd/yyyy", temp=X2),
    _case("D17_sci_epoch.csv", {"temp": X2}, "temp", period=None, first=None, last=None,
          options=TableOptions(no_time=True), refused="--no-time"),
    half_hourly("D18_onoff.csv", "temp", "'ON' is 1", temp=X, pump=(0, 1), door=(1, 0)),
    _case("D19_ns.csv", {"temp": X2}, "temp", first="2019-03-01T00:00:00.123456",
          last="2019-03-08T11:30:00.123456"),
    half_hourly("D20_units.csv", "temp", "its unit, °C", temp=X, humidity=(50, 51)),
    _case("D21_lcd.csv", {"HourlyDryBulbTemperature": (20, 20),
          "HourlyPrecipitation": (NAN, 0)}, "HourlyDryBulbTemperature", ("the flag 's'",),
          options=TableOptions(na=("T",)), refused="--na 'T'"),
    half_hourly("D23_toa5.csv", "RH", "'RECORD' is left out", AirTC_Avg=X2, RH=Y),
    half_hourly("D23b_units_row.csv", "temp", temp=X2, hum=Y),
    _case("D24_newest_first.csv", {"field1": LAST_X}, "field1", ("turned round",),
          is_streamed=False),
    _case("D25_pandas_index.csv", {"temp": X2, "hum": Y}, "temp"),
    half_hourly("D27_sparse.csv", "temp", temp=X2, pressure=(1005.0, NAN)),
    _case("D28_passengers.csv", {"#Passengers": (100, 111)}, "#Passengers",
          ("the rows are months of 28 to 31 days",), period=2_629_440.0, rows=144,
          first="1949-01-01", last="1960-12-01"),
    half_hourly("D31_excel_date.csv", "temp", temp=X2),
    _case("D32_jena.csv", {"p (mbar)": (995.0, 995.12), "T (degC)": X2,
          "wv (m/s)": (0.01, 0.66)}, "T (degC)", ("--missing-value 'wv (m/s)=-9999'.",)),
    half_hourly("D35_excel_serial.csv", "temp", "as Excel counts them", temp=X2),
    clock("D36_elapsed.csv", "Temp", 0.01, "1970-01-01T00:00:03.590",
          {"Temp": X2, "Flow": (50.02, 51.19)}),
    _case("D36b_arbin.csv", {"Step_Index": (1, 1), "Cycle_Index": (1, 1),
          "Current(A)": (1.0004, 1.0238), "Voltage(V)": (3.335, 3.4433)}, "Voltage(V)",
          ("'Data_Point' is left out",), period=10.0, first="1970-01-01T00:00:00.030",
          last="1970-01-01T00:59:50.030"),
    clock("D37_seconds_name.csv", "temp", 0.5, "1970-01-01T00:02:59.500", {"temp": X2}),
    clock("D38_time_only.csv", "temp", 1800.0, "1970-01-08T11:30:00", {"temp": X2}),
    half_hourly("D39_yymmdd.csv", "temp", "is read as yymmdd hhmm", temp=X2),
    half_hourly("D40_thousands.csv", "power", "commas group", power=(1200.1, 1206.6)),
    half_hourly("D41_missing_codes.csv", "temp", "--missing-value temp=-999.9",
                "--missing-value hum=9999", temp=X, hum=Y),
    half_hourly("D42_semicolon_decimal_comma.csv", "Temperatur",
                "The decimal mark is the comma"),
    half_hourly("D43_json.json", "temp"),
    half_hourly("D44.csv.gz", "temp"),
    _case("D45_spaces_in_names.csv", {"Temp (C)": X, "Speed [m/s]": Y}, "Temp (C)"),
    half_hourly("D46_dup_columns.csv", "temp", "called 'temp_2'", temp=X, temp_2=Y),
    _case("D47_tz_name.csv", {"temp": X2}, "temp", **GMT1),
    half_hourly("D48_trailing_summary.csv", "temp", "The last 2 lines ('Average')"),
    _case("D49_hash_in_header_time_iso_ms.csv", {"rpm": (920.0, 920.7)}, "rpm",
          period=0.02, last="2019-03-01T00:00:07.180"),
    _case("D50_epoch_frac.csv", {"x": X2, "y": (50.02, 51.19)}, "x", period=0.02,
          last="2019-03-01T00:00:07.180"),
]  # fmt: skip

EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reports")
    messy_reports.write_messy_reports(path)
    return path


def test_the_table_names_every_file(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {case.name for case in CASES}


@EACH
def test_it_is_read_right_or_refused_with_the_option(case: Case, folder: Path) -> None:
    if case.refused:
        check_refused(case, folder)
    check_read(case, folder)


@EACH
def test_what_was_found_reads_the_same_when_given(case: Case, folder: Path) -> None:
    check_reads_again(case, folder)


@EACH
def test_a_device_reads_the_same_rows(case: Case, folder: Path) -> None:
    if case.is_streamed:
        check_streamed(case, folder)


def test_a_clock_without_a_date_is_printed_as_seconds(folder: Path) -> None:
    path = folder / "D36_elapsed.csv"
    result = CliRunner().invoke(main, ["check", str(path), "--target", "Temp"])
    assert "every 10 ms, 0:00:00 to 0:00:03.590000, time elapsed" in result.output
    assert "1970" not in result.output
