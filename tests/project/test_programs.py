"""Programs beside Python: one table, one way to start them, and a word on missing ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import programs
from support.modules.foreign_calls import foreign_calls

from rnnedge_export.boards.catalogue import BOARDS
from rnnedge_export.tools.programs import PROGRAMS, missing_packages

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
TABLE = ROOT / "export/rnnedge_export/tools/programs.py"
HOME = "support/programs.py"

FOREIGN = {
    "a name": "import subprocess\nsubprocess.run(['gcc', 'x.c'])",
    "a command of a helper": "import subprocess\ndef f(c):\n    subprocess.run(c)",
    "another name of the module": "import subprocess as s\ns.check_output('gcc')",
    "the function alone": "from subprocess import Popen",
    "a name for it": "import subprocess\nstart = subprocess.run",
    "the shell": "import os\nos.system('gcc x.c')",
    "a line of the shell": (
        "import subprocess, sys\nsubprocess.run([sys.executable], shell=True)"
    ),
    "another executable": (
        "import subprocess, sys\nsubprocess.run([sys.executable], executable='gcc')"
    ),
    "a search": "import shutil\nshutil.which('gcc')",
    "one of two values": (
        "import subprocess, sys\ncommand = [sys.executable]\n"
        "command = ['gcc']\nsubprocess.run(command)"
    ),
    "a parameter named as a constant": (
        "import subprocess, sys\nMAIN = [sys.executable]\n"
        "def f(MAIN):\n    subprocess.run(MAIN)"
    ),
    "an argument of another call": (
        "import subprocess, sys\n"
        "subprocess.run([sys.executable, subprocess.getoutput('gcc')])"
    ),
}
PYTHON = {
    "itself": "import subprocess, sys\nsubprocess.run([sys.executable, '-c', '1'])",
    "a local command": (
        "import subprocess, sys\ndef f():\n    command = [sys.executable, 'x']\n"
        "    command += ['y']\n    subprocess.Popen([*command, 'z'])"
    ),
    "a constant": (
        "import subprocess, sys\nMAIN = (sys.executable, 'x')\n"
        "def f():\n    whole = [*MAIN, 'y']\n    subprocess.run(whole + ['z'])"
    ),
    "a word of subprocess": "import subprocess\nx: subprocess.Popen = subprocess.PIPE",
    "a copy": "import shutil\nshutil.copy('a', 'b')",
}


def test_tests_start_programs_through_the_helper_alone() -> None:
    found = {
        str(path.relative_to(TESTS)): lines
        for path in sorted(TESTS.rglob("*.py"))
        if path != TESTS / HOME
        and (lines := foreign_calls(path.read_text(encoding="utf-8")))
    }
    assert not found, "start them with programs.run, ask with programs.require"


@pytest.mark.parametrize("how", FOREIGN)
def test_another_way_is_seen(how: str) -> None:
    assert foreign_calls(FOREIGN[how]) == [FOREIGN[how].count("\n") + 1]


@pytest.mark.parametrize("how", PYTHON)
def test_python_is_started_as_ever(how: str) -> None:
    assert foreign_calls(PYTHON[how]) == []


def test_a_missing_program_skips_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    said = r"not installed: node \(Debian: nodejs\), gcc \(Debian: gcc libc6-dev\)"
    with pytest.raises(pytest.skip.Exception, match=said):
        programs.require("node", "gcc")
    with pytest.raises(pytest.skip.Exception, match=r"Debian: nodejs"):
        programs.run(["node", "x.js"])
    assert programs.needs("node").args == (True,)
    monkeypatch.undo()
    assert programs.require("gcc", "make") == "gcc"
    assert programs.needs("gcc").args == (False,)


def test_a_program_that_is_not_in_the_table_is_refused() -> None:
    with pytest.raises(KeyError, match="no-such-program"):
        programs.run(["no-such-program"])


def test_what_is_left_out_is_counted_with_one_command_for_all() -> None:
    both = "not installed: node (Debian: nodejs), gcc (Debian: gcc libc6-dev)"
    said = [f"('x.py', 3, 'Skipped: {both}')", "not installed: node (Debian: nodejs)"]
    assert programs.left_out([*said, "names of x86 instructions"]) == [
        "2 tests did not run, for want of:",
        "  node (Debian: nodejs): 2 tests",
        "  gcc (Debian: gcc libc6-dev): 1 test",
        f"To run them, on Debian: sudo {programs.INSTALL} nodejs gcc libc6-dev",
    ]
    assert programs.left_out(["names of x86 instructions"]) == []


def test_a_run_ends_with_what_is_left_out(tmp_path: Path) -> None:
    """The counts stay the last line, in one process and in several."""
    test = tmp_path / "test_one.py"
    test.write_text(
        "import pytest\n@pytest.mark.parametrize('n', range(3))\n"
        "def test_it(n):\n    pytest.skip('not installed: node (Debian: nodejs)')\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-c", os.devnull]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    for workers, require in (("0", ""), ("1", ""), ("0", "all")):
        done = subprocess.run(
            [*command, "-n", workers, str(test)],
            cwd=tmp_path,
            env={**environment, "RNNEDGE_REQUIRE": require},
            capture_output=True,
            text=True,
            check=False,
        )
        lines = done.stdout.splitlines()
        assert "3 failed" if require else "3 skipped" in lines[-1]
        assert "  node (Debian: nodejs): 3 tests" in lines
        assert f"To run them, on Debian: sudo {programs.INSTALL} nodejs" in lines


def test_ci_installs_all_programs_of_the_table(tmp_path: Path) -> None:
    """With a bare Python: nothing is installed yet when the table is asked."""
    ci = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert f"python3 {TABLE.relative_to(ROOT)}" in ci
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(TABLE)],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    packages = done.stdout.split()
    assert len(packages) == len(set(packages)) > 20
    of_commands = {p for x in PROGRAMS.values() for p in x.packages}
    assert set(packages) | {"libclang-rt-14-dev"} == of_commands


def test_every_program_of_a_board_is_in_the_table() -> None:
    assert not {c for board in BOARDS.values() for c in board.commands} - set(PROGRAMS)


def test_a_compiler_without_its_library_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian has the C library of a cross compiler in a package apart."""
    compiler = tmp_path / "arm-linux-gnueabi-gcc"
    compiler.write_text("#!/bin/sh\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    has_library = Path("/usr/arm-linux-gnueabi/lib/libc.a").exists()
    assert (not missing_packages([compiler.name])) == has_library
