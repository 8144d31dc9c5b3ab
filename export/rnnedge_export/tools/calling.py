"""Calls of compilers and linkers, whose refusals people can read."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from rnnedge_runtime.errors import BoardError

TIMEOUT_S = 120
_SHOWN_LINES = 12


def first_there(names: Sequence[str]) -> str:
    """The first of these commands that is on this machine, "" for none."""
    return next((name for name in names if shutil.which(name)), "")


def call(command: Sequence[str], what: str, folder: Path) -> str:
    """What a command said, called in `folder`.

    Raises:
        BoardError: it fails, or does not end in time; its first lines are in the message.
    """
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        raise BoardError(
            f"{what}: the compiler did not end within {TIMEOUT_S} s."
        ) from None
    if done.returncode:
        lines = done.stderr.strip().splitlines()[:_SHOWN_LINES]
        raise BoardError(
            f"{what}: {Path(command[0]).name} failed. It said:\n  " + "\n  ".join(lines)
        )
    return done.stdout


@cache
def version(command: str) -> str:
    """First line of what the command says of its version."""
    found = subprocess.run(
        [command, "--version"], capture_output=True, text=True, check=False
    )
    lines = (found.stdout or found.stderr).splitlines()
    return lines[0] if lines else command
