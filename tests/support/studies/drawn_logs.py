"""Logs of a device as CSV bytes, odd in the ways that files are."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

START = datetime(2024, 2, 28, 20, tzinfo=UTC)
PERIOD_S = 600
BAD_LINES = (
    "",
    "   ",
    "# calibrated",
    "garbage",
    "a,b,c",
    "2024-02-29T00:00:00Z,1.5",
    "2024-02-29T00:00:00Z,1,2,3,4,5,6,7",
    "2024-02-29T00:00:00Z,hot,2,x",
    "2024-02-29T00:00:00Z,1e39,2,x",
    "2024-02-29T00:00:00Z,inf,2,x",
    "31 Feb,1,2,x",
    ",1,2,x",
    '"2024-02-29T00:00:00Z","1.5","2","x"',
    '2024-02-29T00:00:00Z,1,2,"open',
    "2024-02-29T00:00:00Z,1,2,\xff",
    "2024-02-29T00:00:00Z,1,2,\xc3\xbc",
    "2024-02-29T00:00:00Z,1,2,x\0",
    "time,temp,flow,note",
    "Average,1,2,3",
    "2031-01-01T00:00:00Z,1,2,x",
    "2024-02-29T00:00:00Z,1\r2024-02-29T00:10:00Z,1,2,x",
    "2024-02-29T00:00:00Z,1_000,2,x",
    "2024-02-29T00:00:00Z,0x10,2,x",
    "2024-02-29T00:00:00Z,1 C,2,x",
    "2024-02-29T00:00:00Z,true,2,x",
)
_STEPS = (0.0, 0.0, 0.3, 0.5, 2, 3, 20, 70, -1, -30, 5000, 0.45)
MISSING = ("", "nan", "NaN", "NA", "n/a", "-", "null", "none", "?", "inf")


@dataclass(frozen=True)
class Log:
    """A drawn log.

    Attributes:
        raw: the file.
        has_time: whether it has a time column.
        series: the column of series, where there are several.
        num_rows: rows that were drawn.
    """

    raw: bytes
    has_time: bool = True
    series: str | None = None
    num_rows: int = 0
    kinds: dict[str, str] = field(default_factory=dict)


def _time_texts(kind: str, times: list[float]) -> list[str]:
    moments = [START + timedelta(seconds=time) for time in times]
    seconds = [moment.timestamp() for moment in moments]
    local = timedelta(hours=5, minutes=30)
    forms = {
        "z": [moment.strftime("%Y-%m-%dT%H:%M:%SZ") for moment in moments],
        "naive": [moment.strftime("%Y-%m-%d %H:%M:%S") for moment in moments],
        "micro": [moment.strftime("%Y-%m-%d %H:%M:%S.%f") for moment in moments],
        "slashes": [moment.strftime("%Y/%m/%d %H:%M") for moment in moments],
        "offset": [f"{moment + local:%Y-%m-%dT%H:%M:%S}+05:30" for moment in moments],
        "short": [f"{moment - local:%Y-%m-%dT%H:%M:%S}-0530" for moment in moments],
        "german": [moment.strftime("%d.%m.%Y %H:%M:%S") for moment in moments],
        "s": [str(int(second)) for second in seconds],
        "ms": [str(int(1000 * second)) for second in seconds],
        "float": [f"{second:.3f}" for second in seconds],
    }
    return forms[kind]


def _times(rng: random.Random, number: int, *, is_clean: bool) -> list[float]:
    """Regular times with holes; if not clean, repeats, jitter, drift, steps back, jumps."""
    drift = rng.choice((1.0, 1.0, 1.002))
    jitter = 0.0 if is_clean else rng.choice((0.0, 0.0, 0.02, 0.3))
    odd = rng.choice((0.0, 0.02, 0.1))
    steps = (2, 3, 20) if is_clean else _STEPS
    now, times = 0.0, []
    for _ in range(number):
        step = drift
        if rng.random() < odd:
            step = rng.choice(steps)
        now = max(now + step, 0.0)
        times.append(round(PERIOD_S * (now + jitter * (rng.random() - 0.5)), 6))
    return times


def _number(rng: random.Random, style: str) -> str:
    value = rng.gauss(10, 8)
    if style == "whole":
        return str(round(value))
    if style == "long":
        return repr(value)
    if style == "any":
        bits = rng.getrandbits(32)
        value = float(np.uint32(bits).view(np.float32))
        form = rng.choice(("{!r}", "{:.3e}", "{:+.1f}", "{:.0f}.", "{:.25g}"))
        return form.format(value if abs(value) < 1e30 else 1.25)
    return f"{value:.{rng.choice((1, 2))}f}"


def drawn_log(seed: int, *, most_rows: int = 150, is_clean: bool = False) -> Log:
    """A log with the columns `time`, `temp`, `flow` and `note`, in any order."""
    rng = random.Random(seed)
    number = rng.randint(30, most_rows)
    kind = rng.choice(("z", "z", "naive", "micro", "slashes", "offset", "short", "s"))
    kind = rng.choice((kind, kind, "ms", "float", "german", "none"))
    kind = "z" if kind == "none" and is_clean else kind
    num_series = rng.choice((1, 1, 1, 1, 3))
    delimiter = rng.choice((",", ",", ",", ";", "\t", "|"))
    styles = {
        name: rng.choice(("cents", "cents", "whole", "long", "any")) for name in "ab"
    }
    missing = rng.choice((0.0, 0.02, 0.2))
    times = (
        _time_texts(kind, _times(rng, number, is_clean=is_clean))
        if kind != "none"
        else [""] * number
    )
    columns = ["time", "temp", "flow", "note"]
    if kind == "none":
        columns.remove("time")
    if num_series > 1:
        columns.append("room")
    if rng.random() < 0.5:
        rng.shuffle(columns)
    lines = [delimiter.join(columns)]
    sticky, last = rng.choice((0.0, 0.0, 0.9)), {}
    pad = rng.choice(("", "", "", " "))
    for time in times:
        cells = {"time": time, "note": rng.choice(("ok", "ok7", "3", ""))}
        for name, style in zip(("temp", "flow"), styles.values(), strict=True):
            cell = _number(rng, style)
            if rng.random() < missing:
                cell = rng.choice(MISSING[: rng.choice((1, 3, len(MISSING)))])
            if rng.random() < 0.01:
                cell = rng.choice(("1e6", "-3000", "99999"))
            if rng.random() < sticky and last:
                cell = last[name]
            cells[name] = cell
        last = cells
        cells["room"] = f"room{rng.randrange(num_series)}"
        lines.append(delimiter.join(pad + cells[name] for name in columns))
        if not is_clean and rng.random() < 0.02:
            bad = rng.choice(BAD_LINES)
            lines.append(bad.replace(",", delimiter))
    end = rng.choice(("\n", "\n", "\r\n"))
    text = end.join(lines) + rng.choice((end, end, ""))
    raw = text.encode("latin-1")
    if rng.random() < 0.2:
        raw = b"\xef\xbb\xbf" + raw
    series = "room" if num_series > 1 else None
    return Log(raw, kind != "none", series, number, {"time": kind, **styles})
