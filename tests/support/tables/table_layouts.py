"""Small tables in many layouts, all of the same readings, for the tests of layouts."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np

NUM_ROWS = 60
START = datetime(2024, 3, 1, tzinfo=UTC)
TIMES = [START + timedelta(hours=k) for k in range(NUM_ROWS)]
STAMPS = [f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in TIMES]
EPOCHS = [int(time.timestamp()) for time in TIMES]
_NOISE = np.random.default_rng(5).normal(size=(2, NUM_ROWS))
TEMP = [
    round(float(v), 2) for v in 10 + 3 * np.sin(np.arange(NUM_ROWS) / 4) + _NOISE[0]
]
POWER = [round(float(v), 1) for v in 1900 + 90 * _NOISE[1]]
ROWS = list(zip(STAMPS, TEMP, POWER, strict=True))
VALUES = np.array([TEMP, POWER], dtype=np.float32).T


def csv_text() -> str:
    return "time,temp,power\n" + "".join(f"{t},{a},{b}\n" for t, a, b in ROWS)


def json_lines() -> str:
    return "".join(json.dumps(item) + "\n" for item in objects())


def objects() -> list[dict[str, object]]:
    return [{"time": t, "temp": a, "power": b} for t, a, b in ROWS]


def columns() -> dict[str, list[object]]:
    return {"time": list(STAMPS), "temp": list(TEMP), "power": list(POWER)}


def nested_lines() -> str:
    items = [{"time": t, "in": {"temp": a}, "out": {"power": b}} for t, a, b in ROWS]
    return "".join(json.dumps(item) + "\n" for item in items)


def senml_packs() -> list[list[dict[str, object]]]:
    return [
        [
            {"bn": "urn:dev:1:", "bt": t, "n": "temp", "u": "Cel", "v": a},
            {"n": "power", "u": "W", "v": b},
        ]
        for t, a, b in zip(EPOCHS, TEMP, POWER, strict=True)
    ]


def senml_lines() -> str:
    return "".join(json.dumps(pack) + "\n" for pack in senml_packs())


def senml_single_records() -> str:
    """A stream of single records; base values hold until the next."""
    records: list[dict[str, object]] = []
    for t, a, b in zip(EPOCHS, TEMP, POWER, strict=True):
        records += [{"bn": "d/", "bt": t, "n": "temp", "v": a}, {"n": "power", "v": b}]
    return "".join(json.dumps(record) + "\n" for record in records)


def senml_array() -> str:
    """One pack: a base time, all of `temp`, then all of `power`."""
    start = EPOCHS[0]
    records: list[dict[str, object]] = [{"bn": "urn:dev:1:", "bt": start, "bu": "Cel"}]
    records += [
        {"n": "temp", "t": t - start, "v": a} for t, a in zip(EPOCHS, TEMP, strict=True)
    ]
    records += [
        {"n": "power", "u": "W", "t": t - start, "v": b}
        for t, b in zip(EPOCHS, POWER, strict=True)
    ]
    return json.dumps(records, indent=1)


INFLUX_HEADER = (
    "#group,false,false,true,true,false,false,true,true\n"
    "#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,"
    "string\n"
    "#default,_result,,,,,,,\n"
)
INFLUX_NAMES = ",result,table,_start,_stop,_time,_value,_field,_measurement\n"


def influx_text(*, has_annotations: bool = True, tables_apart: bool = False) -> str:
    ends = f"{STAMPS[0]},{STAMPS[-1]}"
    head = (INFLUX_HEADER if has_annotations else "") + INFLUX_NAMES
    text = head
    for number, (name, values) in enumerate((("temp", TEMP), ("power", POWER))):
        if number and tables_apart:
            text += "\n" + head
        for stamp, value in zip(STAMPS, values, strict=True):
            text += f",,{number},{ends},{stamp},{value},{name},room\n"
    return text


def long_rows(*, minutes_apart: int = 0) -> list[str]:
    """Home Assistant's lines: `power` some minutes after each hour of `temp`."""
    rows = []
    for time, a, b in zip(TIMES, TEMP, POWER, strict=True):
        later = time + timedelta(minutes=minutes_apart)
        state = "unavailable" if a == TEMP[7] else str(a)
        rows.append(f"sensor.temp,{state},{time:%Y-%m-%dT%H:%M:%S}.000Z")
        rows.append(f"sensor.power,{b},{later:%Y-%m-%dT%H:%M:%S}.000Z")
    return rows


def long_text(rows: list[str]) -> str:
    return "entity_id,state,last_changed\n" + "\n".join(rows) + "\n"
