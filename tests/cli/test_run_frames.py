"""`rnnedge run` of a model that gives an output every few rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from support.artifacts import save_artifact
from support.run_helpers import parse, run
from support.strategies import random_weights

import rnnedge_runtime
from rnnedge.cli import main
from rnnedge_runtime.spec.frames import frame_features
from rnnedge_runtime.spec.layers import Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target

ROWS = np.random.default_rng(3).normal(size=(11, 2)).astype(np.float32)


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    spec = ModelSpec(
        features=frame_features((Feature("a", "g"), Feature("b")), 3),
        targets=(Target("y"),),
        layers=(Gru(6, 4), Linear(4, 1)),
        sample_period_s=60.0,
        rows_per_step=3,
    )
    weights = random_weights(spec, np.random.default_rng(0))
    return save_artifact(spec, weights, tmp_path)


def table(path: Path, minutes: range, *, series: str = "") -> Path:
    head = f"time,a,b{',id' * bool(series)}\n"
    lines = [
        f"2020-01-01T00:{k:02}:00Z,{ROWS[k, 0]},{ROWS[k, 1]}{',' * bool(series)}{name}\n"
        for k in minutes
        for name in series or ("",)
    ]
    path.write_text(head + "".join(lines))
    return path


def test_only_rows_with_an_output_are_written(artifact: Path, tmp_path: Path) -> None:
    result = run(artifact, "--input", table(tmp_path / "t.csv", range(11)))
    assert result.exit_code == 0, result.output
    found = parse(result.stdout)
    assert [row["time"][14:16] for row in found] == ["02", "05", "08"]
    expected = rnnedge_runtime.load(artifact).stream().run(ROWS)[:, 0]
    assert [np.float32(row["y_1"]) for row in found] == expected.tolist()


def test_a_frame_goes_on_over_a_stop(artifact: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    whole = run(artifact, "--input", table(tmp_path / "t.csv", range(11))).stdout
    first, *others = whole.splitlines(keepends=True)
    parts = []
    for k, minutes in enumerate((range(4), range(4, 5), range(5, 11))):
        part = table(tmp_path / f"{k}.csv", minutes)
        result = run(artifact, "--input", part, "--state", state)
        assert result.exit_code == 0, result.output
        parts += result.stdout.splitlines(keepends=True)
    assert [line for line in parts if line != first] == others


def test_a_hole_counts_as_rows(artifact: Path, tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", range(11))
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(
        "".join(lines[:5] + lines[7:8] + lines[7:])
    )  # without 4, 5; 6 twice
    result = run(artifact, "--input", path)
    assert result.exit_code == 0, result.output
    assert [row["time"][14:16] for row in parse(result.stdout)] == ["02", "08"]


def test_every_series_has_its_own_frame(artifact: Path, tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", range(7), series="uv")
    result = run(artifact, "--input", path, "--series", "id")
    assert result.exit_code == 0, result.output
    found = [(row["id"], row["time"][14:16]) for row in parse(result.stdout)]
    assert found == [("u", "02"), ("v", "02"), ("u", "05"), ("v", "05")]


def test_inspect_shows_one_row_of_a_frame(artifact: Path) -> None:
    text = CliRunner().invoke(main, ["inspect", str(artifact)]).output
    assert "every 3 rows" in text
    assert "a[0]" not in text


@pytest.mark.parametrize("command", ["evaluate", "forecast"])
def test_what_needs_an_output_in_every_row_is_refused(
    artifact: Path, tmp_path: Path, command: str
) -> None:
    path = table(tmp_path / "t.csv", range(11))
    result = CliRunner().invoke(main, [command, str(artifact), str(path)])
    assert result.exit_code == 2
    assert "gives an output every 3 rows" in result.output
