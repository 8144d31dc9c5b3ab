"""Line protocol by the rules of its specification: odd lines drawn, and a parser of its own.

The parser goes character by character, so that it shares nothing with what it judges.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

LETTERS = "abcXYZ019_-.:/%äß€日\"'\\{}[]#;|+*"
BLANKED = {"measurement": ", ", "key": ",= "}
TRUE = ("t", "T", "true", "True", "TRUE")
FALSE = ("f", "F", "false", "False", "FALSE")


@dataclass(frozen=True)
class Point:
    """One line: its meaning, and the texts of the values of its fields."""

    measurement: str
    tags: tuple[tuple[str, str], ...]
    fields: tuple[tuple[str, str], ...]
    time: str


def _name(rng: random.Random, kind: str, size: int = 8) -> str:
    """An escaped name that does not end in a backslash, nor start as a comment."""
    special = BLANKED[kind]
    text = ""
    for _ in range(rng.randint(1, size)):
        letter = rng.choice(LETTERS + special)
        text += f"\\{letter}" if letter in special else letter
    text = text.replace("\\\\", "\\").rstrip("\\")
    return text.lstrip("#") or "x"


def _value(rng: random.Random) -> str:
    kind = rng.randrange(6)
    if kind == 0:
        return rng.choice(("", "-")) + f"{rng.randrange(10**18)}i"
    if kind == 1:
        return f"{rng.randrange(10**18)}u"
    if kind == 2:
        return rng.choice(TRUE + FALSE)
    if kind == 3:
        letters = LETTERS.replace('"', "").replace("\\", "") + ",= \n\t"
        parts = [
            rng.choice([*letters, '\\"', "\\\\"]) for _ in range(rng.randint(0, 9))
        ]
        return f'"{"".join(parts)}"'
    return rng.choice(
        (
            f"{rng.gauss(0, 100):.{rng.randrange(1, 6)}f}",
            f"{rng.randrange(-99, 99)}",
            f"{rng.gauss(0, 1):.3e}",
            f"{rng.randrange(1, 9)}.",
            f"-{rng.random():.2f}E+{rng.randrange(9)}",
        )
    )


def odd_line(rng: random.Random, *, fields: tuple[str, ...] = (), time: int) -> str:
    """A line without its break, some with fields of these names among others."""
    measurement = _name(rng, "measurement")
    tags = [f"{_name(rng, 'key')}={_name(rng, 'key')}" for _ in range(rng.randrange(4))]
    drawn = [f"{_name(rng, 'key')}={_value(rng)}" for _ in range(rng.randrange(1, 4))]
    for name in fields:
        if rng.random() < 0.6:
            value = f"{rng.gauss(20, 5):.2f}" if rng.random() < 0.8 else _value(rng)
            drawn.append(f"{name}={value}")
    rng.shuffle(drawn)
    stamp = f" {time}" if rng.random() < 0.9 else ""
    return f"{','.join([measurement, *tags])} {','.join(drawn)}{stamp}"


def odd_text(size: int, *, fields: tuple[str, ...], seed: int) -> bytes:
    """Lines, with comments, empty ones and line breaks of Windows between them."""
    rng = random.Random(seed)
    parts = []
    for k in range(size):
        time = 1_700_000_000_000_000_000 + 60_000_000_000 * k + rng.randrange(1000)
        parts.append(odd_line(rng, fields=fields, time=time))
        parts.append("\r\n" if rng.random() < 0.05 else "\n")
        if rng.random() < 0.03:
            parts.append(rng.choice(("# a comment, with = all\n", "\n", "  \n")))
    return "".join(parts).encode()


def parse(text: str) -> list[Point]:
    """All points of a text."""
    points: list[Point] = []
    at = 0
    while at < len(text):
        if text[at] in "\r\n" or text[at : at + 3] == "  \n":
            at += 3 if text[at] == " " else 1
        elif text[at] == "#":
            at = text.index("\n", at) + 1
        else:
            point, at = _point(text, at)
            points.append(point)
    return points


def _until(text: str, at: int, ends: str, escapes: str) -> tuple[str, int]:
    found = ""
    while at < len(text) and text[at] not in ends:
        if text[at] == "\\" and text[at + 1 : at + 2] in tuple(escapes):
            at += 1
        found += text[at]
        at += 1
    return found, at


def _point(text: str, at: int) -> tuple[Point, int]:
    measurement, at = _until(text, at, ", \n", ", ")
    tags = []
    while text[at] == ",":
        key, at = _until(text, at + 1, "=", ",= ")
        value, at = _until(text, at + 1, ", ", ",= ")
        tags.append((key, value))
    assert text[at] == " "
    fields = []
    while text[at] in " ,":
        if fields and text[at] == " ":
            break
        key, at = _until(text, at + 1, "=", ",= ")
        at += 1
        start = at
        if text[at] == '"':
            at += 1
            while text[at] != '"':
                at += 2 if text[at] == "\\" else 1
            at += 1
        else:
            while at < len(text) and text[at] not in ", \r\n":
                at += 1
        fields.append((key, text[start:at]))
        if at >= len(text):
            break
    end = text.find("\n", at)
    end = len(text) if end < 0 else end
    return Point(measurement, tuple(tags), tuple(fields), text[at:end].strip()), end + 1
