"""Names that are orders to a terminal or formulas of a spreadsheet: row `ansi.onnx`."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from support.artifacts import save_artifact
from support.strategies import random_weights

from rnnedge.cli import main
from rnnedge.runs.folder import save_rows
from rnnedge_runtime.printable import printable
from rnnedge_runtime.spec.layers import Gru, Linear
from rnnedge_runtime.spec.model_spec import Feature, ModelSpec, Target
from rnnedge_runtime.tables.csv_rows import CsvRows

NASTY = "t\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe\x7f"
BROKEN = f"{NASTY}\u2028\r\nx"
SPEC = ModelSpec(
    (Feature(NASTY, unit="\x1b[8m"), Feature("=cmd()|' /C calc'!A0")),
    (Target(BROKEN, unit="\x1b[8m"), Target("=cmd()|' /C calc'!A0")),
    (Gru(2, 4), Linear(4, 2)),
    sample_period_s=60.0,
)
FORBIDDEN = {chr(code) for code in (*range(9), *range(11, 32), *range(127, 160))} | {
    "\u202e",
    "\u2028",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("names")
    weights = random_weights(SPEC, np.random.default_rng(0))
    for suffix in (".onnx", ".rnne"):
        save_artifact(SPEC, weights, path, suffix)
    with (path / "table.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["time", *SPEC.feature_names])
        table.writerows([60 * t, t % 5, t % 7] for t in range(40))
    with (path / "other.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["time", "\x1b[2Jother"], [0, 1], [60, 2]])
    return path


@pytest.mark.parametrize("suffix", ["onnx", "rnne"])
@pytest.mark.parametrize(
    "arguments",
    [
        "inspect model",
        "inspect model --json",
        "verify model",
        "run model --input table.csv",
        "run model --input table.csv --format jsonl",
        "run model --input other.csv",
        "forecast model table.csv",
        "evaluate model table.csv",
        "evaluate model other.csv",
        "check table.csv --target no_such_column",
        "check table.csv --target other",
        "train other.csv --target no_such_column",
        "export other.csv",
    ],
)
def test_ansi_onnx(
    folder: Path, suffix: str, arguments: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    words = [f"{w}.{suffix}" if w == "model" else w for w in arguments.split()]
    result = CliRunner().invoke(main, words)
    assert not isinstance(result.exception, Exception), result.exception
    said = result.output + result.stderr
    assert said
    assert not FORBIDDEN & set(said), said
    if "--json" in words:
        outputs = json.loads(result.stdout)["outputs"]
        assert outputs[0]["target"] == BROKEN


def test_bench_escapes_names(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    bad = folder / "\x1b[2Jnone.rnne"
    result = CliRunner().invoke(main, ["bench", str(bad)])
    assert result.exit_code == 2
    assert not FORBIDDEN & set(result.output + result.stderr)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("°C µ 温度 é \u00a0", "°C µ 温度 é \u00a0"),
        ("a\nb", "a\\u000ab"),
        ("\x1b[1m", "\\u001b[1m"),
        ("\u200b\u2066", "\\u200b\\u2066"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\udb40\\udc01"),
    ],
)
def test_what_is_printed(text: str, expected: str) -> None:
    assert printable(text) == expected


def written(names: list[object], *, is_for_spreadsheet: bool = False) -> str:
    file = io.StringIO()
    CsvRows(file, is_for_spreadsheet=is_for_spreadsheet).write(names, ["-1.5", ""])
    return file.getvalue()


FORMULAS = ["=cmd()", "+1+1", "-cmd()", "@SUM(A1)", '=HYPERLINK("x","y")']


@pytest.mark.parametrize("name", FORMULAS)
def test_formula_in_a_name(name: str) -> None:
    text = written([name])
    assert text.startswith('"')
    assert next(csv.reader([text])) == [name, "-1.5", ""]
    safe = written([name], is_for_spreadsheet=True)
    assert next(csv.reader([safe])) == [f"'{name}", "-1.5", ""]


def test_numbers_and_plain_names_are_written_as_before() -> None:
    names: list[object] = ["-3.5", "+1e5", "a b", "2013-01-01 00:00", None, 7, 1.5]
    for is_for_spreadsheet in (False, True):
        text = written(names, is_for_spreadsheet=is_for_spreadsheet)
        assert text == "-3.5,+1e5,a b,2013-01-01 00:00,,7,1.5,-1.5,\n"
    assert next(csv.reader([written(['say "a, b"'])]))[0] == 'say "a, b"'


def test_spreadsheet_safe_is_an_option(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    for command in (
        "run model.rnne --input table.csv",
        "forecast model.rnne table.csv",
    ):
        result = CliRunner().invoke(main, [*command.split(), "--spreadsheet-safe"])
        assert result.exit_code == 0, result.output
        header = next(csv.reader(io.StringIO(result.stdout)))
        assert any(name.startswith("'=cmd()") for name in header)


def test_rows_of_a_run_folder(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    save_rows(path, [["target", "mae"], ["=cmd()", 1.5], ["\x1b[2J", -2]])
    assert path.read_text() == 'target,mae\n"=cmd()",1.5\n\\u001b[2J,-2\n'
