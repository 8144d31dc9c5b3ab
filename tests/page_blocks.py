"""The blocks of a page of documentation, run in the order in which they stand there.

A block with `title="NAME"` is written to that file; `console` blocks are run by a shell,
`python` blocks by this Python, both in the folder given. `pip install` is left to
test_wheel.py. A training is cut to two epochs.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import programs

BLOCK = re.compile(
    r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```', re.DOTALL | re.MULTILINE
)
ELSEWHERE = ("pip install",)
TIMEOUT_S = 240


def run_page(page: Path, folder: Path) -> list[str]:
    """What each block printed that was run.

    Raises:
        AssertionError: a block failed; with what it printed.
    """
    printed = []
    for language, title, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        if title:
            (folder / title).write_text(text)
        elif language == "python":
            printed.append(_run([sys.executable, "-c", text], folder, text))
        elif language == "console":
            printed += [_shell(line, folder) for line in _commands(text)]
    return printed


def _commands(text: str) -> list[str]:
    lines = [line.split(" #")[0].strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith(ELSEWHERE)]


def _shell(command: str, folder: Path) -> str:
    rnnedge = f"{shlex.quote(sys.executable)} -m rnnedge.cli"
    fast = " --epochs 2 --quiet" if "rnnedge train" in command else ""
    line = re.sub(r"\brnnedge (?=[a-z])", f"{rnnedge} ", command) + fast
    return _run(["sh", "-c", line], folder, command)


def _run(command: list[str], folder: Path, text: str) -> str:
    run = subprocess.run if command[0] == sys.executable else programs.run
    done = run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S)
    assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
    return str(done.stdout)
