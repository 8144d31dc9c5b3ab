"""50 small tables in the shape of public reports and of what loggers write.

`write_messy_reports` writes them; `data/test_messy_reports.py` says what is in them. The
numbers are made up: `x` starts at 20.01, 20.66, `y` at 50.02, 51.19.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

NUM_ROWS = 360
START = datetime(2019, 3, 1, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)
TIMES = [START + k * HALF_HOUR for k in range(NUM_ROWS)]
_RNG = np.random.default_rng(0)


def _wave(level: float, width: float, first: float, second: float) -> list[float]:
    phase = 2 * np.pi * np.arange(NUM_ROWS) / 48
    values = level + width * np.sin(phase) + 0.1 * _RNG.standard_normal(NUM_ROWS)
    values[:2] = first, second
    return [float(value) for value in values.round(4)]


X = _wave(20, 5, 20.01, 20.66)
Y = _wave(50, 9, 50.02, 51.19)
TRIPLES = list(zip(TIMES, X, Y, strict=True))
ISO = "%Y-%m-%d %H:%M:%S"


def table(
    head: str, row: Callable[[datetime, float, float], str], end: str = "\n"
) -> str:
    """A table whose lines are made from the time and the two readings of each row."""
    return head + "".join(row(*one) + end for one in TRIPLES)


def counted(head: str, row: Callable[[int, float, float], str]) -> str:
    """A table whose lines are made from the number and the two readings of each row."""
    return head + "".join(f"{row(k, *one[1:])}\n" for k, one in enumerate(TRIPLES))


def _number(time: datetime) -> int:
    return (time - START) // HALF_HOUR


def _comma(value: float, digits: int = 1) -> str:
    return f"{value:.{digits}f}".replace(".", ",")


def _iso(time: datetime) -> str:
    return time.strftime(ISO)


def public_reports() -> Iterator[tuple[str, str]]:
    def household(t: datetime, x: float, y: float) -> str:
        k = _number(t)
        values = f"{x / 10:.3f};{220 + y / 20:.3f};{k % 3:.3f}"
        return f"{t:%d/%m/%Y;%H:%M:%S};{'?;?;' if 50 <= k < 53 else values}"

    head = "Date;Time;Global_active_power;Voltage;Sub_metering_1\n"
    yield "D01_household.txt", table(head, household)

    def air(t: datetime, x: float, y: float) -> str:
        temp = "-200" if _number(t) % 97 == 5 else _comma(x)
        return f"{t:%d/%m/%Y;%H.%M.%S};{_comma(x / 10)};{1000 + y:.0f};{temp};{_comma(y)};;"

    text = table("Date;Time;CO(GT);PT08.S1(CO);T;RH;;\n", air)
    yield "D02_airquality.csv", text + ";;;;;;;\n" * 3
    days = [datetime(2018, 1, 1, tzinfo=UTC) + timedelta(days=k) for k in range(504)]
    days = [day for day in days if day.weekday() < 5]
    shares = list(zip(days, X, Y, strict=True))
    yield (
        "D06_yahoo.csv",
        "Date,Open,High,Low,Close,Adj Close,Volume\n"
        + "".join(
            f"{d:%Y-%m-%d},{x:.2f},{x + 1:.2f},{x - 1:.2f},{x + 0.2:.2f},{x + 0.1:.2f},"
            f"{1e6 + 1e4 * y:.0f}\n"
            for d, x, y in shares
        ),
    )
    yield (
        "D06b_investing.csv",
        '"Date","Price","Vol.","Change %"\n'
        + "".join(
            f'"{d:%b %d, %Y}","{1000 + x:,.2f}","{y:.2f}M","{x - 20:.2f}%"\n'
            for d, x, y in shares
        ),
    )
    yield (
        "D07_store.csv",
        "date,store,item,sales\n"
        + "".join(
            f"{START + timedelta(days=k):%Y-%m-%d},{store},{item},{X[k] + store:.0f}\n"
            for store in (1, 2)
            for item in (1, 2)
            for k in range(90)
        ),
    )
    yield (
        "D28_passengers.csv",
        "Month,#Passengers\n"
        + "".join(
            f"{1949 + k // 12}-{1 + k % 12:02d},{100 + 2 * k + 9 * (k % 12)}\n"
            for k in range(144)
        ),
    )
    yield (
        "D32_jena.csv",
        table(
            '"Date Time","p (mbar)","T (degC)","wv (m/s)"\n',
            lambda t, x, y: (
                f"{t:%d.%m.%Y %H:%M:%S},{990 + y / 10:.2f},{x:.2f},"
                f"{-9999 if _number(t) == 55 else abs(x - 20):.2f}"
            ),
        ),
    )
    yield (
        "D21_lcd.csv",
        table(
            "DATE,HourlyDryBulbTemperature,HourlyPrecipitation\n",
            lambda t, x, y: (
                f"{t:%Y-%m-%dT%H:%M:%S},{int(x)}"
                f"{'s' if _number(t) % 50 == 3 else ''},"
                f"{'T' if _number(t) % 11 == 0 else f'{max(0, y - 55):.2f}'}"
            ),
        ),
    )


def clocks() -> Iterator[tuple[str, str]]:
    rng = np.random.default_rng(3)
    jitter = rng.integers(-3, 4, NUM_ROWS)
    jitter[0] = jitter[-1] = 0

    def five_hz(k: int, x: float, y: float) -> str:
        return f"{1664436000000 + 200 * k + jitter[k]}.0,{x / 10:.4f},{y / 10:.4f}"

    yield "D03_5hz_float_ms.csv", counted("timestamp,ax,ay\n", five_hz)

    def two_minutes(k: int, x: float, y: float) -> str:
        late = timedelta(milliseconds=100 * (3 + int(jitter[k])))
        time = START + timedelta(minutes=2 * k - k // 60) + late
        return f"{time:{ISO}.%f},{x / 6:.4f},{y / 50:.4f}"

    yield "D04_jitter.csv", counted("Date_Time,Voltage(V),Current(A)\n", two_minutes)
    change = datetime(2022, 10, 30, 1, tzinfo=UTC)
    autumn = [
        datetime(2022, 10, 25, 21, tzinfo=UTC) + k * HALF_HOUR for k in range(360)
    ]
    local = [(t + timedelta(hours=2 if t < change else 1), t < change) for t in autumn]
    for name, ends in (("D05_dst_offset", "+02:00 +01:00"), ("D05b_dst_local", " ")):
        summer, winter = ends.split(" ")
        rows = zip(local, X, strict=True)
        yield (
            f"{name}.csv",
            "time,load\n"
            + "".join(
                f"{time:{ISO}}{summer if is_summer else winter},{x:.2f}\n"
                for (time, is_summer), x in rows
            ),
        )
    spring = [
        datetime(2022, 3, 25, tzinfo=UTC) + timedelta(hours=k) for k in range(360)
    ]
    spring = [t + timedelta(hours=int(k >= 50)) for k, t in enumerate(spring)]
    rows = zip(spring, X, strict=True)
    text = "".join(f"{time:%Y-%m-%d %H:%M},{x:.2f}\n" for time, x in rows)
    yield "D05c_dst_spring_local.csv", f"time,load\n{text}"
    patterns = {
        "D16_ampm": ("Date", lambda t: f"{t.month}/{t.day}/{t.year} {t:%I:%M %p}"),
        "D19_ns": ("time", lambda t: f"{t:%Y-%m-%dT%H:%M:%S}.123456789Z"),
        "D31_excel_date": (
            "date",
            lambda t: f"{t.year}/{t.month}/{t.day} {t.hour}:{t:%M}",
        ),
        "D35_excel_serial": ("time", lambda t: f"{43525 + _number(t) / 48:.6f}"),
        "D37_seconds_name": ("t", lambda t: f"{_number(t) * 0.5}"),
        "D38_time_only": ("time", lambda t: f"{t:%H:%M:%S}"),
        "D39_yymmdd": ("date", lambda t: f"{t:%y%m%d %H%M}"),
        "D47_tz_name": ("time", lambda t: f"{_iso(t)} CET"),
        "D17_sci_epoch": ("ts", lambda t: f"{1.5514e12 + 1.8e6 * _number(t):.5E}"),
    }
    for name, (column, stamp) in patterns.items():
        rows = (f"{stamp(t)},{x:.2f}\n" for t, x, _ in TRIPLES)
        yield f"{name}.csv", f"{column},temp\n" + "".join(rows)
    yield (
        "D36_elapsed.csv",
        counted(
            "Time (s),Temp,Flow\n", lambda k, x, y: f"{k * 0.01:.2f},{x:.2f},{y:.2f}"
        ),
    )
    yield (
        "D36b_arbin.csv",
        counted(
            "Data_Point,Test_Time(s),Step_Index,Cycle_Index,Current(A),Voltage(V)\n",
            lambda k, x, y: (
                f"{k + 1},{10 * k + 0.03:.3f},{1 + k // 50 % 4},{1 + k // 200},"
                f"{y / 50:.4f},{x / 6:.4f}"
            ),
        ),
    )
    yield (
        "D49_hash_in_header_time_iso_ms.csv",
        counted(
            "#timestamp_ms,rpm\n",
            lambda k, x, y: f"{1551398400000 + 20 * k},{900 + x:.1f}",
        ),
    )
    yield (
        "D50_epoch_frac.csv",
        counted(
            "Unix Timestamp,x,y\n",
            lambda k, x, y: f"{1551398400 + 0.02 * k:.2f},{x:.2f},{y:.2f}",
        ),
    )


def loggers() -> Iterator[tuple[str, str | bytes]]:
    head = "entity_id,state,last_changed\n"
    rng = np.random.default_rng(4)
    late = rng.integers(0, 120, NUM_ROWS)

    def boiler(k: int, x: float, y: float) -> str:
        state = {0: "unknown", 30: "unavailable"}.get(k, f"{x:.1f}")
        time = START + timedelta(seconds=600 * k + int(late[k]) * (0 < k < 359))
        return f"sensor.boiler_temperature,{state},{time:%Y-%m-%dT%H:%M:%S}.000Z"

    yield "D08_ha.csv", counted(head, boiler)
    yield (
        "D08b_ha_two.csv",
        head
        + "".join(
            f"sensor.{name},{v:.1f},{START + timedelta(minutes=10 * k):%Y-%m-%dT%H:%M:%SZ}\n"
            for name, values in (("boiler", X), ("outside", Y))
            for k, v in enumerate(values)
        ),
    )
    comments = (
        "# group-id: a1\n# name: test 203\n# channels: 2\nTime Temp_disc Torque\n"
    )
    yield (
        "D09_comments.csv",
        counted(comments, lambda k, x, y: f"{k * 0.5:.1f} {x:.2f} {y:.2f}"),
    )
    yield (
        "D10_noheader.csv",
        table("", lambda t, x, y: f"{_iso(t)},{x:.1f},{y:.1f}"),
    )

    def pump(t: datetime, x: float, y: float) -> str:
        if _number(t) % 9 == 0:
            return f'"{_iso(t)}","","time","{_iso(t)}"'
        return f'"{_iso(t)}","{x * 5:.2f}","","CGM","(Sensor)"'

    yield "D11_ragged.csv", table("", pump)
    yield (
        "D12_cmapss.txt",
        counted(
            "",
            lambda k, x, y: (
                f"{1 + k // 90} {1 + k % 90} -0.0007 {0.0004 * (k % 2):.4f} "
                f"100.0 518.67 {640 + x / 10:.2f} {1580 + y / 5:.2f}  "
            ),
        ),
    )
    events = (
        "Index,Timestamp (YYYY-MM-DDThh:mm:ss),Event Type,Event Subtype,Patient Info,"
        "Glucose Value (mg/dL)\n1,,FirstName,,Jo,\n2,,LastName,,Doe,\n"
        "3,,DateOfBirth,,1970-01-01,\n"
    )

    def glucose(k: int, x: float, y: float) -> str:
        value = {77: "Low", 120: "High"}.get(k, f"{x * 6:.0f}")
        return f"{k + 4},{START + timedelta(minutes=5 * k):%Y-%m-%dT%H:%M:%S},EGV,,,{value}"

    yield "D13_clarity.csv", counted(events, glucose)
    annotated = (
        "#group,false,false,true,true,false,false,true,true\n"
        "#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,"
        "string,string\n#default,_result,,,,,,,\n"
        ",result,table,_start,_stop,_time,_value,_field,_measurement\n"
    )
    yield (
        "D14_influx.csv",
        table(
            annotated,
            lambda t, x, y: (
                ",,0,2019-03-01T00:00:00Z,2019-03-10T00:00:00Z,"
                f"{t:%Y-%m-%dT%H:%M:%SZ},{x:.2f},temp,boiler"
            ),
        ),
    )
    hobo = (
        '\ufeff"Plot Title: greenhouse"\r\n"#","Date Time, GMT+01:00",'
        '"Temp, °C (LGR S/N: 1, SEN S/N: 1)","RH, % (LGR S/N: 1)","Coupler Detached"\r\n'
    )
    yield (
        "D15_hobo.csv",
        table(
            hobo,
            lambda t, x, y: (
                f"{_number(t) + 1},{t:%m/%d/%y %I:%M:%S %p},{x:.3f},{y:.3f},"
            ),
            "\r\n",
        ),
    )
    three = table("time,Temp °C,hum\n", lambda t, x, y: f"{_iso(t)},{x:.1f},{y:.1f}")
    yield "D15b_cp1252.csv", three.encode("cp1252")
    tabs = three.replace("Temp °C", "temp").replace(",", "\t")
    yield "D15c_utf16.csv", tabs.encode("utf-16")
    toa5 = (
        '"TOA5","st1","CR1000","1","std","prog","1","Table1"\n'
        '"TIMESTAMP","RECORD","AirTC_Avg","RH"\n"TS","RN","Deg C","%"\n"","","Avg","Smp"\n'
    )

    def logged(t: datetime, x: float, y: float) -> str:
        temp = '"NAN"' if _number(t) == 60 else f"{x:.2f}"
        return f'"{_iso(t)}",{_number(t)},{temp},{y:.1f}'

    yield "D23_toa5.csv", table(toa5, logged)


def cells() -> Iterator[tuple[str, str | bytes]]:
    plain = table("time,temp\n", lambda t, x, y: f"{_iso(t)},{x:.1f}")
    yield "D44.csv.gz", gzip.compress(plain.encode(), mtime=0)
    yield "D48_trailing_summary.csv", f"{plain}Average,20.3\nMaximum,25.1\n"
    rows: dict[str, tuple[str, Callable[[int, float, float], str]]] = {
        "D18_onoff": (
            "time,temp,pump,door",
            lambda k, x, y: (
                f"{x:.1f},{'ON' if k % 5 else 'OFF'},{'closed' if k % 7 else 'open'}"
            ),
        ),
        "D20_units": ("time,temp,humidity", lambda k, x, y: f"{x:.1f} °C,{y:.0f}%"),
        "D23b_units_row": (
            "time,temp,hum\n,degC,%",
            lambda k, x, y: f"{x:.2f},{y:.1f}",
        ),
        "D27_sparse": (
            "time,temp,pressure",
            lambda k, x, y: f"{x:.2f},{'' if k % 12 else f'{1000 + y / 10:.1f}'}",
        ),
        "D41_missing_codes": (
            "time,temp,hum",
            lambda k, x, y: (
                f"{-999.9 if k % 53 == 4 else x:.1f},"
                f"{'9999' if k % 67 == 8 else f'{y:.1f}'}"
            ),
        ),
        "D46_dup_columns": ("time,temp,temp", lambda k, x, y: f"{x:.1f},{y:.1f}"),
    }
    for name, (head, row) in rows.items():
        lines = (f"{_iso(t)},{row(k, x, y)}\n" for k, (t, x, y) in enumerate(TRIPLES))
        yield f"{name}.csv", f"{head}\n" + "".join(lines)
    lines = [f"{_iso(t)} UTC,{NUM_ROWS - k}" for k, t in enumerate(TIMES[::-1])]
    text = "".join(f"{line},{x:.1f}\n" for line, x in zip(lines, X, strict=True))
    yield "D24_newest_first.csv", f"created_at,entry_id,field1\n{text}"
    yield (
        "D25_pandas_index.csv",
        table(
            ",time,temp,hum\n",
            lambda t, x, y: f"{_number(t)},{_iso(t)},{x:.2f},{y:.1f}",
        ),
    )
    yield (
        "D40_thousands.csv",
        table("time;power\n", lambda t, x, y: f"{_iso(t)};{1000 + x * 10:,.1f}"),
    )
    yield (
        "D42_semicolon_decimal_comma.csv",
        table("Zeit;Temperatur\n", lambda t, x, y: f"{t:%d.%m.%Y %H:%M};{_comma(x)}"),
    )
    items = [
        f'{{"time":"{t:%Y-%m-%dT%H:%M:%SZ}","temp":{x:.1f}}}' for t, x, _ in TRIPLES
    ]
    yield "D43_json.json", f"[{','.join(items)}]"
    yield (
        "D45_spaces_in_names.csv",
        table(
            "Time ; Temp (C) ; Speed [m/s]\n",
            lambda t, x, y: f"{_iso(t)} ; {x:.1f} ; {y:.1f}",
        ),
    )


def write_messy_reports(folder: Path) -> None:
    """Write every file into `folder`."""
    for kind in (public_reports, clocks, loggers, cells):
        for name, content in kind():
            raw = content.encode() if isinstance(content, str) else content
            (folder / name).write_bytes(raw)
