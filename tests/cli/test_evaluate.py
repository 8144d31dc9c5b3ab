"""`rnnedge evaluate`: the scores are those of the training's report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from support.artifacts import save_artifact
from support.tables.small_runs import tiny_run

from rnnedge.cli import main
from rnnedge_runtime.tables.timestamps import time_text


def evaluate(*arguments: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["evaluate", *map(str, arguments)], input=stdin)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`model.rnne`, `waves.csv` and the run in `boiler`."""
    path = tmp_path_factory.mktemp("evaluate")
    fitted = tiny_run(path)
    save_artifact(fitted.run.spec, fitted.run.weights, path, ".rnne")
    test = fitted.prepared.series[0].parts.test
    time_us = fitted.prepared.series[0].time_us
    assert time_us is not None
    span = [time_text(int(time_us[test.start])), time_text(int(time_us[test.stop]))]
    (path / "span.json").write_text(json.dumps(span))
    return path


def span(folder: Path) -> list[str]:
    start, stop = json.loads((folder / "span.json").read_text())
    return ["--from", start, "--until", stop]


def test_the_test_part_scores_as_in_the_report(folder: Path) -> None:
    found = folder / "scores.json"
    result = evaluate(
        folder / "model.rnne", folder / "waves.csv", *span(folder), "--json", found
    )
    assert result.exit_code == 0, result.output
    report = json.loads((folder / "boiler/report.json").read_text())
    scores = json.loads(found.read_text())["scores"]
    assert len(scores) == 4
    for score in scores:
        expected = scored(report, score["forecaster"], score["step"])
        for name in ("mae", "rmse", "skill_percent"):
            assert score[name] == pytest.approx(expected[name], rel=1e-5, abs=1e-6)
        assert score["mae"] == pytest.approx(expected["mae"], rel=0, abs=1e-6)
        assert score["count"] == expected["count"]
    assert "forecaster" in result.stdout
    assert "test part" not in result.stdout


def scored(report: dict[str, Any], forecaster: str, step: int) -> dict[str, Any]:
    return dict(report["parts"]["test"]["scores"][forecaster]["a"][str(step)])


def test_a_span_leaves_rows_out_and_still_streams_them(folder: Path) -> None:
    artifact, table = folder / "model.rnne", folder / "waves.csv"
    whole = evaluate(artifact, table)
    assert "499 forecasts scored." in whole.stdout
    some = evaluate(artifact, table, "--from", "2013-01-11", "--until", "2013-01-12")
    assert "24 forecasts scored." in some.stdout
    none = evaluate(artifact, table, "--from", "2014-01-01")
    assert none.exit_code == 2
    assert "no row lies in the span" in none.stderr
    wrong = evaluate(artifact, table, "--until", "noon")
    assert "--until is 'noon'" in wrong.stderr


def test_standard_input_is_a_table(folder: Path) -> None:
    text = (folder / "waves.csv").read_text()
    piped = evaluate(folder / "model.rnne", "-", stdin=text)
    assert piped.exit_code == 0, piped.output
    assert piped.stdout == evaluate(folder / "model.rnne", folder / "waves.csv").stdout
    beside = evaluate(folder / "model.rnne", "-", folder / "waves.csv", stdin=text)
    assert beside.exit_code == 2
    assert "expected it alone" in beside.stderr


def test_another_period_names_the_way_to_the_right_one(folder: Path) -> None:
    lines = (folder / "waves.csv").read_text().splitlines()
    text = "\n".join([lines[0], *lines[1::2]]) + "\n"
    result = evaluate(folder / "model.rnne", "-", stdin=text)
    assert result.exit_code == 2
    assert "7200 s apart" in result.stderr
    assert "--resample 1h" in result.stderr


def test_a_table_without_time(folder: Path) -> None:
    lines = (folder / "waves.csv").read_text().splitlines()
    text = "\n".join(line.partition(",")[2] for line in lines) + "\n"
    result = evaluate(folder / "model.rnne", "-", stdin=text)
    assert result.exit_code == 2
    assert "no time column is found" in result.stderr
    assert "--time" in result.stderr


def test_an_implausible_reading_is_counted(folder: Path, tmp_path: Path) -> None:
    lines = (folder / "waves.csv").read_text().splitlines()
    cells = lines[450].split(",")
    lines[450] = f"{cells[0]},{cells[1]},1e6"
    path, found = tmp_path / "odd.csv", tmp_path / "odd.json"
    path.write_text("\n".join(lines) + "\n")
    result = evaluate(folder / "model.rnne", path, "--json", found)
    assert result.exit_code == 0, result.output
    assert "Readings implausible, taken for missing: b 1." in result.stdout
    content = json.loads(found.read_text())
    assert content["implausible"] == {"a": 0, "b": 1}
    assert content["clipped"] == {"a": 0, "b": 0}
    before = evaluate(folder / "model.rnne", path, "--until", "2013-01-15")
    assert "Readings implausible" not in before.stdout


def test_series_have_errors_of_their_own(folder: Path, tmp_path: Path) -> None:
    lines = (folder / "waves.csv").read_text().splitlines()
    rows = [f"{name},{line}" for line in lines[1:] for name in ("x", "y")]
    path = tmp_path / "two.csv"
    path.write_text("\n".join([f"unit,{lines[0]}", *rows]) + "\n")
    found = tmp_path / "two.json"
    result = evaluate(folder / "model.rnne", path, "--series", "unit", "--json", found)
    assert result.exit_code == 0, result.output
    assert "998 forecasts scored." in result.stdout
    assert "2 series" in result.stdout
    one, two = json.loads(found.read_text())["series"]
    assert (one["name"], two["name"]) == ("x", "y")
    assert one["mae"] == two["mae"]
    assert np.isfinite(one["mae"]["network"]).all()


def test_a_file_that_cannot_be_written(folder: Path) -> None:
    result = evaluate(
        folder / "model.rnne", folder / "waves.csv", "--json", folder / "no/x.json"
    )
    assert result.exit_code == 2
    assert "scores cannot be written" in result.stderr
