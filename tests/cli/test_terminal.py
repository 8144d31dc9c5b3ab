"""What the command line prints goes through one door, and nobody has to read it."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.run_helpers import LINES, make_artifact

import rnnedge.cli

CLI = Path(rnnedge.cli.__file__).parent
DOOR = CLI / "show" / "terminal.py"
MAIN = [sys.executable, "-c", "from rnnedge.cli import main; main()"]


def prints(source: str) -> list[int]:
    """Lines that print other than by `terminal`."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.Name) and node.id in ("print", "secho"))
        or (
            isinstance(node, ast.Attribute)
            and ast.unparse(node)
            in ("click.echo", "click.secho", "sys.stdout.write", "sys.stderr.write")
        )
    ]


def test_the_probe_sees_what_prints() -> None:
    assert prints("import click\nprint(1)\nclick.echo('x')\necho('x')\n") == [2, 3]


def test_all_that_is_printed_goes_through_the_terminal() -> None:
    found = {
        str(path.relative_to(CLI)): lines
        for path in CLI.rglob("*.py")
        if path != DOOR and (lines := prints(path.read_text(encoding="utf-8")))
    }
    assert not found


@pytest.mark.parametrize(
    ("way", "name", "code"),
    [
        *((way, "a.csv", 0) for way in ("closed", "full", "left")),
        *((way, "none.csv", 2) for way in ("closed", "full", "left")),
    ],
)
def test_a_run_goes_on_where_nobody_reads_its_messages(
    tmp_path: Path, way: str, name: str, code: int
) -> None:
    """It ended with exit code 1 and without forecasts where standard error had no reader."""
    artifact, source = make_artifact(tmp_path), tmp_path / "a.csv"
    source.write_text(LINES + "rubbish\n" + LINES.splitlines()[-1] + "\n")
    command = [*MAIN, "run", str(artifact), "--input", str(tmp_path / name)]
    reader, writer = os.pipe()
    os.close(reader)
    if way == "full":
        os.close(writer)
        if not Path("/dev/full").exists():
            pytest.skip("Linux has /dev/full")
        writer = os.open("/dev/full", os.O_WRONLY)
    if way == "closed":
        command[2] = f"import os, sys; os.close(2); sys.stderr = None; {MAIN[2]}"
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=writer, text=True)
    os.close(writer)
    assert result.returncode == code
    expected = subprocess.run(
        [*MAIN, *command[3:]], capture_output=True, text=True, check=False
    )
    assert result.stdout == expected.stdout
    assert expected.stderr


def test_a_closed_standard_output_is_named(tmp_path: Path) -> None:
    artifact, source = make_artifact(tmp_path), tmp_path / "a.csv"
    source.write_text(LINES)
    code = f"import sys; sys.stdout = None; {MAIN[2]}"
    result = subprocess.run(
        [sys.executable, "-c", code, "run", str(artifact), "--input", str(source)],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert result.returncode == 2
    assert "standard output is closed" in result.stderr
    assert "Traceback" not in result.stderr
