"""A short run of `tests/fuzz_files.py`: only errors of ours, or a model that steps."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FUZZ = Path(__file__).parents[1] / "fuzz_files.py"


def test_changed_artifacts_and_states() -> None:
    """In a process of its own, whose memory is limited."""
    command = [sys.executable, "-W", "ignore", str(FUZZ), "200", "60", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "other exceptions: 0" in done.stdout
    assert " loaded" in done.stdout
