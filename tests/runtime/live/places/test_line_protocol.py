"""Line protocol against a parser of its own, on lines drawn by the specification's rules."""

from __future__ import annotations

import random

import pytest
from support.live.line_protocol import FALSE, TRUE, odd_line, parse

from rnnedge_runtime.live.payloads import PayloadError
from rnnedge_runtime.live.payloads.line_protocol import (
    OpenQuoteError,
    escaped,
    parse_line,
)


def meaning(text: str) -> object:
    """The value of a field by its text."""
    if text[0] == '"':
        out, at = "", 1
        while at < len(text) - 1:
            if text[at] == "\\" and text[at + 1] in '"\\':
                at += 1
            out += text[at]
            at += 1
        return out
    if text in TRUE + FALSE:
        return text in TRUE
    return int(text[:-1]) if text[-1] in "iu" else float(text)


def test_drawn_lines_mean_what_another_parser_says() -> None:
    rng = random.Random(0)
    for k in range(3000):
        text = odd_line(rng, fields=("temp",), time=k)
        found = parse_line(text)
        (point,) = parse(text + "\n")
        assert found.measurement == point.measurement, text
        assert found.tags == dict(point.tags), text
        assert found.fields == {key: meaning(value) for key, value in point.fields}
        assert found.time == (int(point.time) if point.time else None)
        assert parse(f"{text[: found.end]}\n")[0].fields == point.fields


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("m", "a space and fields"),
        ("m,t=1", "a space and fields"),
        ("m,t= f=1", "a space and fields"),
        (",t=1 f=1", "a measurement"),
        ("m f", "a field"),
        ("m f=", "a number"),
        ("m f=1x", "a number"),
        ("m f=0x10", "a number"),
        ("m f=1_0", "a number"),
        ("m f=nan", "a number"),
        ("m f=1i2", "a number"),
        ("m f=-1u", "a number"),
        ("m f=1,", "a field"),
        ("m f=1 x", "a time"),
        ("m f=1 1 2", "a time"),
        ("m f=1 99999999999999999999", "a time"),
        ('m f="a"b 1', "a time"),
    ],
)
def test_what_is_no_line_is_said(text: str, said: str) -> None:
    with pytest.raises(PayloadError, match=said) as caught:
        parse_line(text)
    assert caught.value.reason == "malformed"


def test_a_string_without_its_end_is_told_apart() -> None:
    with pytest.raises(OpenQuoteError):
        parse_line('m f="a 1')
    with pytest.raises(OpenQuoteError):
        parse_line('m a=1,f="a\\"')


def test_escapes_go_there_and_back() -> None:
    for name in ("a b", "a,b", "a=b", "a\\b", "ä,= "):
        line = parse_line(f"m,{escaped(name)}={escaped(name)} {escaped(name)}=1")
        assert line.tags == {name: name}
        assert list(line.fields) == [name]
