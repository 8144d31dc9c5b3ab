"""The examples and the README's two commands run as a user would run them."""

import os
import re
import sys
from pathlib import Path

import pytest
from support import programs

pytestmark = pytest.mark.gcc_alone
ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def run(command, **options):
    done = programs.run(
        [str(c) for c in command],
        capture_output=True,
        text=True,
        timeout=170,
        **options,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_sine_learns_the_wave_and_runs_free(tmp_path):
    printed = run([sys.executable, EXAMPLES / "sine.py", tmp_path / "sine"])
    ahead, free = (float(x) for x in re.findall(r"MAE ([\d.]+)", printed))
    assert ahead < 0.05  # the noise is 0.02, the wave has amplitude 1
    assert free < 0.3
    assert (tmp_path / "sine/sine.png").stat().st_size > 10_000
    assert len((EXAMPLES / "sine.py").read_text().splitlines()) < 40


def test_own_module_becomes_an_artifact(tmp_path):
    printed = run([sys.executable, EXAMPLES / "own_module.py", tmp_path])
    assert len(printed.splitlines()) == 2
    assert (tmp_path / "net.rnne").is_file()


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """What `make demo` prints and leaves; the installation is the one the tests use."""
    out = tmp_path_factory.mktemp("demo")
    environment = {**os.environ, "MAKEFLAGS": ""}
    command = ["make", "demo", f"DEMO_OUT={out}", f"PYTHON={sys.executable}"]
    return out, run(command, cwd=ROOT, env=environment)


def test_make_demo_goes_the_whole_way(demo):
    out, printed = demo
    for text in ("network", "persistence", "seasonal-naive", "ridge AR", "skill %"):
        assert text in printed
    assert re.search(
        r"temp_c 1 h \(C\): MAE\s+skill %\s+temp_c 6 h \(C\): MAE", printed
    )
    assert "network beats persistence" in printed
    for name in (
        "jfk.onnx",
        "jfk.pt",
        "newark.csv",
        "jfk/loss.png",
        "jfk/forecast.png",
    ):
        assert (out / name).is_file()
    rows = re.findall(
        r"jfk\.(rnne|onnx|pt) +\w+ +([\d.]+) +([\d.e+-]+) +([\d.e+-]+)", printed
    )
    assert [row[0] for row in rows] == ["rnne", "onnx", "pt"]
    for _, _, error, limit in rows:
        assert float(error) <= float(limit)
    assert f"rnnedge verify {out / 'jfk.rnne'} {out / 'jfk.onnx'}" in printed


def test_device_loop_survives_a_restart(demo, tmp_path):
    artifact = demo[0] / "jfk.onnx"
    lines = [
        f"{1_357_020_000 + 3600 * k},{k % 7},-3.3,59.4,5.7,1012\n" for k in range(20)
    ]
    lines[4] = "1357034400,,,,,\n"

    def loop(some, state):
        command = [sys.executable, EXAMPLES / "device_loop.py", artifact, state]
        return run(command, input="".join(some))

    whole = loop(lines, tmp_path / "whole.state")
    parts = loop(lines[:9], tmp_path / "parts.state") + loop(
        lines[9:], tmp_path / "parts.state"
    )
    assert parts == whole
    assert len(whole.splitlines()) == 20


def test_make_test_runs_pytest():
    printed = run(["make", "--dry-run", "test"], cwd=ROOT)
    assert "pytest" in printed
