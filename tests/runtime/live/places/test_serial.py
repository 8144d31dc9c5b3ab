"""A serial port over a pair of pseudo-terminals: checksums, noise, unplugged and back."""

from __future__ import annotations

import os
import pty
import random
import sys
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.live.places import Opened

from rnnedge_runtime.errors import DataError, MissingDependencyError
from rnnedge_runtime.live.loop.nouns import Source
from rnnedge_runtime.live.payloads import PayloadError
from rnnedge_runtime.live.places import live_source
from rnnedge_runtime.live.sources.serial import source as serial_source
from rnnedge_runtime.live.sources.serial.checksums import checked_line

pytest.importorskip("serial")


class Cable:
    """A port whose other end is ours, and which a link names, as udev does."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.plug()

    def plug(self) -> None:
        self.ours, self.theirs = pty.openpty()
        tty.setraw(self.theirs)
        self.link.symlink_to(os.ttyname(self.theirs))

    def unplug(self) -> None:
        os.close(self.ours)
        os.close(self.theirs)
        self.link.unlink()


@pytest.fixture
def cable(tmp_path: Path) -> Iterator[Cable]:
    made = Cable(tmp_path / "port")
    yield made
    made.unplug()


def temps(source: Source, *, polls: int = 5) -> list[float]:
    found: list[float] = []
    for _ in range(polls):
        received = source.poll(0.05)
        assert received is not None
        found += [reading.values["temp"] for reading in received.readings]
    return found


def test_what_is_unplugged_comes_back(
    cable: Cable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serial_source, "_FIRST_WAIT_S", 0.01)
    opened = Opened()
    source = live_source(opened.place(f"serial://{cable.link}?first=1"))
    source.start()
    for k in range(3):
        os.write(cable.ours, b'{"temp": %d}\n{"temp": 9' % k)
        assert temps(source) == [k]
        cable.unplug()
        assert temps(source) == []
        cable.plug()
        assert temps(source) == []
    counts = opened.counters.counts
    assert counts["serial", "lost"] == counts["serial", "reconnected"] == 3
    assert sum("gone" in text for text in opened.said) == 3
    source.close()


def test_a_port_that_is_away_is_not_asked_all_the_time(
    cable: Cable, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = live_source(Opened().place(f"serial://{cable.link}"))
    source.start()
    clock, waits = [1000.0], []
    monkeypatch.setattr(serial_source.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(serial_source.time, "sleep", lambda s: None)
    cable.unplug()
    source.poll(0.0)
    for _ in range(10):
        waits.append(source._due_s - clock[0])  # type: ignore[attr-defined]
        clock[0] = source._due_s  # type: ignore[attr-defined]
        source.poll(0.0)
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30]
    cable.plug()


def test_a_first_line_may_be_cut(cable: Cable) -> None:
    source = live_source(Opened().place(f"serial://{cable.link}", feature="temp"))
    source.start()
    os.write(cable.ours, b"0.5\n20.5\n")
    assert temps(source) == [20.5]
    source.close()


def test_a_port_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Plug it in"):
        live_source(Opened().place(f"serial://{tmp_path}/none")).start()


def test_without_its_package_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(MissingDependencyError, match=r"rnnedge\[serial\]"):
        live_source(Opened().place("serial:///dev/ttyUSB0"))


KNOWN = (  # of the catalogue of CRCs, and of NMEA's own example
    ("nmea", b"$GPGLL,5300.97914,N,00259.98174,E,125926,A*28"),
    ("crc16", b"123456789*29B1"),
    ("crc32", b"123456789*CBF43926"),
)


@pytest.mark.parametrize(("kind", "line"), KNOWN)
def test_checksums_are_the_known_ones(kind: str, line: bytes) -> None:
    body = checked_line(line + b"\r\n", kind)
    assert line.strip(b"$").startswith(body + b"*")
    assert checked_line(line.lower()[:1] + line[1:], kind)


@pytest.mark.parametrize(("kind", "line"), KNOWN)
def test_a_changed_bit_is_found(kind: str, line: bytes) -> None:
    rng = random.Random(0)
    for _ in range(200):
        data = bytearray(line)
        place = rng.randrange(1, len(data))
        data[place] ^= 1 << rng.randrange(5)  # 32 would but change the case of a digit
        with pytest.raises(PayloadError) as caught:
            checked_line(bytes(data), kind)
        assert caught.value.reason == "checksum"
