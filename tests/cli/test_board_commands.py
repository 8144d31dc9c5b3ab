"""`rnnedge devices`, `verify --on`, `inspect --board` and `export --board`."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from support import programs
from support.artifacts import describe, save_artifact
from support.board_tools import usable_board
from support.rnn_cells import forecaster
from support.strategies import random_weights

from rnnedge.cli import main
from rnnedge.runs.folder import save_model
from rnnedge_export.boards.catalogue import BOARDS
from rnnedge_export.formats.c.generating import generate_source

BOARD = "cortex-m4f"
SPEC = forecaster("gru-L1", hidden_size=5)


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def source(tmp_path: Path, rng: np.random.Generator) -> Path:
    weights = random_weights(SPEC, rng)
    source = generate_source(describe(SPEC, weights), weights, "boiler")
    return source.write(tmp_path)


@pytest.fixture
def run(tmp_path: Path, rng: np.random.Generator) -> Path:
    folder = tmp_path / "runs" / "boiler"
    folder.mkdir(parents=True)
    stream = rng.normal(size=(200, 3)).astype(np.float32)
    save_model(folder, SPEC, random_weights(SPEC, rng), stream)
    (folder / "report.json").write_text("{}")
    return folder


@pytest.fixture
def no_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with the C compiler of the host alone."""
    path = programs.link_only(("cc", "as", "ld"), tmp_path / "bin")
    monkeypatch.setenv("PATH", path)


def test_devices_lists_every_board() -> None:
    result = call("devices")
    assert result.exit_code == 0
    for name, board in BOARDS.items():
        assert f"{name} " in result.output
        assert board.core in result.output


def test_devices_names_the_packages_that_are_missing(no_tools: None) -> None:
    result = call("devices")
    assert result.exit_code == 0
    assert "gcc-arm-none-eabi" in result.output
    assert "qemu-system-misc" in result.output


def test_verify_on_boards_prints_a_line_each(source: Path) -> None:
    names = [usable_board(name).name for name in (BOARD, "aarch64")]
    result = call("verify", source, "--on", names[0], "--on", names[1])
    assert result.exit_code == 0, result.output
    assert "DIFFERS" not in result.output
    for name in names:
        (line,) = [line for line in result.output.splitlines() if line.startswith(name)]
        assert line.split()[:3] == [name, "boiler", "5,000"]
        assert line.split().count("equal") == 7


def test_a_wrong_byte_on_the_board_exits_1(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An emulator that changes one byte of what the program answers."""
    usable_board(BOARD)
    real = programs.find("qemu-system-arm")
    folder = tmp_path / "bin"
    folder.mkdir()
    wrong = folder / "qemu-system-arm"
    wrong.write_text(
        f'#!/bin/sh\n{real} "$@" || exit\n'
        "printf '\\001' | dd of=answer.bin bs=1 seek=5000 conv=notrunc 2>/dev/null\n"
    )
    wrong.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    result = call("verify", source, "--on", BOARD)
    assert result.exit_code == 1
    assert "DIFFERS" in result.output
    assert f"{BOARD}, stream: step " in result.output


@pytest.mark.parametrize(
    ("on", "message"),
    [("cortex-m5", "board 'cortex-m5' is unknown"), ("all", "apt-get install")],
)
def test_verify_on_what_is_not_there_exits_2(
    source: Path, no_tools: None, on: str, message: str
) -> None:
    result = call("verify", source, "--on", on)
    assert result.exit_code == 2
    assert message in result.output
    assert "passed" not in result.output


def test_only_c_sources_run_on_boards(tmp_path: Path, rng: np.random.Generator) -> None:
    usable_board(BOARD)
    path = save_artifact(SPEC, random_weights(SPEC, rng), tmp_path, ".rnne")
    result = call("verify", path, "--on", BOARD)
    assert result.exit_code == 2
    assert "model.rnne' is not a C source" in result.output


def test_inspect_measures_the_same_of_every_artifact(
    source: Path, tmp_path: Path, rng: np.random.Generator
) -> None:
    usable_board(BOARD)
    path = save_artifact(SPEC, random_weights(SPEC, rng), tmp_path, ".rnne")
    found = []
    for artifact in (source, path):
        result = call("inspect", artifact, "--json", "--board", BOARD)
        assert result.exit_code == 0, result.output
        (board,) = json.loads(result.stdout)["boards"]
        assert not board["is_estimated"]
        found.append({k: board[k] for k in board if k != "flash_nbytes"})
    assert found[0] == found[1]
    result = call("inspect", source, "--board", BOARD)
    assert f"{found[0]['max_instructions']:,}" in result.output


@pytest.mark.parametrize("suffix", [".rnne", ".onnx"])
def test_inspect_estimates_without_tools(
    suffix: str, tmp_path: Path, rng: np.random.Generator, no_tools: None
) -> None:
    path = save_artifact(SPEC, random_weights(SPEC, rng), tmp_path, suffix)
    result = call("inspect", path, "--board", BOARD, "--board", "rv32imac")
    assert result.exit_code == 0, result.output
    assert result.output.count("estimated") == 2


def test_inspect_estimates_a_graph_even_with_tools_and_says_so(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    usable_board(BOARD)
    path = save_artifact(SPEC, random_weights(SPEC, rng), tmp_path, ".onnx")
    result = call("inspect", path, "--board", BOARD)
    assert result.output.count("estimated") == 1
    text = " ".join(call("inspect", "--help").output.split())
    assert "of a .c or .rnne measured where compiler and emulator" in text
    assert "of other files estimated" in text


def test_bench_says_which_files_it_steps(source: Path) -> None:
    result = call("bench", source)
    assert result.exit_code == 2
    text = " ".join(result.output.split())
    assert "boiler.c: bench does not step .c files, only .rnne, .onnx, .pt." in text
    assert "Name such an artifact" in text


def test_inspect_exits_1_over_budget(source: Path, no_tools: None) -> None:
    result = call("inspect", source, "--board", BOARD, "--flash", "1k")
    assert result.exit_code == 1
    assert "BudgetError: boiler.c: it needs" in result.output
    assert "1,024 are given" in result.output
    result = call("inspect", source, "--flash", "2k")
    assert result.exit_code == 2
    assert "Name one with --board" in result.output


def test_export_writes_what_a_board_takes_into_the_header(
    run: Path, tmp_path: Path
) -> None:
    usable_board(BOARD)
    out = tmp_path / "dist"
    options = ("--format", "c", "--out", out, "--board", BOARD)
    result = call("export", run, *options, "--flash", "64k", "--ram", "8k")
    assert result.exit_code == 0, result.output
    (line,) = [x for x in result.output.splitlines() if x.startswith(BOARD)]
    figures = line.split()
    assert figures[-1] == "measured"
    header = (out / "boiler.h").read_text()
    (line,) = [x for x in header.splitlines() if BOARD in x]
    assert line.split()[2:6] == figures[1:5]
    assert call("verify", out / "boiler.c").exit_code == 0


def test_an_export_that_does_not_fit_leaves_no_file(run: Path, tmp_path: Path) -> None:
    usable_board(BOARD)
    out = tmp_path / "dist"
    formats = ("--format", "c", "--format", "rnne")
    result = call(
        "export", run, *formats, "--out", out, "--board", BOARD, "--flash", "2k"
    )
    assert result.exit_code == 1
    assert "BudgetError: boiler.c: it needs" in result.output
    assert list(out.iterdir()) == []


def test_a_board_without_c_source_is_refused(run: Path, tmp_path: Path) -> None:
    result = call("export", run, "--out", tmp_path / "dist", "--board", BOARD)
    assert result.exit_code == 2
    assert "Add the format c" in result.output
