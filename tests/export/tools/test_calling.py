"""Calls of compilers end with all that they started."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from support import programs

from rnnedge_export.tools import calling
from rnnedge_runtime.errors import BoardError


def test_a_program_that_does_not_end_is_stopped_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs.require("sh")
    monkeypatch.setattr(calling, "TIMEOUT_S", 1)
    script = "sleep 600 & echo $! > child; wait"
    with pytest.raises(BoardError, match="building: the compiler did not end"):
        calling.call(["sh", "-c", script], "building", tmp_path)
    child = int((tmp_path / "child").read_text())
    for _ in range(100):
        if not _runs(child):
            return
        time.sleep(0.1)
    raise AssertionError("what it started goes on")


def _runs(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    if not status.parent.parent.joinpath("self").exists():  # no /proc: ask the system
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
        return True
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
