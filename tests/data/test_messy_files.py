"""Every kind of messy file is read right, or refused with the option that mends it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.tables import messy_files
from support.tables.messy_checks import (
    Case,
    check_read,
    check_reads_again,
    check_refused,
    check_streamed,
)

from rnnedge_runtime.tables.options import TableOptions

DAY = 86_400.0
NAN = float("nan")
TEMP = (6.57, 6.03)
ALL = {"temp": TEMP, "hum": (57.4, 58.4), "power": (1924.0, 1873.0)}
UNITS = {"Temp (°C)": TEMP, "Humidity [%]": ALL["hum"], "Power / W": ALL["power"]}
V = {"v": TEMP}
READ_AS = "is read as "
BERLIN = TableOptions(tz="Europe/Berlin")


def plain(name: str, *notes: str) -> Case:
    """A file with the readings of all three columns, at the usual times."""
    return Case(name, ALL, notes=notes)


def dated(name: str, last: str, form: str = "") -> Case:
    """A file of days with the temperature."""
    notes = (READ_AS + form,) if form else ()
    return Case(name, V, "v", DAY, 360, "2000-01-01", last, notes=notes)


AUTUMN = {"first": "2024-10-20T00:00:00", "last": "2024-11-03T23:00:00"}
HOME = {
    "sensor.living_room_temperature": (NAN, 6.0),
    "sensor.power": (1924.0, 1873.0),
}
PIVOT = TableOptions(pivot="entity_id")
MIXED = "--series entity_id to make each a series of its own, or --pivot entity_id"
CASES = [
    *map(plain, ("base.csv", "base.dat", "base.log", "base.xlsx", "base.parquet")),
    plain("bom.csv"),
    plain("crlf.csv"),
    plain("utf16.csv", "The text is UTF-16."),
    plain("excel_de.csv", "The decimal mark is the comma."),
    plain("excel_de_bom_crlf.csv", "The decimal mark is the comma."),
    plain("decimal_comma_iso.csv", "The decimal mark is the comma."),
    Case("units.csv", UNITS, "Temp (°C)"),
    Case("latin1.csv", UNITS, "Temp (°C)", notes=("read as Windows-1252",)),
    plain("thousands.csv", "commas group thousands ('1,924')"),
    Case("thousands_de.csv", ALL, options=TableOptions(decimal=","),
         refused="--decimal '.' or --decimal ','", notes=("points group thousands",)),
    plain("thousands_space.csv"),
    *(Case(f"sentinel{code}.csv", ALL, notes=(f"--missing-value temp={code}.",))
      for code in messy_files.CODES),
    *(Case(f"sentinel{code}.csv", ALL, missing=(4, 34),
           options=TableOptions(missing_values=(f"temp={code}",)))
      for code in messy_files.CODES),
    *(Case(f"miss_{name}.csv", ALL, missing=(4, 34))
      for name in messy_files.MISSING if name != "lt"),
    Case("miss_lt.csv", ALL, missing=(4, 34), options=TableOptions(na=("<0.1",)),
         refused="--na '<0.1'"),
    plain("currency.csv", "its unit, $"),
    plain("unitcell.csv", "its unit, °C"),
    plain("plus.csv"),
    plain("hex.csv", "hexadecimal"),
    Case("bool.csv", {**ALL, "on": (1, 0), "yes": (1, 0), "onoff": (0, 1)},
         notes=("'yes' is 1 and 'no' is 0", "'on' is 1 and 'off' is 0")),
    plain("ddmm.csv"),
    plain("us_ampm.csv", READ_AS + "mm/dd/yyyy"),
    plain("dmonY.csv"),
    *(Case(f"tz_{name}.csv", ALL, **AUTUMN) for name in ("offset", "name", "space_offset")),
    Case("dst_local.csv", ALL, rows=359, first="2024-10-20T02:00:00",
         last="2024-11-04T00:00:00", notes=("--tz, for example --tz Europe/Berlin",),
         is_streamed=False),
    Case("dst_local.csv", ALL, options=BERLIN, **AUTUMN),
    *(plain(f"epoch_{name}.csv") for name in ("s", "ms", "us", "ns")),
    *(plain(f"epoch_{name}.csv") for name in ("time_ms", "t", "created_at")),
    plain("epoch_timestamp_ms_paren.csv"),
    Case("epoch_float.csv", ALL, first="2024-01-01T00:00:00.123",
         last="2024-01-15T23:00:00.123"),
    plain("yyyymmddhh.csv", READ_AS + "yyyymmddhh"),
    replace(dated("yyyymm.csv", "2029-12-01", "yyyymm"), period=2_629_800.0),
    replace(dated("yyyy-mm.csv", "2024-12-01"), period=2_629_860.0, rows=300),
    Case("yyyy.csv", V, "v", 365 * DAY, 320, "1700-01-01", "2019-01-01",
         notes=(READ_AS + "yyyy",)),
    dated("yymmdd.csv", "2000-12-25", "yymmdd"),
    dated("yy-mm-dd.csv", "2000-12-25", "yy-mm-dd"),
    dated("mdy.csv", "2000-12-25", "mm/dd/yyyy"),
    plain("date_and_time.csv", "made from the columns date+time"),
    Case("iso_ns.csv", ALL, first="2024-01-01T00:00:00.123456",
         last="2024-01-15T23:00:00.123456"),
    Case("iso_commams.csv", ALL, first="2024-01-01T00:00:00.250",
         last="2024-01-15T23:00:00.250"),
    plain("jitter.csv", "off the period of 1 h"),
    plain("unnamed0.csv", "a column without a name is left out"),
    plain("unnamed0b.csv", "'Unnamed: 0' is left out"),
    plain("trailing_comma.csv"),
    plain("trailing_comma_rows_only.csv"),
    plain("comment_header.csv", "2 lines above the names are skipped"),
    plain("comment_header2.csv", "2 lines above the names are skipped"),
    Case("cut.csv", ALL, rows=359, last="2024-01-15T22:00:00",
         notes=("the table was cut short there",)),
    Case("spaces.csv", {"inside temp": TEMP, "hum": ALL["hum"], "power": ALL["power"]},
         "inside temp"),
    plain("space_sep.csv", "Cells are told apart by blanks."),
    plain("fixed_width.txt", "Cells are told apart by blanks."),
    Case("dupcols.csv", {"temp": TEMP, "temp_2": ALL["hum"], "power": ALL["power"]},
         notes=("the second is called 'temp_2'",)),
    replace(plain("descending.csv", "the rows were turned round"), is_streamed=False),
    Case("short.csv", ALL, rows=30, last="2024-01-02T05:00:00"),
    plain("quoted_all.csv"),
    plain("tabs.tsv"),
    plain("pipe.csv"),
    Case("wide_num_header.csv", dict(zip("123", ALL.values(), strict=True)), "1"),
    Case("homeassistant.csv", HOME, "sensor.power", first="2024-01-01T00:07:00",
         last="2024-01-15T23:07:00", options=PIVOT),
    Case("homeassistant_sorted.csv", HOME, "sensor.power", first="2024-01-01T00:07:00",
         last="2024-01-15T23:07:00", options=PIVOT),
    Case("homeassistant.csv", {"state": (NAN, 6.0)}, "state", series="entity_id",
         refused=MIXED),
    Case("homeassistant_sorted.csv", {"state": (NAN, 6.0)}, "state", series="entity_id",
         refused=MIXED),
    Case("influx.csv", {"temp": TEMP, "power": ALL["power"]}),
    Case("influx_noannot.csv", {"temp": TEMP, "power": ALL["power"]}),
    plain("flat.jsonl"),
    plain("flat.json"),
    Case("senml.jsonl", {"temp": TEMP, "hum": ALL["hum"]}),
    plain("base_idx.parquet"),
    Case("tz.parquet", ALL, first="2023-12-31T23:00:00", last="2024-01-15T22:00:00"),
]  # fmt: skip
UNREADABLE = {
    "empty.csv": "the table is empty",
    "headeronly.csv": "has the header time, temp, hum, power and no rows",
    "one.csv": "'temp' is 6.57 in the only row of the table",
}

KINDS = [
    case
    for case in CASES
    if not case.name.startswith(
        ("miss_", "sentinel", "base.", "epoch_", "crlf", "pipe", "plus")
    )
]
"""Without those that differ in a word or an ending."""

EACH_KIND = pytest.mark.parametrize("case", KINDS, ids=lambda case: case.name)
EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("messy")
    messy_files.write_messy_files(path)
    return path


def test_the_table_names_every_file(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {
        *(case.name for case in CASES),
        *UNREADABLE,
    }


@EACH
def test_it_is_read_right_or_refused_with_the_option(case: Case, folder: Path) -> None:
    if case.refused:
        check_refused(case, folder)
    check_read(case, folder)


@EACH_KIND
def test_what_was_found_reads_the_same_when_given(case: Case, folder: Path) -> None:
    check_reads_again(case, folder)


@EACH_KIND
def test_a_device_reads_the_same_rows(case: Case, folder: Path) -> None:
    if case.is_streamed:
        check_streamed(case, folder)


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_holds_no_readings_is_refused(name: str, folder: Path) -> None:
    check_refused(Case(name, refused=UNREADABLE[name]), folder)


def test_skipped_lines_that_come_again_are_no_rows(tmp_path: Path) -> None:
    head, *rows = messy_files.table().splitlines()
    start = ["Station: Kiel", head]
    path = tmp_path / "restarted.csv"
    path.write_text("\n".join([*start, *rows[:200], *start, *rows[200:]]))
    check_reads_again(Case(path.name), tmp_path)
    check_read(Case(path.name, ALL, options=TableOptions(skip_rows=1)), tmp_path)
