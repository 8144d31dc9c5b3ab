"""Every block of the README runs, in the order it stands there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
TESTED_ELSEWHERE = (
    "make demo",
    "make test",
    "pip install",
)  # test_examples.py, test_wheel.py


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A user's folder: readings of two stations beside each other."""
    import gzip

    from rnnedge.datasets import weather

    path = tmp_path_factory.mktemp("readme")
    for name, station in (("readings.csv", "jfk"), ("newark.csv", "ewr")):
        with gzip.open(weather(station)) as file:
            (path / name).write_bytes(file.read())
    return path


def test_commands_of_the_readme_run(folder):
    commands = [
        line.split(" #")[0].strip() for line in "".join(blocks("console")).splitlines()
    ]
    commands = [c for c in commands if c and not c.startswith(TESTED_ELSEWHERE)]
    assert len(commands) == 7
    rnnedge = f"{shlex.quote(sys.executable)} -m rnnedge.cli"
    for command in commands:
        fast = " --epochs 2 --quiet" if "rnnedge train" in command else ""
        line = re.sub(r"\brnnedge (?=[a-z])", f"{rnnedge} ", command) + fast
        done = subprocess.run(
            line, shell=True, cwd=folder, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    header = (folder / "forecasts.csv").read_text().splitlines()[0]
    assert header == "time," + ",".join(f"temp_c_{step}" for step in range(1, 7))
    assert (folder / "jfk.state").is_file()


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_python_of_the_readme_runs(folder, number):
    done = subprocess.run(
        [sys.executable, "-c", blocks("python")[number]],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_readme_stays_short():
    assert len(README.splitlines()) <= 150
