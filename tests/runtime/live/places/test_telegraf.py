"""Telegraf's contract: every line passes, with fields added to those the model reads."""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from support.live.line_protocol import Point, odd_text, parse
from support.live.places import Opened, outcome_of

from rnnedge_runtime.errors import DataError
from rnnedge_runtime.live.loop.nouns import Reading
from rnnedge_runtime.live.places import live_sink, live_source
from rnnedge_runtime.live.telegraf import passing


class Pipes:
    """Standard input as a pipe and output as a file, with the source and sink of a run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        read, self.write = os.pipe()
        self.file = tempfile.TemporaryFile()  # noqa: SIM115
        self.streams = {"stdin": read, "stdout": self.file.fileno()}
        self.patch = monkeypatch
        fresh = passing.Passing()
        for module in ("source", "sink"):
            monkeypatch.setattr(
                f"rnnedge_runtime.live.telegraf.{module}.PASSING", fresh
            )
        self.opened = Opened()
        self.sequence = self.num_seen = 0
        self.open_end = read

    def start(self, **options: object) -> None:
        """Open both; here and not before, as pytest puts its own streams back."""
        for name, descriptor in self.streams.items():
            stream = SimpleNamespace(fileno=lambda d=descriptor: d, flush=lambda: None)
            self.patch.setattr(sys, name, stream)
        self.source = live_source(self.opened.place("telegraf://"))
        self.sink = live_sink(self.opened.place("telegraf://", **options))
        self.sink.start()
        self.source.start()

    def turn(self, *, gives: bool = True) -> list[Reading] | None:
        """One turn of the loop; `gives`: whether the streams give forecasts."""
        received = self.source.poll(0.0)
        if received is None:
            return None
        readings = list(received.readings)
        if readings:
            self.sequence += 1
            outcome = outcome_of(readings, sequence=self.sequence)
            if not gives:
                nothing = outcome_of([], sequence=self.sequence)
                nothing = type(nothing)(
                    *(getattr(nothing, f) for f in type(nothing).__slots__[:-1]),
                    outcome.origins,
                )
                outcome = nothing
            assert self.sink.send(outcome)
        return readings

    def out(self) -> bytes:
        """What has been written since the last call."""
        size = os.fstat(self.file.fileno()).st_size
        found = os.pread(self.file.fileno(), size - self.num_seen, self.num_seen)
        self.num_seen = size
        return found


@pytest.fixture
def pipes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipes]:
    made = Pipes(monkeypatch)
    yield made
    os.close(made.open_end)
    made.file.close()


def without_added(point: Point) -> Point:
    fields = tuple(pair for pair in point.fields if not pair[0].startswith("f "))
    return Point(point.measurement, point.tags, fields, point.time)


def test_ten_thousand_odd_lines_pass_with_fields_added(pipes: Pipes) -> None:
    pipes.start(prefix="f ")
    text = odd_text(10_000, fields=("temp", "hum"), seed=1)
    out, num_read = b"", 0
    for start in range(0, len(text), 4000):
        os.write(pipes.write, text[start : start + 4000])
        num_read += len(pipes.turn() or [])
        out += pipes.out()
    os.close(pipes.write)
    while (found := pipes.turn()) is not None:
        num_read += len(found)
    pipes.sink.close()
    out += pipes.out()
    before, after = parse(text.decode()), parse(out.decode())
    assert [without_added(point) for point in after] == before
    added = [point for point in after if point.fields != without_added(point).fields]
    assert 3000 < len(added) <= num_read < 10_000
    for point in added:
        fields = dict(point.fields)
        assert float(fields["f temp_2"]) == pytest.approx(float(fields["f temp_1"]) + 1)
    comments = [line for line in text.split(b"\n") if line.startswith(b"# a comment")]
    assert out.count(b"# a comment, with = all\n") == len(comments)


ODD = (
    b"not a line at all\n",
    b"\xff\xfe\x00binary\n",
    b"m temp=abc 1\n",
    b'm temp="warm" 1\n',
    b"m other=1 1\n",
    b"m temp=1 999999999999999999999999\n",
    b"m " + b"x" * 1_000_000 + b"=1\n",
    b"\n",
    b"   \n",
    b"# m temp=1\n",
    b'm temp=1,note="a\nb\n c" 1700000000000000000\n',
)


def test_what_is_no_reading_passes_untouched(pipes: Pipes) -> None:
    pipes.start()
    for data in ODD:
        view, out = memoryview(data), b""
        while view:
            view = view[os.write(pipes.write, view[:60_000]) :]
            pipes.turn(gives=False)
            out += pipes.out()
        pipes.turn()
        assert out + pipes.out() == data
    counts = pipes.opened.counters.counts
    assert {what for _, what in counts} == {
        "dropped: malformed",
        "dropped: not a number",
        "dropped: not text",
        "dropped: too long",
        "passed: name",
    }
    assert len(pipes.opened.said) == 4


def test_any_bytes_pass_as_they_are(pipes: Pipes) -> None:
    """Cut anywhere, changed anywhere: what no forecast is added to leaves byte for byte."""
    rng = random.Random(2)
    pipes.start()
    data = bytearray(odd_text(200, fields=("temp",), seed=2))
    for _ in range(300):
        data[rng.randrange(len(data))] = rng.choice(b'\n\r\0",= \\\xff#i1')
    at, out = 0, b""
    while at < len(data):
        size = rng.randrange(1, 500)
        os.write(pipes.write, data[at : at + size])
        at += size
        pipes.turn(gives=False)
        out += pipes.out()
    os.close(pipes.write)
    while pipes.turn(gives=False) is not None:
        pass
    pipes.sink.close()
    assert out + pipes.out() == bytes(data)


def test_each_line_leaves_at_once(pipes: Pipes) -> None:
    pipes.start()
    for _ in range(3):
        os.write(pipes.write, b"m temp=1.5 1700000000000000000\nother x=1\n")
        pipes.turn()
        assert pipes.out() == (
            b"m temp=1.5,temp_1=2.5,temp_2=3.5 1700000000000000000\nother x=1\n"
        )


def test_a_last_line_needs_no_break(pipes: Pipes) -> None:
    pipes.start()
    os.write(pipes.write, b'm temp=1\nm temp=2,note="open')
    os.close(pipes.write)
    while pipes.turn() is not None:
        pass
    pipes.sink.close()
    assert pipes.out() == b'm temp=1,temp_1=2.0,temp_2=3.0\nm temp=2,note="open'


def test_a_field_of_a_forecast_s_name_is_left_as_it_is(pipes: Pipes) -> None:
    pipes.start()
    os.write(pipes.write, b"m temp=1,temp_2=7 1\n")
    pipes.turn()
    assert pipes.out() == b"m temp=1,temp_2=7 1\n"
    assert "prefix" in pipes.opened.said[0]


def test_the_one_without_the_other_is_refused(pipes: Pipes) -> None:
    with pytest.raises(DataError, match="--source telegraf"):
        live_sink(pipes.opened.place("telegraf://")).start()
    with pytest.raises(DataError, match="--sink telegraf"):
        live_source(pipes.opened.place("telegraf://")).start()
