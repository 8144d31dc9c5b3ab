"""Every block of the README runs, in the order it stands there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support import programs
from support.page_blocks import blocks, commands, run_command

pytestmark = pytest.mark.gcc_alone
ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OF_THE_PAGE = commands((ROOT / "docs/commands.md").read_text(encoding="utf-8"))


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


@pytest.fixture(scope="module")
def streamed(folder):
    """The same folder after the README's commands."""
    lines = commands(README)
    assert len(lines) == 7
    for line in lines:
        run_command(line, folder)
    return folder


def test_commands_of_the_readme_run(streamed):
    folder = streamed
    from rnnedge_runtime import load

    header = (folder / "forecasts.csv").read_text().splitlines()[0]
    assert header == "time," + ",".join(f"temp_c_{step}" for step in range(1, 7))
    assert (folder / "jfk.state").is_file()
    spec = load(folder / "dist/jfk.rnne").spec
    assert (spec.num_features, spec.input_size, spec.output_size) == (
        5,
        9,
        6,
    )  # C block


def test_the_page_has_these_commands():
    names = " ".join(line.split()[1] for line in OF_THE_PAGE)
    assert names == "check forecast forecast evaluate run inspect bench train"


@pytest.mark.parametrize("line", OF_THE_PAGE)
def test_commands_of_the_page_run(streamed, line):
    run_command(line, streamed)
    for name in re.findall(r"(?:--plot|--json|--output|>) (\S+)", line):
        assert (streamed / name).is_file()
        if name == "next.csv":
            assert len((streamed / name).read_text().splitlines()) == 1 + 12


@pytest.mark.parametrize("number", range(len(blocks(README, "python"))))
def test_python_of_the_readme_runs(folder, number):
    done = subprocess.run(
        [sys.executable, "-c", blocks(README, "python")[number]],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_c_of_the_readme_runs(tmp_path):
    """With a model of the size the commands make; the numbers are Python's."""
    import numpy as np
    from support.artifacts import save_artifact
    from support.core_objects import run
    from support.replay import CORE, core_of
    from support.strategies import random_weights

    import rnnedge_runtime
    from rnnedge_runtime.spec.derived import DerivedInput
    from rnnedge_runtime.spec.layers import Gru, Linear
    from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target

    spec = ModelSpec(
        features=tuple(Feature(name) for name in "abcde"),
        targets=(Target("a"),),
        layers=(Gru(9, 64), Linear(64, 6)),
        horizon=6,
        derived=(DerivedInput(86_400), DerivedInput(31_556_952)),
        sample_period_s=3600.0,
    )
    weights = random_weights(spec, np.random.default_rng(0))
    artifact = save_artifact(spec, weights, tmp_path, ".rnne")
    (program,) = blocks(README, "c")
    (tmp_path / "main.c").write_text(program)
    warnings = ("-std=c99", "-O0", "-Wall", "-Wextra", "-Werror", "-pedantic")
    sources = (tmp_path / "main.c", *core_of("gcc-O0"))
    include = f"-I{CORE / 'include'}"
    run("gcc", *warnings, include, *sources, "-o", tmp_path / "main")
    with artifact.open("rb") as file:
        printed = programs.run(
            [tmp_path / "main"], stdin=file, capture_output=True, check=True, text=True
        ).stdout
    stream = rnnedge_runtime.load(artifact).stream()
    for hour in range(48):
        y = stream.step([4, -3, 59, 0, 1012], time=1_385_856_000 + 3600 * hour)
    found = [np.float32(text) for text in re.findall(r"(\S+) C", printed)]
    assert found == [y[0], y[5]]


def test_the_readme_stays_short():
    assert len(README.splitlines()) <= 120
