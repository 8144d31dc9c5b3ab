"""The firmware examples, built once."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

import pytest
from support import programs
from support.firmware_nodes import FIRMWARE, HOURS, QEMU, UNCUT, Lines, Start, called


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make -C examples/firmware` leaves."""
    out = tmp_path_factory.mktemp("firmware")
    command = ["make", "-C", str(FIRMWARE), f"OUT={out}", f"PYTHON={sys.executable}"]
    done = programs.run(
        command,
        env={**os.environ, "MAKEFLAGS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out


@pytest.fixture(scope="session")
def on_qemu(built: Path) -> Start:
    """Starts the bare-metal node: folder of its flash, first hour, hours, bytes to a cut."""

    def start(folder: Path, first: int, hours: int, cut: int) -> tuple[int, Lines]:
        options = [f"arg=from={first}", f"arg=hours={hours}", f"arg=cut={cut}"]
        flags = ",".join(["enable=on,target=native,arg=node", *options])
        return called(
            [*QEMU, str(built / "node.elf"), "-semihosting-config", flags], folder
        )

    return start


@pytest.fixture(scope="session")
def whole(on_qemu: Start, tmp_path_factory: pytest.TempPathFactory) -> Lines:
    """The forecasts of a node that is never switched off."""
    code, lines = on_qemu(tmp_path_factory.mktemp("whole"), 0, HOURS, UNCUT)
    assert (code, lines[0], len(lines)) == (0, "new state", HOURS + 1)
    return lines[1:]


@pytest.fixture(scope="session")
def slots(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    to = tmp_path_factory.mktemp("slots") / "slots.so"
    source = str(FIRMWARE / "common/slots.c")
    programs.run(["cc", "-O1", "-shared", "-fPIC", source, "-o", str(to)], check=True)
    return ctypes.CDLL(str(to))
