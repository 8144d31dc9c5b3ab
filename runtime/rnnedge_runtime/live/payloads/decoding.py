"""Bytes to readings: the format found, one record after the other asked for features."""

from __future__ import annotations

import codecs
import csv
import json
from collections.abc import Iterator
from functools import lru_cache
from time import time_ns
from typing import Any

from ...tables.text.cell_text import parse_reading
from ..loop.nouns import Reading
from .faults import PayloadError, quoted
from .line_protocol import influx_record
from .records import MISSING, Record, number_of
from .rules import PayloadRules
from .senml import is_senml, senml_records
from .templates import checked_name
from .times import TIME_NAMES

MAX_NBYTES = 1 << 18
"""Bytes of the longest payload, or line of a file."""


def decode(
    data: bytes, rules: PayloadRules, *, topic: str = "", now_us: int | None = None
) -> list[Reading]:
    """The readings in one payload, or in one line; none in an empty one.

    Args:
        data: UTF-8 text.
        rules: how it is read.
        topic: where it came from, for templates; its parts are between slashes.
        now_us: when it was received; None: now.

    Raises:
        PayloadError: it holds no reading of the model; no other exception, whatever the
            bytes are.
    """
    if len(data) > MAX_NBYTES:
        raise PayloadError(
            "too long",
            f"it has {len(data):,} bytes, expected {MAX_NBYTES:,} or fewer. Send less "
            "at a time.",
        )
    now_us = time_ns() // 1000 if now_us is None else now_us
    text = text_of(data)
    return [
        reading_of(record, rules, topic=topic, now_us=now_us)
        for record in _records(text, rules, topic, now_us)
    ]


def decode_each(
    data: bytes, rules: PayloadRules, *, topic: str = "", now_us: int | None = None
) -> tuple[list[Reading], list[PayloadError]]:
    """As `decode`, of many lines or a list of objects, with the bad ones left out.

    The size of the whole is not bounded here, that of each line is.
    """
    now_us = time_ns() // 1000 if now_us is None else now_us
    readings: list[Reading] = []
    faults: list[PayloadError] = []
    start = data.lstrip()[:1]
    is_one = rules.format == "senml" or start == b"["
    for line in [data] if is_one and len(data) <= MAX_NBYTES else data.split(b"\n"):
        try:
            readings += decode(line, rules, topic=topic, now_us=now_us)
        except PayloadError as error:
            faults.append(error)
    return readings, faults


def text_of(data: bytes) -> str:
    """UTF-8 as text, without a byte order mark.

    Raises:
        PayloadError: it is none.
    """
    try:
        if b"\0" not in data:
            return data.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError:
        pass
    raise PayloadError(
        "not text",
        f"{quoted(data[:16].hex(' '))} (hexadecimal) are bytes that are no UTF-8 text. "
        "Check what is sent.",
    )


def format_of(text: str, rules: PayloadRules) -> str:
    """The format of a text that is not empty, from its first characters."""
    if rules.format:
        return rules.format
    if text[0] in "{[":
        return "json"
    if parse_reading(text) is not None:
        return "number"
    return "csv" if rules.names else "influx"


def _records(
    text: str, rules: PayloadRules, topic: str, now_us: int
) -> Iterator[Record]:
    bare = text.strip()
    if not bare:
        return
    found = format_of(bare, rules)
    if found in ("json", "senml"):
        yield from _json_records(bare, rules, now_us, is_pack=found == "senml")
    elif found == "number":
        yield Record({_lone_feature(rules, topic): bare})
    elif found == "csv":
        yield _csv_record(text.strip("\r\n"), rules)
    else:
        record = influx_record(text, rules.times.precision)
        if record is not None:
            yield record


def _json_records(
    text: str, rules: PayloadRules, now_us: int, *, is_pack: bool
) -> Iterator[Record]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise PayloadError(
            "malformed",
            f"{quoted(text)} is no JSON that ends. Send one object, or a list of them.",
        ) from None
    if is_pack or (not rules.format and is_senml(found)):
        yield from senml_records(found, rules.units, now_us, rename=rules.rename)
        return
    for item in found if isinstance(found, list) else [found]:
        if not isinstance(item, dict):
            raise PayloadError(
                "malformed",
                f"{quoted(item)} is no JSON object. Send one object, or a list of them.",
            )
        yield Record(item)


def _csv_record(text: str, rules: PayloadRules) -> Record:
    if not rules.names:
        raise PayloadError(
            "name",
            "its columns have no names. Name them with the option 'names'.",
        )
    try:
        cells = next(csv.reader([text], delimiter=rules.delimiter, strict=True), [])
    except csv.Error:
        cells = []
    if len(cells) != len(rules.names):
        raise PayloadError(
            "malformed",
            f"{quoted(text)} has {len(cells)} cells, expected the {len(rules.names)} "
            "columns named. Mend the row, or name its columns with 'names'.",
        )
    return Record(dict(zip(rules.names, cells, strict=True)))


def _lone_feature(rules: PayloadRules, topic: str) -> str:
    """The feature that a number alone is of."""
    last = topic.rpartition("/")[2]
    if rules.feature is not None:
        return rules.feature.fill(lambda name: _of_topic(topic, name))
    if last in rules.units or last in rules.rename or len(rules.units) > 1:
        return last
    return next(iter(rules.units))


def reading_of(
    record: Record, rules: PayloadRules, *, topic: str = "", now_us: int
) -> Reading:
    """What the model wants of a record (`decode`).

    Raises:
        PayloadError: it is no reading of the model.
    """
    values: dict[str, float] = {}
    for name, feature in rules.wanted:
        value = record.value(name)
        if value is not MISSING and feature not in values:
            values[feature] = number_of(value, name)
    if not values:
        raise PayloadError(
            "name",
            f"it has none of {', '.join(map(quoted, list(rules.units)[:5]))}, which the "
            f"model reads, but {_names_in(record)}. Say which is which with 'rename'.",
        )
    time_us = record.time if record.is_time_read else _time_us(record, rules, now_us)
    if rules.series is None:
        series = checked_name(record.series)
    else:
        series = rules.series.fill(
            lambda name: (
                record.label(name)
                if (found := _of_topic(topic, name)) is None
                else found
            )
        )
    return Reading(series, time_us, values)


def _time_us(record: Record, rules: PayloadRules, now_us: int) -> int | None:
    if rules.times.name:
        value: Any = record.value(rules.times.name)
        if value is MISSING:
            raise PayloadError(
                "time",
                f"it has no {quoted(rules.times.name)}, which holds its time. "
                "Change 'time', or what is sent.",
            )
        return rules.times.read(value, now_us)
    for name in TIME_NAMES:
        if name in record.values and name not in rules.units:
            return rules.times.read(record.values[name], now_us)
    return None


def _of_topic(topic: str, name: str) -> str | None:
    """`topic` whole, or its part of this number; None for other names."""
    if name == "topic":
        return topic
    parts = _parts(topic)
    return parts[int(name)] if name.isdecimal() and int(name) < len(parts) else None


@lru_cache(4096)
def _parts(topic: str) -> list[str]:
    return topic.split("/")


def _names_in(record: Record) -> str:
    names = [quoted(name) for name in list(record.values)[:3]]
    return ", ".join(names) or "nothing"
