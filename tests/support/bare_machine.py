"""The tests that call programs, on a machine with Python, make and gcc alone: `make bare`.

PATH holds nothing else, so that a test which calls another program has to skip. The arguments
go to pytest. Tests marked `gcc_alone` are left out: slow, and never skipped there.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from support.programs import SCRIPTS_OF_PYTHON, link_only

TESTS = Path(__file__).resolve().parents[1]
COMMANDS = (
    *("cc", "gcc", "as", "ld", "ar", "nm", "objdump", "ranlib", "strip", "make"),
    *("sh", "bash", "env", "cat", "chmod", "cp", "date", "dd", "dirname", "basename"),
    *("echo", "expr", "false", "head", "install", "ln", "ls", "mkdir", "mktemp", "mv"),
    *("pwd", "readlink", "rm", "rmdir", "sleep", "sort", "tail", "tee", "test"),
    *("touch", "tr", "true", "uname", "wc", "find", "xargs", "grep", "sed", "cmp"),
)
BY_PIP = ("cmake", "ctest", "ninja")
"""`make` has them installed in .venv where the machine has none."""


@cache
def imports(path: Path) -> frozenset[Path]:
    """Files of the tests that a file of them imports, itself or by another."""
    found = {path}
    for name in _names(ast.parse(path.read_text(encoding="utf-8"))):
        file = TESTS / f"{name.replace('.', '/')}.py"
        if file.exists() and file != path:
            found |= imports(file)
    return frozenset(found)


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def tests_that_call_programs() -> list[str]:
    """Files with tests that get at `programs`."""
    helper = TESTS / "support/programs.py"
    files = sorted(TESTS.rglob("test_*.py"))
    return [str(path) for path in files if helper in imports(path)]


def main(*options: str) -> int:
    """The exit code of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        by_pip = [name for name in BY_PIP if not (SCRIPTS_OF_PYTHON / name).exists()]
        path = link_only([*COMMANDS, *by_pip], Path(folder) / "bin")
        environment = {**os.environ, "PATH": path, "CI": "1"}
        environment.pop("RNNEDGE_REQUIRE", None)
        environment.pop("CC", None)
        command = [sys.executable, "-m", "pytest", "-m", "not gcc_alone", *options]
        return subprocess.run(
            [*command, *tests_that_call_programs()],
            cwd=TESTS.parent,
            env=environment,
            check=False,
        ).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
