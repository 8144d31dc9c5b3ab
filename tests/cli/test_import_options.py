"""Options of `rnnedge import`: rows to prove on, names, times, a board, C, WebAssembly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from support import programs
from support.onnx_examples import EXAMPLES
from support.wasm_models import TOOLS

from rnnedge.cli import main
from rnnedge_export.formats.registry import FORMATS
from rnnedge_runtime import load

NAMES = ("temp", "humidity", "wind")
TRIES = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["import", *map(str, arguments)])


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "net.onnx"
    EXAMPLES["lstm_wired"](path)
    return path


def named(model: Path) -> list[object]:
    options = [part for name in NAMES for part in ("--feature", name)]
    return [model, *options, "--out", model.parent / "dist"]


@pytest.mark.parametrize("form", ["csv", "npy"])
def test_rows_of_a_file_prove_the_artifacts(model: Path, form: str) -> None:
    path = model.parent / f"rows.{form}"
    if form == "npy":
        np.save(path, TRIES)
    else:
        lines = [",".join(NAMES), *(",".join(map(str, row)) for row in TRIES)]
        lines[5] = ",0.5,1.5"  # a missing reading is the last one
        path.write_text("\n".join(lines) + "\n")
    result = invoke(*named(model), "--stream", path)
    assert result.exit_code == 0, result.output
    golden = load(model.parent / "dist" / "net.rnne").golden
    known = set(map(tuple, TRIES.tolist()))
    if form == "csv":
        known |= {(float(TRIES[3, 0]), 0.5, 1.5)}
    assert set(map(tuple, golden.x.tolist())) <= known


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.npy", b"no array", "cannot be read as an array of NumPy"),
        ("rows.csv", b"temp,wind\n1,2\n2,3\n", "humidity"),
    ],
)
def test_rows_that_are_none_are_one_line(
    model: Path, name: str, content: bytes, message: str
) -> None:
    path = model.parent / name
    path.write_bytes(content)
    result = invoke(*named(model), "--stream", path)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("text", "period_s"), [("10min", 600.0), ("250ms", 0.25), ("48000Hz", 1 / 48000)]
)
def test_the_sample_period_is_said(model: Path, text: str, period_s: float) -> None:
    result = invoke(*named(model), "--sample-period", text, "--no-proof")
    assert result.exit_code == 0, result.output
    spec = load(model.parent / "dist" / "net.rnne").spec
    assert spec.sample_period_s == pytest.approx(period_s)


@pytest.mark.parametrize("text", ["soon", "0Hz", "xHz"])
def test_a_sample_period_that_is_none_is_refused(model: Path, text: str) -> None:
    result = invoke(*named(model), "--sample-period", text)
    assert result.exit_code == 2
    assert "--sample-period" in result.output


def test_a_board_that_is_not_known_is_refused(model: Path) -> None:
    result = invoke(*named(model), "--format", "c", "--board", "toaster")
    assert result.exit_code == 2
    assert "toaster" in result.output


@programs.needs("arm-none-eabi-gcc")
def test_a_source_fits_its_board(model: Path) -> None:
    board = ["--format", "c", "--board", "cortex-m4f"]
    result = invoke(*named(model), *board)
    assert result.exit_code == 0, result.output
    assert "cortex-m4f" in (model.parent / "dist" / "net.h").read_text()


@programs.needs("gcc", *TOOLS)
def test_a_graph_becomes_c_and_webassembly(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    EXAMPLES["residual_norm"](path)
    formats = ["--format", "c", "--format", "wasm"]
    result = invoke(path, *formats, "--out", tmp_path / "dist")
    assert result.exit_code == 0, result.output
    paths = [tmp_path / "dist" / f"net.{ending}" for ending in ("c", "wasm")]
    assert len({FORMATS[path.suffix[1:]].read(path)[0].digest for path in paths}) == 1
    assert result.output.count("step") >= 2
