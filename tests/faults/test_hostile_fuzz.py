"""Only errors of ours, or a model that steps: a short run of the study `fuzz_files`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_changed_artifacts_and_states() -> None:
    """In a process of its own, whose memory is limited."""
    study = ("-m", "support.studies.fuzz_files", "200", "60", "1")
    command = [sys.executable, "-W", "ignore", *study]
    done = subprocess.run(
        command, cwd=TESTS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "other exceptions: 0" in done.stdout
    assert " loaded" in done.stdout
