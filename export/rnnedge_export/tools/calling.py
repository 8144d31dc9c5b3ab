"""Calls of compilers and linkers, whose refusals people can read."""

from __future__ import annotations

import os
import shutil
import signal
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
    with subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as program:
        try:
            output, errors = program.communicate(timeout=TIMEOUT_S)
        except BaseException as error:
            os.killpg(
                program.pid, signal.SIGKILL
            )  # a driver leaves its compiler behind
            if isinstance(error, subprocess.TimeoutExpired):
                raise BoardError(
                    f"{what}: the compiler did not end within {TIMEOUT_S} s."
                ) from None
            raise
    if program.returncode:
        lines = errors.strip().splitlines()[:_SHOWN_LINES]
        raise BoardError(
            f"{what}: {Path(command[0]).name} failed. It said:\n  " + "\n  ".join(lines)
        )
    return output


@cache
def version(command: str) -> str:
    """First line of what the command says of its version."""
    found = subprocess.run(
        [command, "--version"], capture_output=True, text=True, check=False
    )
    lines = (found.stdout or found.stderr).splitlines()
    return lines[0] if lines else command
