"""The sources of the C core as object files, for tests that look into machine code."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from replay import CORE

SOURCES = sorted((CORE / "src").glob("*.c"))


def run(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def require(tool: str) -> str:
    """The tool; the test is skipped where it is missing."""
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")
    return tool


def objects(compiler: str, folder: Path, *flags: str) -> list[Path]:
    require(compiler)
    run(compiler, *flags, "-c", f"-I{CORE / 'include'}", *SOURCES, cwd=folder)
    return [folder / source.with_suffix(".o").name for source in SOURCES]
