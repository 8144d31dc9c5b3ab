"""The only way tests start other programs than Python; one that is missing skips the test."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from rnnedge_export.tools.programs import PROGRAMS, packages_of

MISSING = re.compile(r"not installed: ((?:\S+ \(Debian: [^)]+\)(?:, )?)+)")
INSTALL = "apt-get install --no-install-recommends"
SCRIPTS_OF_PYTHON = Path(sys.executable).parent


def find(name: str) -> str | None:
    """Path of a program of the table; one that pip installed counts, as cmake."""
    found = PROGRAMS[name].find()
    return found or shutil.which(name, path=str(SCRIPTS_OF_PYTHON))


def reason(*names: str) -> str:
    """Why a test that needs these programs is skipped; empty when all are here."""
    missing = [name for name in dict.fromkeys(names) if find(name) is None]
    said = [f"{name} (Debian: {' '.join(packages_of([name]))})" for name in missing]
    return f"not installed: {', '.join(said)}" if said else ""


def require(*names: str) -> str:
    """The first name, where all these programs are here; else the test is skipped."""
    if missing := reason(*names):
        pytest.skip(missing)
    return names[0]


def needs(*names: str) -> pytest.MarkDecorator:
    """`require` as a mark, for a module or a test."""
    missing = reason(*names)
    return pytest.mark.skipif(bool(missing), reason=missing)


def run(
    command: Sequence[str | Path], **options: Any
) -> subprocess.CompletedProcess[Any]:
    """`subprocess.run` of a program of the table, or of a file that the test names whole.

    Raises:
        KeyError: the table does not know the program.
    """
    name, *arguments = command
    if os.sep not in str(name):
        require(str(name))
        name = find(str(name)) or name
    return subprocess.run([name, *arguments], **options)


def start(command: Sequence[str | Path], **options: Any) -> subprocess.Popen[Any]:
    """`subprocess.Popen` of a program of the table, or of a file named whole (`run`)."""
    name, *arguments = command
    if os.sep not in str(name):
        require(str(name))
        name = find(str(name)) or name
    return subprocess.Popen([name, *arguments], **options)


def hide(monkeypatch: pytest.MonkeyPatch, *starts: str) -> None:
    """As on a machine without the programs whose names start so."""
    which = shutil.which

    def found(name: str, *arguments: Any, **options: Any) -> str | None:
        return None if name.startswith(starts) else which(name, *arguments, **options)

    monkeypatch.setattr(shutil, "which", found)


def link_only(names: Iterable[str], folder: Path) -> str:
    """A value of PATH with these commands alone, those of them that are here."""
    folder.mkdir()
    for name in names:
        found = shutil.which(name)
        if found:
            (folder / name).symlink_to(found)
    return str(folder)


def left_out(reasons: Iterable[str]) -> list[str]:
    """Lines on the tests that these reasons kept from running; none for no such reason."""
    counts: Counter[str] = Counter()
    num_tests = 0
    for text in reasons:
        if found := MISSING.search(text):
            num_tests += 1
            counts.update(re.findall(r"(\S+) \(Debian", found[1]))
    if not num_tests:
        return []
    lines = [f"{_counted(num_tests)} did not run, for want of:"]
    for name, count in counts.most_common():
        packages = " ".join(packages_of([name]))
        lines.append(f"  {name} (Debian: {packages}): {_counted(count)}")
    packages = " ".join(packages_of(counts))
    return [*lines, f"To run them, on Debian: sudo {INSTALL} {packages}"]


def _counted(num_tests: int) -> str:
    return f"{num_tests} test{'s' if num_tests > 1 else ''}"
