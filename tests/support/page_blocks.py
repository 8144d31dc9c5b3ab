"""The blocks of a page of documentation, run in the order in which they stand there.

A block with a title is written to that file. `console` blocks run line by line: a line of
rnnedge alone in this process, as importing torch takes longer than most commands; any other
in a shell. `python` blocks run in this process, `js` blocks in node. `pip install` is left to
test_wheel.py, `make demo` and `make test` to test_examples.py and to CI. A training is cut to
two epochs.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import sys
from pathlib import Path

from click.testing import CliRunner
from support import programs

from rnnedge.cli import main

BLOCK = re.compile(
    r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```', re.DOTALL | re.MULTILINE
)
ELSEWHERE = ("pip install", "make demo", "make test")
RNNEDGE = f"{shlex.quote(sys.executable)} -m rnnedge.cli"
LOCAL_STORAGE = "globalThis.localStorage = {setItem() {}};\n"
TIMEOUT_S = 240


def blocks(page: str, language: str) -> list[str]:
    """The texts of the blocks of one language."""
    return [text for name, _, text in BLOCK.findall(page) if name == language]


def commands(page: str) -> list[str]:
    """The lines of the `console` blocks that are run."""
    text = "".join(blocks(page, "console")).replace("\\\n", " ")
    lines = [line.split(" #")[0].strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith(ELSEWHERE)]


def run_page(page: Path, folder: Path) -> list[str]:
    """What each block and each line of the shell printed.

    Raises:
        AssertionError: one of them failed; with what it printed.
    """
    printed = []
    for found in BLOCK.finditer(page.read_text(encoding="utf-8")):
        language, title, text = found.groups()
        if language == "js":
            printed.append(run_javascript(text, folder))
        elif title:
            (folder / title).write_text(text)
        elif language == "python":
            printed.append(run_python(text, folder))
        elif language == "console":
            printed += [run_command(line, folder) for line in commands(found[0])]
    return printed


def run_python(text: str, folder: Path) -> str:
    """What a block printed that runs as a program of its own."""
    said = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(said):
        exec(compile(text, "block", "exec"), {"__name__": "__main__"})
    return said.getvalue()


def run_javascript(text: str, folder: Path) -> str:
    """What a module printed that lies beside the artifacts in `dist`."""
    module = folder / "dist/page.mjs"
    module.write_text(LOCAL_STORAGE + text)
    return _run(["node", module], folder, text)


def run_command(command: str, folder: Path) -> str:
    """What one line printed."""
    if "rnnedge train" in command:
        command += " --epochs 2 --quiet"
    words = shlex.split(command)
    if words[0] != "rnnedge" or {"|", ">"} & set(words):
        line = re.sub(r"\brnnedge (?=[a-z])", f"{RNNEDGE} ", command)
        return _run(["sh", "-c", line], folder, command)
    with contextlib.chdir(folder):
        done = CliRunner().invoke(main, words[1:], prog_name="rnnedge")
    assert done.exit_code == 0, f"{command}\n{done.output}{done.exception!r}"
    return done.output


def _run(command: list[str | Path], folder: Path, text: str) -> str:
    done = programs.run(
        command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
    return str(done.stdout)
