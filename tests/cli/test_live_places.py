"""`rnnedge run` between real files and pipes: Telegraf's contract, kills, an own source."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from support.live.line_protocol import odd_text, parse
from support.live.processes import room_artifact, start_live


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return room_artifact(tmp_path_factory.mktemp("room"))


def line(k: int) -> bytes:
    return b'{"temp": %d.5, "hum": 40, "time": %d}\n' % (k % 30, 1_700_000_040 + 60 * k)


def telegraf(artifact: Path, data: bytes, *more: object) -> tuple[int, bytes, str]:
    place = "telegraf://"
    process = start_live(artifact, "--source", place, "--sink", place, *more)
    out, said = process.communicate(data, timeout=120)
    return process.returncode, out, said.decode()


def test_telegraf(artifact: Path, tmp_path: Path) -> None:
    """All lines come back, some with fields; the end of input saves the state."""
    text = odd_text(300, fields=("temp", "hum"), seed=3)
    code, out, said = telegraf(artifact, text, "--state", tmp_path / "state")
    assert code == 0, said
    before, after = parse(text.decode()), parse(out.decode())
    assert [point.fields for point in before] == [
        tuple(pair for pair in point.fields if pair[0] not in ("temp_1", "temp_2"))
        for point in after
    ]
    assert sum("temp_1" in dict(point.fields) for point in after) > 100
    assert "telegraf" in said
    assert (tmp_path / "state").is_dir()
    again = b"m,host=a temp=20,hum=40 1750000000000000000\n"
    code, out, _ = telegraf(artifact, again, "--state", tmp_path / "state")
    assert code == 0
    assert out.startswith(b"m,host=a temp=20,hum=40,temp_1=")


def test_telegraf_has_each_line_at_once(artifact: Path) -> None:
    process = start_live(artifact, "--source", "telegraf://", "--sink", "telegraf://")
    assert process.stdin
    assert process.stdout
    for k in range(5):
        process.stdin.write(b"m temp=20,hum=40 %d\n" % (1_700_000_040_000_000_000 + k))
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"m temp=20,hum=40")
    process.stdin.close()
    assert process.wait(30) == 0
    process.stdout.close()


def test_telegraf_does_not_wait(artifact: Path) -> None:
    code, out, said = telegraf(artifact, b"m temp=1 1\n", "--wait", "1s")
    assert (code, out) == (2, b"")
    assert "Leave --wait out" in said


def forecasts(path: Path) -> dict[str, Any]:
    """By time, in the order of the file; none twice."""
    lines = [json.loads(text) for text in path.read_text().splitlines()]
    found = {
        content["time"]: (content["temp_1"], content["temp_2"]) for content in lines
    }
    assert len(found) == len(lines)
    return found


def test_a_followed_file_over_kills(artifact: Path, tmp_path: Path) -> None:
    """Killed while a file grows and is rotated: as an uninterrupted run, none twice."""
    rng = random.Random(1)
    data, out = tmp_path / "readings", tmp_path / "forecasts.jsonl"
    source = f"file://{data}?follow=1&position={tmp_path}/at"
    run = (artifact, "--source", source, "--sink", out, "--state", tmp_path / "state")
    written = 0
    data.touch()
    for turn in range(3):
        process = start_live(*run, stderr=subprocess.DEVNULL)
        num_before = num_lines(out)
        num_more, end = rng.randrange(1, 9), time.monotonic() + 30
        while num_more and time.monotonic() < end:
            with data.open("ab") as file:
                file.write(b"".join(map(line, range(written, written + 7))))
            written += 7
            num_more -= num_lines(out) > num_before
            time.sleep(0.02)
        if turn == 1:
            data.rename(tmp_path / "readings.1")
            data.touch()
        process.send_signal(signal.SIGKILL)
        process.communicate()
    finish(run, out, written)
    whole = tmp_path / "whole"
    whole.write_bytes(b"".join(map(line, range(written))))
    once = tmp_path / "once.jsonl"
    process = start_live(artifact, "--source", whole, "--sink", once)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert forecasts(out) == forecasts(once)
    assert len(forecasts(once)) == written


def num_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def finish(run: tuple[object, ...], out: Path, written: int) -> None:
    process = start_live(*run, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if num_lines(out) >= written:
            break
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)


OWN = """
from rnnedge_runtime.live.loop.nouns import Reading, Received


class Countdown:
    name = "countdown"

    def __init__(self, place):
        self.left = int(place.url.partition("://")[2])

    def start(self):
        pass

    def poll(self, timeout_s):
        if not self.left:
            return None
        self.left -= 1
        return Received([Reading("", 60_000_000 * (99 - self.left), {"temp": 20.0})])

    def acknowledge(self, token):
        pass

    def close(self):
        pass
"""


def test_an_own_source_by_an_entry_point(artifact: Path, tmp_path: Path) -> None:
    """Twenty lines and an entry point, as a package that pip installs has it."""
    assert len(OWN.strip().splitlines()) <= 26
    (tmp_path / "countdown.py").write_text(OWN)
    about = tmp_path / "countdown-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: countdown\nVersion: 1.0\n"
    )
    (about / "entry_points.txt").write_text(
        "[rnnedge.sources]\ncountdown = countdown:Countdown\n"
    )
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    process = start_live(
        artifact,
        "--source",
        "countdown://5",
        env={**os.environ, "PYTHONPATH": path},
    )
    out, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert len(out.splitlines()) == 5
