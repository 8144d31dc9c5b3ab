"""`rnnedge bench`, what it is made of, and the study in benchmarks/."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from support import programs
from support.artifacts import integer_rnne, native_model, quantised_model, save_artifact
from support.rnn_cells import forecaster
from support.strategies import random_weights

from rnnedge.benching.footprint import measure
from rnnedge.benching.timing import time_blocks
from rnnedge.benching.ways import WAYS, Way
from rnnedge.cli import main

pytestmark = pytest.mark.gcc_alone
ROOT = Path(__file__).resolve().parents[2]
SPEC = forecaster("gru-L1", hidden_size=32)
QUICK = ("--seconds", 0.02, "--processes", 1)
MAX_RUNTIME_MB = 5.0


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("bench")
    weights = random_weights(SPEC, np.random.default_rng(0))
    return {
        suffix: save_artifact(SPEC, weights, folder, suffix)
        for suffix in (".rnne", ".onnx", ".pt")
    }


def test_the_table_has_a_row_for_each_way_and_names_the_machine(artifacts) -> None:
    result = call("bench", artifacts[".onnx"], *QUICK)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0].split()[:5] == ["way", "file", "KB", "start", "ms"]
    assert lines[2].startswith("ONNX Runtime run  ")
    assert lines[3].startswith("ONNX Runtime IOBinding  ")
    assert "machine: " in result.output
    assert "command: rnnedge" in result.output


def test_every_way_is_measured(artifacts) -> None:
    result = call("bench", *artifacts.values(), *QUICK, "--json")
    content = json.loads(result.output)
    assert content["baseline"] == "ONNX Runtime run"
    found = {item["way"]: item for item in content["measurements"]}
    assert set(found) == {way.name for way in WAYS}
    assert found["ONNX Runtime run"]["ratio"] == 1
    assert found["native"]["ratio"] > 5
    assert found["native"]["nbytes"] == artifacts[".rnne"].stat().st_size
    for item in found.values():
        assert item["footprint"]["peak_mb"] > content["numpy"]["peak_mb"]
        assert item["error"] is None or item["error"] < 1e-4
    assert found["native"]["error"] == found["NumPy"]["error"]


def test_the_model_in_integers_stands_beside_the_float_one(artifacts, tmp_path) -> None:
    weights = random_weights(SPEC, np.random.default_rng(0))
    integers = tmp_path / "model-int8.rnne"
    integers.write_bytes(integer_rnne(quantised_model(SPEC, weights)))
    chosen = artifacts[".rnne"], integers
    content = json.loads(call("bench", *chosen, *QUICK, "--json").output)
    files = {item["way"]: item["artifact"] for item in content["measurements"]}
    assert files["native"] == files["NumPy"] == str(artifacts[".rnne"])
    assert files["native, int8"] == files["NumPy, int8"] == str(integers)
    alone = call("bench", integers, *QUICK)
    assert alone.exit_code == 0, alone.output
    assert "torch eager: model-int8.rnne holds integers." in alone.output


def test_artifacts_of_two_models_are_refused(artifacts, tmp_path) -> None:
    other = save_artifact(
        SPEC, random_weights(SPEC, np.random.default_rng(1)), tmp_path, ".onnx"
    )
    result = call("bench", artifacts[".rnne"], other, *QUICK)
    assert result.exit_code == 2
    assert "Name the artifacts of one model" in result.output


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1", "0"])
def test_seconds_out_of_range_are_refused(artifacts, seconds: str) -> None:
    result = call("bench", artifacts[".onnx"], "--seconds", seconds, "--processes", 1)
    assert result.exit_code == 2
    assert "Invalid value for '--seconds'" in result.output
    assert "is not in the range 0<x<=3600" in " ".join(result.output.split())


@pytest.mark.parametrize("processes", [0, -1])
def test_less_than_one_process_is_refused(artifacts, processes: int) -> None:
    result = call("bench", artifacts[".onnx"], *QUICK[:2], "--processes", processes)
    assert result.exit_code == 2
    assert f"{processes} is not in the range x>=1" in result.output


def test_blocks_are_timed_by_the_call() -> None:
    def wait(size: int) -> None:
        for _ in range(size):
            time.sleep(0.001)

    timing = time_blocks({"wait": wait}, seconds=0.05)["wait"]
    assert timing.p50 >= 1000
    assert timing.p99 >= 1000


def test_memory_is_that_of_the_process_alone() -> None:
    """The peak that the system reports for a child counts the parent's until it starts."""
    ballast = np.ones(50_000_000)
    statements = "held = b'1' * 30_000_000"
    way = Way("hold", "", lambda path, x: None, bool, statements=statements)
    alone = measure(None, Path(), 1, runs=1)
    found = measure(way, Path(), 1, runs=1)
    assert 25 < found.peak_mb - alone.peak_mb < 40
    assert alone.peak_mb < 200 < ballast.nbytes / 1e6


def test_the_runtime_adds_little_to_numpy(artifacts) -> None:
    native = next(way for way in WAYS if way.name == "native")
    size = SPEC.num_features
    alone = measure(None, artifacts[".rnne"], size, runs=3)
    found = measure(native, artifacts[".rnne"], size, runs=3)
    assert found.peak_mb - alone.peak_mb <= MAX_RUNTIME_MB


def test_the_study_runs_and_writes_its_page(tmp_path) -> None:
    """With a C compiler alone: without git it ended in a traceback, at its very end."""
    path = programs.link_only(("cc", "as", "ld"), tmp_path / "bin")
    out = tmp_path / "benchmarks.md"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--out", out]
    environment = {**os.environ, "PATH": path}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    text = out.read_text()
    for words in ("LSTM 4->32", "ORT batch", "reading GB/s", "MB above numpy"):
        assert words in text
    assert (tmp_path / "benchmarks.png").stat().st_size > 5_000


def test_a_step_is_not_slower_than_a_copy_of_its_work() -> None:
    """Guards the quick way of `step`: a call that fell to Python would take 5 us."""
    stream = native_model(SPEC, random_weights(SPEC, np.random.default_rng(0))).stream()
    x = np.zeros(SPEC.num_features, np.float32)
    y = np.empty(SPEC.output_size, np.float32)

    def quick(size: int) -> None:
        for _ in range(size):
            stream.step(x, 0, y)

    def checked(size: int) -> None:
        for _ in range(size):
            stream._step_checked(x, 0, y)

    timings = time_blocks({"quick": quick, "checked": checked}, seconds=0.05)
    assert 3 * timings["quick"].p50 < timings["checked"].p50
