"""The C program on a serial port, over a pseudo-terminal."""

from __future__ import annotations

import os
import pty
import subprocess
import tty
from functools import reduce
from operator import xor
from pathlib import Path

import numpy as np
import pytest
from support import programs
from support.artifacts import describe
from support.live.places import room_spec
from support.strategies import random_weights

from rnnedge_export.formats.c.generating import generate_source
from rnnedge_runtime.backends.numpy_f32 import Float32Engine
from rnnedge_runtime.streams.model import Model

EXAMPLE = Path(__file__).parents[2] / "examples/serial"
pytestmark = programs.needs("make", "gcc")


@pytest.fixture(scope="module")
def model() -> Model:
    spec = room_spec()
    weights = random_weights(spec, np.random.default_rng(0))
    return Model(describe(spec, weights), Float32Engine(spec, weights))


@pytest.fixture(scope="module")
def listen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("serial")
    spec = room_spec()
    weights = random_weights(spec, np.random.default_rng(0))
    source = generate_source(describe(spec, weights), weights, "room")
    source.write(folder)
    command = ["make", "-C", EXAMPLE, f"DIST={folder}", f"OUT={folder}", "MODEL=room"]
    done = programs.run(
        [*command, "CC=gcc", "CFLAGS=-O1 -Wall -Wextra -Werror -fsanitize=undefined"],
        env={**os.environ, "MAKEFLAGS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "listen"


class Port:
    """A port with the program listening."""

    def __init__(self, program: Path, *arguments: object) -> None:
        self.ours, self.theirs = pty.openpty()
        tty.setraw(self.theirs)
        name = os.ttyname(self.theirs)
        command = [str(program), name, "9600", *map(str, arguments)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert self.process.stderr
        assert self.process.stderr.readline() == b"listening\n"

    def say(self, line: bytes) -> list[float]:
        assert self.process.stdout
        os.write(self.ours, line)
        return [float(text) for text in self.process.stdout.readline().split(b",")]

    def stop(self) -> tuple[int, bytes]:
        self.process.terminate()
        _, said = self.process.communicate(timeout=20)
        os.close(self.ours)
        os.close(self.theirs)
        return self.process.returncode, said


def summed(body: bytes) -> bytes:
    return b"$%b*%02X\r\n" % (body, reduce(xor, body, 0))


@pytest.fixture
def readings() -> np.ndarray:
    rng = np.random.default_rng(1)
    values = rng.normal(20, 5, (20, 2)).round(2).astype(np.float32)
    values[3, 0] = values[7, 1] = np.nan
    return values


def test_a_forecast_for_every_line(
    listen: Path, model: Model, readings: np.ndarray, tmp_path: Path
) -> None:
    """The bytes of the model on the host, over a restart in the middle."""
    stream = model.stream()
    for part in (readings[:9], readings[9:]):
        port = Port(listen, tmp_path / "state")
        for x in part:
            body = ",".join("" if np.isnan(v) else str(v) for v in x).encode()
            found = np.array(port.say(summed(body)), np.float32)
            np.testing.assert_array_equal(found, stream.step(x))
        assert port.stop() == (0, b"")


def test_what_is_no_line_is_left_out(listen: Path, model: Model) -> None:
    port = Port(listen)
    bad = (
        b"5,40\n",  # may be cut, as the first
        b"$20,40*00\n",
        b"warm,40\n",
        b"20\n",
        b"20,40,1\n",
        b"\xff\xfe\n",
        b"x" * 3000 + b"\n",
    )
    os.write(port.ours, b"".join(bad))
    found = np.array(port.say(b"20,40\r\n"), np.float32)
    expected = model.stream().step(np.array([20, 40], np.float32))
    np.testing.assert_array_equal(found, expected)
    code, said = port.stop()
    assert (code, said.count(b"left out")) == (0, len(bad) - 1)


def test_a_port_that_is_not_there_is_said(listen: Path) -> None:
    done = programs.run([listen, "/dev/none", "9600"], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"cannot be opened" in done.stderr
