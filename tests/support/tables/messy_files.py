"""About 100 small tables as people have them, one file each: exports, sheets, dumps.

All hold the same readings, an hour apart from 2024-01-01, unless their name says what is
else. `write_messy_files` writes them; `data/test_messy_files.py` says what is in them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

NUM_ROWS = 360
START = datetime(2024, 1, 1, tzinfo=UTC)
NAMES = ("time", "temp", "hum", "power")
MISSING = {
    "na": "NA",
    "null": "null",
    "q": "?",
    "dashdash": "--",
    "hashna": "#N/A",
    "div": "#DIV/0!",
    "nil": "nil",
    "unavailable": "unavailable",
    "unknown": "unknown",
    "nat": "NaT",
    "missing": "missing",
    "dot": ".",
    "star": "***",
    "nodata": "NoData",
    "bad": "Bad",
    "err": "Error",
    "NULL": "NULL",
    "excelvalue": "#VALUE!",
    "none": "None",
    "lt": "<0.1",
}
CODES = ("-999", "-9999", "9999", "-99.9")
HAS_CODE = [k % 30 == 4 for k in range(NUM_ROWS)]
"""The rows in which a code or a word stands for the temperature."""

Cells = list[str]


def _readings() -> list[tuple[float, float, float]]:
    rng = np.random.default_rng(1)
    hour = np.arange(NUM_ROWS) % 24
    temp = 10 + 5 * np.sin(2 * np.pi * (hour - 9) / 24) + rng.normal(0, 0.4, NUM_ROWS)
    temp[:2] = 6.57, 6.03
    hum = 70 - 2 * temp + rng.normal(0, 1, NUM_ROWS)
    power = 1500 + 400 * np.sin(2 * np.pi * (hour - 18) / 24)
    power += rng.normal(0, 40, NUM_ROWS)
    hum[:2], power[:2] = (57.4, 58.4), (1924, 1873)
    columns = (temp.round(2), hum.round(1), power.round())
    return [(float(a), float(b), float(c)) for a, b, c in zip(*columns, strict=True)]


READINGS = _readings()
TIMES = [START + timedelta(hours=k) for k in range(NUM_ROWS)]
SECONDS = [int(time.timestamp()) for time in TIMES]
AUTUMN = [datetime(2024, 10, 20, tzinfo=UTC) + timedelta(hours=k) for k in range(360)]
LOCAL = [time.astimezone(ZoneInfo("Europe/Berlin")) for time in AUTUMN]
ISO = "%Y-%m-%d %H:%M:%S"
STAMPS = [time.strftime(ISO) for time in TIMES]
TEMPS = [f"{temp}" for temp, _, _ in READINGS]
POWERS = [f"{power:.1f}" for _, _, power in READINGS]


def table(
    times: Sequence[str] = STAMPS,
    temp: Callable[[float], str] = str,
    hum: Callable[[float], str] = str,
    power: Callable[[float], str] = str,
    *,
    sep: str = ",",
    names: Sequence[str] = NAMES,
    size: int = NUM_ROWS,
) -> str:
    """The readings as text, each column written by its own function."""
    lines = [sep.join(names)]
    for stamp, (a, b, c) in list(zip(times, READINGS, strict=True))[:size]:
        lines.append(sep.join((stamp, temp(a), hum(b), power(c))))
    return "\n".join(lines) + "\n"


def two_columns(times: Sequence[str], name: str = "v") -> str:
    rows = zip(times, TEMPS, strict=False)
    return f"date,{name}\n" + "".join(f"{time},{value}\n" for time, value in rows)


def days(pattern: str) -> list[str]:
    start = datetime(2000, 1, 1, tzinfo=UTC)
    return [f"{start + timedelta(days=k):{pattern}}" for k in range(NUM_ROWS)]


def months(pattern: str, size: int) -> list[str]:
    return [
        f"{datetime(2000 + k // 12, 1 + k % 12, 1, tzinfo=UTC):{pattern}}"
        for k in range(size)
    ]


def _comma(value: float) -> str:
    return str(value).replace(".", ",")


def _grouped(mark: str) -> Callable[[float], str]:
    return lambda value: f"{value:,.0f}".replace(",", mark)


def _written(pattern: str) -> list[str]:
    return [f"{time:{pattern}}" for time in TIMES]


def _with_code(word: str) -> str:
    temps = iter(HAS_CODE)
    return table(temp=lambda value: word if next(temps) else str(value))


def numbers_and_encodings() -> Iterator[tuple[str, bytes | str]]:
    german = table(_written("%d.%m.%Y %H:%M"), _comma, _comma, sep=";")
    yield "excel_de.csv", german
    yield "excel_de_bom_crlf.csv", german.replace("\n", "\r\n").encode("utf-8-sig")
    yield "decimal_comma_iso.csv", table(STAMPS, _comma, _comma, sep=";")
    plain = table()
    for name in ("base.csv", "base.dat", "base.log"):
        yield name, plain
    yield "bom.csv", plain.encode("utf-8-sig")
    yield "utf16.csv", plain.encode("utf-16")
    yield "crlf.csv", plain.replace("\n", "\r\n")
    units = table(names=("Date & Time", "Temp (°C)", "Humidity [%]", "Power / W"))
    yield "units.csv", units
    yield "latin1.csv", units.encode("latin-1")
    yield "thousands.csv", table(power=lambda value: f'"{value:,.0f}"')
    yield "thousands_de.csv", table(power=_grouped("."), sep=";")
    yield "thousands_space.csv", table(power=_grouped(" "))
    for code in CODES:
        yield f"sentinel{code}.csv", _with_code(code)
    for name, word in MISSING.items():
        yield f"miss_{name}.csv", _with_code(word)
    yield "currency.csv", table(power=lambda value: f"${value}")
    yield "unitcell.csv", table(temp=lambda value: f"{value} °C")
    yield "plus.csv", table(temp=lambda value: f"+{value}")
    yield "hex.csv", table(power=lambda value: hex(int(value)))
    words = iter(range(NUM_ROWS))

    def switched(value: float) -> str:
        k = next(words)
        return f"{value},{k % 3 == 0},{'no' if k % 4 else 'yes'},{['off', 'on'][k % 2]}"

    names = (*NAMES, "on", "yes", "onoff")
    yield "bool.csv", table(power=switched, names=names)


def times() -> Iterator[tuple[str, str]]:
    yield "ddmm.csv", table(_written("%d/%m/%Y %H:%M"))
    yield "us_ampm.csv", table(_written("%m/%d/%Y %I:%M %p"))
    yield "dmonY.csv", table(_written("%d-%b-%Y %H:%M"))
    yield "tz_offset.csv", table([time.isoformat() for time in LOCAL])
    yield "dst_local.csv", table([time.strftime(ISO) for time in LOCAL])
    yield "tz_name.csv", table([time.strftime(f"{ISO} %Z") for time in LOCAL])
    offset = [time.isoformat(" ").replace("+", " +") for time in LOCAL]
    yield "tz_space_offset.csv", table(offset)
    for unit, factor in {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}.items():
        yield f"epoch_{unit}.csv", table([str(s * factor) for s in SECONDS])
    yield "epoch_float.csv", table([f"{s}.123" for s in SECONDS])
    ms = [str(s * 1000) for s in SECONDS]
    yield "epoch_time_ms.csv", table(ms, names=("time_ms", *NAMES[1:]))
    names = ("Timestamp (ms)", *NAMES[1:])
    yield "epoch_timestamp_ms_paren.csv", table(ms, names=names)
    for name in ("t", "created_at"):
        seconds = [str(s) for s in SECONDS]
        yield f"epoch_{name}.csv", table(seconds, names=(name, *NAMES[1:]))
    yield "yyyymmddhh.csv", table(_written("%Y%m%d%H"))
    yield "yyyymm.csv", two_columns(months("%Y%m", NUM_ROWS))
    yield "yyyy-mm.csv", two_columns(months("%Y-%m", 300))
    yield "yyyy.csv", two_columns([str(year) for year in range(1700, 2020)])
    yield "yymmdd.csv", two_columns(days("%y%m%d"))
    yield "yy-mm-dd.csv", two_columns(days("%y-%m-%d"))
    yield "mdy.csv", two_columns(days("%m/%d/%Y"))
    names = ("date", *NAMES)
    yield "date_and_time.csv", table(_written("%Y-%m-%d,%H:%M:%S"), names=names)
    yield "iso_ns.csv", table(_written("%Y-%m-%dT%H:%M:%S.123456789Z"))
    yield "iso_commams.csv", table([f"{stamp},250" for stamp in STAMPS], sep=";")
    rng = np.random.default_rng(2)
    late = [timedelta(seconds=round(s)) for s in rng.normal(0, 200, NUM_ROWS)]
    late[:1] = late[-1:] = [timedelta(0)]
    jitter = [(time + by).strftime(ISO) for time, by in zip(TIMES, late, strict=True)]
    yield "jitter.csv", table(jitter)


def layouts() -> Iterator[tuple[str, str]]:
    plain = table()
    head, *rows = plain.splitlines()
    numbered = "".join(f"{k},{row}\n" for k, row in enumerate(rows))
    yield "unnamed0.csv", f",{head}\n{numbered}"
    yield "unnamed0b.csv", f"Unnamed: 0,{head}\n{numbered}"
    yield "trailing_comma.csv", plain.replace("\n", ",\n")
    yield "trailing_comma_rows_only.csv", f"{head}\n" + "".join(f"{r},\n" for r in rows)
    yield "comment_header.csv", f"# logger SN 1234\n# interval 1h\n{plain}"
    yield "comment_header2.csv", f"Station: Kiel\nLogger: 1234\n\n{plain}"
    yield "cut.csv", plain[:-9]
    yield "spaces.csv", table(names=("time", "inside temp", "hum", " power "))
    stamps = _written("%Y-%m-%dT%H:%M:%S")
    yield "space_sep.csv", table(stamps, sep=" ")
    cells = [line.split(",") for line in table(stamps).splitlines()]
    wide = [[cell.rjust(width) for cell, width in zip(row, (19, 6, 5, 7), strict=True)]
            for row in cells]  # fmt: skip
    yield "fixed_width.txt", "\n".join(map(" ".join, wide))
    yield "dupcols.csv", plain.replace("hum", "temp", 1)
    yield "descending.csv", "\n".join([head, *rows[::-1]]) + "\n"
    yield "short.csv", table(size=30)
    yield "one.csv", table(size=1)
    yield "headeronly.csv", table(size=0)
    yield "empty.csv", ""
    quoted = plain.replace(",", '","').replace("\n", '"\n"')
    yield "quoted_all.csv", f'"{quoted}'[:-1]
    yield "tabs.tsv", table(sep="\t")
    yield "pipe.csv", table(sep="|")
    yield "wide_num_header.csv", table(names=("time", "1", "2", "3"))


def dumps() -> Iterator[tuple[str, str]]:
    room = [
        f"sensor.living_room_temperature,{'unavailable' if k % 97 == 0 else f'{a:.1f}'},"
        f"{time:%Y-%m-%dT%H:%M:%S}.000Z"
        for k, (time, (a, _, _)) in enumerate(zip(TIMES, READINGS, strict=True))
    ]
    power = [
        f"sensor.power,{c:.1f},{time + timedelta(minutes=7):%Y-%m-%dT%H:%M:%S}.000Z"
        for time, (_, _, c) in zip(TIMES, READINGS, strict=True)
    ]
    head = "entity_id,state,last_changed\n"
    pairs = [f"{a}\n{b}\n" for a, b in zip(room, power, strict=True)]
    yield "homeassistant.csv", head + "".join(pairs)
    yield "homeassistant_sorted.csv", head + "\n".join(room + power) + "\n"
    notes = (
        "#group,false,false,true,true,false,false,true,true\n"
        "#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,"
        "string,string\n#default,_result,,,,,,,\n"
    )
    text = ",result,table,_start,_stop,_time,_value,_field,_measurement\n"
    for k, field in enumerate(("temp", "power")):
        for time, reading in zip(TIMES, READINGS, strict=True):
            text += (
                f",,{k},2024-01-01T00:00:00Z,2024-03-04T00:00:00Z,"
                f"{time:%Y-%m-%dT%H:%M:%SZ},{reading[2 * k]:.2f},{field},room\n"
            )
    yield "influx.csv", notes + text
    yield "influx_noannot.csv", text
    objects = [
        dict(zip(NAMES, (stamp, *values), strict=True))
        for stamp, values in zip(STAMPS, READINGS, strict=True)
    ]
    yield "flat.jsonl", "".join(json.dumps(item) + "\n" for item in objects)
    yield "flat.json", json.dumps(objects)
    packs = [
        [
            {"bn": "urn:dev:1:", "bt": seconds, "n": "temp", "u": "Cel", "v": a},
            {"n": "hum", "u": "%RH", "v": b},
        ]
        for seconds, (a, b, _) in zip(SECONDS, READINGS, strict=True)
    ]
    yield "senml.jsonl", "".join(json.dumps(pack) + "\n" for pack in packs)


def write_messy_files(folder: Path) -> None:
    """Write every file into `folder`; Excel and Parquet by openpyxl and polars."""
    import openpyxl
    import polars as pl

    for kind in (numbers_and_encodings, times, layouts, dumps):
        for name, content in kind():
            raw = content.encode() if isinstance(content, str) else content
            (folder / name).write_bytes(raw)
    book = openpyxl.Workbook()
    for row in (NAMES, *((t, *r) for t, r in zip(STAMPS, READINGS, strict=True))):
        book.active.append(row)
    book.save(folder / "base.xlsx")
    frame = pl.DataFrame(READINGS, schema=NAMES[1:], orient="row").insert_column(
        0, pl.Series("time", TIMES).dt.replace_time_zone(None)
    )
    frame.write_parquet(folder / "base.parquet")
    frame.select(*NAMES[1:], "time").write_parquet(folder / "base_idx.parquet")
    zoned = pl.col("time").dt.replace_time_zone("Europe/Berlin")
    frame.with_columns(zoned).write_parquet(folder / "tz.parquet")
