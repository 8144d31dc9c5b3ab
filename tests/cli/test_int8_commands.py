"""`--int8` on the command line: what it prints and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from support.tables.small_runs import tiny_run

from rnnedge.cli import main
from rnnedge_export.formats.rnne import writing as rnne
from rnnedge_export.quantise import request as int8
from rnnedge_runtime.tolerances import MAX_LOSS


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setattr(rnne, "LONG_RUN_STEPS", 300)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return tiny_run(tmp_path_factory.mktemp("runs")).run.path


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_export_prints_the_report_and_the_commands_know_the_artifact(run, tmp_path):
    result = call(
        "export",
        run,
        "--format",
        "rnne",
        "--int8",
        "--keep-float",
        5,
        "--out",
        tmp_path,
    )
    assert result.exit_code == 0, result.output
    path = tmp_path / "boiler-int8.rnne"
    assert [item.name for item in tmp_path.iterdir()] == [path.name]
    lines = result.output.splitlines()
    table = [line for line in lines if line.startswith(("network", "persistence"))]
    assert [row.split("  ")[0] for row in table] == (
        ["network", "network, int8", "persistence"]
    )
    starts = ["error  ", "drift  ", "cut off", "float    5 add_last", "size   "]
    for start in starts:
        assert any(line.startswith(start) for line in lines), start
    assert "none" in lines[2].split()  # no limit for the difference from PyTorch
    verified = call("verify", path)
    assert verified.exit_code == 0
    assert "0 failed, 1 not checked." in verified.output
    shown = call("inspect", path).output
    assert "numerics  w8a16.v1" in shown
    assert "kept in float by name: 5 add_last" in shown
    assert "readings in steps of a " in shown
    content = json.loads(call("inspect", "--json", path).output)["integers"]
    roles = [layer["computed"] for layer in content["layers"]]
    assert roles == [
        "integer",
        "folded",
        "integer",
        "integer",
        "folded",
        "float",
    ]
    assert sum(layer["nbytes"] for layer in content["layers"]) == content["nbytes"]
    assert content["layers"][2]["state_bits"] == [24]
    table = run.parent / "waves.csv"
    forecast = call("run", path, "--input", table)
    assert forecast.exit_code == 0, forecast.output
    assert len(forecast.output.splitlines()) >= 500


def test_an_error_that_rises_too_far_exits_1(run, tmp_path, monkeypatch):
    def wrong(*arguments):
        model = quantise(*arguments)
        tensor = model.tensors["layers.3.weight"]
        model.tensors["layers.3.weight"] = np.abs(tensor)
        return model

    quantise = int8.quantise
    monkeypatch.setattr(int8, "quantise", wrong)
    report = tmp_path / "r.json"
    arguments = (
        "export",
        run,
        "--format",
        "rnne",
        "--int8",
        "--out",
        tmp_path / "dist",
    )
    result = call(*arguments, "--report", report)
    assert result.exit_code == 1
    assert "1 % of it, or 0.1 % of the target's standard deviation" in result.output
    assert not list((tmp_path / "dist").iterdir())
    assert not all(
        loss["is_within"]
        for loss in json.loads(report.read_text())["artifacts"][0]["int8"]["losses"]
    )
    assert call(*arguments, "--max-loss", 1000).exit_code == 0


def test_the_format_is_rnne_when_none_is_named(run, tmp_path):
    result = call("export", run, "--int8", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert [item.name for item in tmp_path.iterdir()] == ["boiler-int8.rnne"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--format", "onnx"), "quantiser leaves GRU and RNN layers in float"),
        (("--format", "rnne", "--keep-float", "9"), "0 difference, 1 affine, 2 gru"),
        (("--format", "rnne", "--max-loss", "-1"), "max_loss is -1.0"),
        (("--format", "rnne", "--data", "nowhere.csv"), "nowhere.csv"),
    ],
)
def test_what_it_cannot_do_exits_2(run, tmp_path, options, message):
    result = call("export", run, "--int8", "--out", tmp_path / "dist", *options)
    assert result.exit_code == 2
    assert message in result.output
    assert not (tmp_path / "dist").exists()


@pytest.mark.parametrize(
    "option",
    [("--keep-float", "gru"), ("--data", "other.csv"), ("--max-loss", MAX_LOSS)],
)
def test_choices_of_int8_without_it_exit_2(run, tmp_path, option):
    result = call("export", run, "--format", "rnne", "--out", tmp_path / "d", *option)
    assert result.exit_code == 2
    assert "without" in result.output
    assert "--int8" in result.output
    assert not (tmp_path / "d").exists()
