r"""Influx line protocol: `measurement,tag=a field=1.5,other=2i 1700000000000000000`.

Types, escapes and quoted strings as InfluxDB and Telegraf write them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from .faults import PayloadError, quoted
from .records import Record
from .times import counted_time

_MEASUREMENT = re.compile(r"(?:\\[, ]|[^, \n])++")
_TAG = re.compile(r",((?:\\[,= ]|[^,= \n])++)=((?:\\[,= ]|[^,= \n])++)")
_KEY = re.compile(r"((?:\\[,= ]|[^,= \n])++)=")
_STRING = re.compile(r'"((?:\\["\\]|[^"])*+)"')
_PLAIN = re.compile(r'[^,\s"]++')
_GAP = re.compile(r" ++")
_TIME = re.compile(r"-?[0-9]{1,19}")
_FLOAT = re.compile(r"[+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")
_INTEGER = re.compile(r"([+-]?[0-9]{1,19})i|([0-9]{1,20})u")
_TRUTH = dict.fromkeys("t T true True TRUE".split(), True) | dict.fromkeys(  # noqa: SIM905
    "f F false False FALSE".split(),  # noqa: SIM905
    False,
)
_ESCAPED = re.compile(r"\\([,= ])")
_ESCAPED_NAME = re.compile(r"\\([, ])")
_ESCAPED_TEXT = re.compile(r'\\(["\\])')
_TO_ESCAPE = re.compile(r"([,= ])")


class OpenQuoteError(PayloadError):
    """A string without its end: a line break may be in it, and the rest still to come."""


@dataclass(frozen=True, slots=True)
class Line:
    """One point.

    Attributes:
        measurement, tags, fields: unescaped; in a key met twice the last counts.
        time: the number at its end, in a unit that the line does not say; None without.
        end: where its fields end in the text.
    """

    measurement: str
    tags: dict[str, str]
    fields: dict[str, Any]
    time: int | None
    end: int

    @property
    def series_key(self) -> str:
        """Measurement and tags in the order of their names."""
        tags = sorted(self.tags.items())
        return ",".join([self.measurement, *(f"{key}={text}" for key, text in tags)])


def parse_line(text: str) -> Line:
    """The point in one line, without its line break.

    Raises:
        PayloadError: it is none; OpenQuoteError where its last string does not end.
    """
    name = _MEASUREMENT.match(text, len(text) - len(text.lstrip(" \t")))
    if name is None:
        raise _malformed(text, "a measurement", 0)
    at = name.end()
    tags = {}
    while tag := _TAG.match(text, at):
        tags[_unescaped(tag[1])] = _unescaped(tag[2])
        at = tag.end()
    gap = _GAP.match(text, at)
    if gap is None:
        raise _malformed(text, "a space and fields", at)
    at = gap.end()
    fields: dict[str, Any] = {}
    while True:
        key = _KEY.match(text, at)
        if key is None:
            raise _malformed(text, "a field such as temp=1.5", at)
        fields[_unescaped(key[1])], at = _value(text, key.end())
        if text[at : at + 1] != ",":
            break
        at += 1
    end = at
    rest = text[end:]
    stamp = rest.strip(" \t\r")
    if not stamp:
        return Line(_named(name[0]), tags, fields, None, end)
    if rest[0] != " " or not _TIME.fullmatch(stamp):
        raise _malformed(text, "a time of digits alone", end)
    return Line(_named(name[0]), tags, fields, int(stamp), end)


def influx_record(text: str, precision: str) -> Record | None:
    """The record of one line; None for a comment and an empty line.

    Raises:
        PayloadError: it is no point, or no clock shows its time.
    """
    bare = text.strip(" \t\r\n")
    if not bare or bare[0] == "#":
        return None
    return record_of(parse_line(text.rstrip("\r\n")), precision)


def record_of(line: Line, precision: str) -> Record:
    """A line as a record; its time counts in `precision`, "" for nanoseconds.

    Raises:
        PayloadError: no clock shows its time.
    """
    time_us = None if line.time is None else counted_time(line.time, precision or "ns")
    return Record(
        line.fields,
        time_us,
        True,
        {"measurement": line.measurement, **line.tags},
        line.measurement,
        line.series_key,
    )


def escaped(name: str) -> str:
    """A key or a tag as line protocol writes it."""
    return _TO_ESCAPE.sub(r"\\\1", name)


def _value(text: str, at: int) -> tuple[Any, int]:
    """The value of a field, and where it ends."""
    if text[at : at + 1] == '"':
        found = _STRING.match(text, at)
        if found is None:
            raise OpenQuoteError(
                "malformed",
                f"the line has a quote that is not closed at {quoted(text[at:])}. "
                "Close it, or escape the quotes within.",
            )
        return _ESCAPED_TEXT.sub(r"\1", found[1]), found.end()
    found = _PLAIN.match(text, at)
    if found is not None:
        word, end = found[0], found.end()
        if _FLOAT.fullmatch(word):
            return float(word), end
        if number := _INTEGER.fullmatch(word):
            return int(number[1] or number[2]), end
        if word in _TRUTH:
            return _TRUTH[word], end
    raise _malformed(text, 'a number, 1i, 1u, true, false or "text"', at)


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def _named(text: str) -> str:
    return _ESCAPED_NAME.sub(r"\1", text) if "\\" in text else text


def _malformed(text: str, expected: str, at: int) -> PayloadError:
    found = quoted(text[at:]) if text[at:] else "nothing"
    return PayloadError(
        "malformed",
        f"the line has {found} at character {at + 1}, expected {expected}. "
        "Write it as in line protocol, or name another 'format'.",
    )
