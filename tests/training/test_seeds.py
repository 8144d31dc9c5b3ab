"""Several seeds: the best is kept, the spread is told, a stopped run goes on."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from support.tables.small_runs import write_waves

import rnnedge
from rnnedge import fitting
from rnnedge.cli import main
from rnnedge_runtime.errors import SpecError

CHOICES = {"target": "a", "horizon": 2, "hidden_size": 8, "epochs": 2, "is_quiet": True}


@pytest.fixture
def table(tmp_path):
    return write_waves(tmp_path / "waves.csv", 300)


def test_the_best_of_the_seeds_is_kept(table, tmp_path):
    alone = [
        rnnedge.fit(table, out=tmp_path / str(seed), seed=seed, **CHOICES)
        for seed in (4, 5, 6)
    ]
    together = rnnedge.fit(table, out=tmp_path / "r", seed=4, seeds=3, **CHOICES)
    reports = [fitted.run.report for fitted in alone]
    errors = [report["training"]["best_validation_error"] for report in reports]
    best = errors.index(min(errors))
    found = json.loads((tmp_path / "r/report.json").read_text())["training"]
    assert found["digest"] == reports[best]["training"]["digest"]
    assert found["seeds"]["kept"] == 4 + best
    assert [run["best_validation_error"] for run in found["seeds"]["runs"]] == errors
    assert (tmp_path / "r/results.csv").read_text() == (
        tmp_path / str(4 + best) / "results.csv"
    ).read_text()
    for part in ("validation", "test"):
        mae = sorted(
            report["parts"][part]["scores"]["network"]["a"]["2"]["mae"]
            for report in reports
        )
        spread = found["seeds"]["spread"][part]["a"]["2"]
        assert [spread[key] for key in ("min", "median", "max")] == pytest.approx(mae)
    assert "seeds" not in reports[0]["training"]
    assert together.run.report["training"]["seeds"] == found["seeds"]


def test_a_run_of_several_seeds_goes_on_where_it_was_stopped(
    table, tmp_path, monkeypatch
):
    whole = rnnedge.fit(table, out=tmp_path / "whole", seeds=3, **CHOICES)
    run, calls = fitting.Trainer.run, []

    def stopped(trainer, **callbacks):
        calls.append(trainer.config.seed)
        if trainer.config.seed == 1:
            callbacks["on_chunk"] = lambda current: current.chunk < 2
        return run(trainer, **callbacks)

    monkeypatch.setattr(fitting.Trainer, "run", stopped)
    with pytest.raises(fitting.TrainingStopped):
        rnnedge.fit(table, out=tmp_path / "cut", seeds=3, **CHOICES)
    monkeypatch.setattr(fitting.Trainer, "run", run)
    resumed = rnnedge.resume(tmp_path / "cut", is_quiet=True)
    assert calls == [0, 1]
    for key in ("seeds", "digest"):
        assert resumed.run.report["training"][key] == whole.run.report["training"][key]


def test_the_spread_is_printed(table, tmp_path):
    arguments = [
        table,
        "--target",
        "a",
        "--epochs",
        1,
        "--hidden-size",
        4,
        "--seeds",
        2,
    ]
    result = CliRunner().invoke(
        main, ["train", *map(str, arguments), "--out", str(tmp_path / "r")]
    )
    assert result.exit_code == 0, result.output
    assert "seed 1, 2 of 2" in result.output
    assert "2 seeds; kept" in result.output
    with pytest.raises(SpecError, match="seeds is 0, expected 1 or more"):
        rnnedge.fit(table, seeds=0, **CHOICES)


def test_options_of_the_split_reach_the_run(tmp_path):
    lines = ["id,time,a"]
    for name in "xyz":
        for row in write_waves(tmp_path / "w.csv", 200).read_text().splitlines()[1:]:
            time, a, _ = row.split(",")
            lines.append(f"{name},{time},{a}")
    table = tmp_path / "many.csv"
    table.write_text("\n".join(lines) + "\n")
    out = tmp_path / "r"
    arguments = ["train", table, "--target", "a", "--series", "id", "--out", out]
    arguments += ["--epochs", 1, "--hidden-size", 4, "--hold-out-series", "z"]
    arguments += ["--split-at", "2013-01-05", "2013-01-06T06:00:00Z"]
    result = CliRunner().invoke(main, [str(one) for one in arguments])
    assert result.exit_code == 0, result.output
    assert "test from 2013-01-06T06:00:00Z on" in result.output
    assert "3 series" in result.output
    report = json.loads((out / "report.json").read_text())
    spans = {span["series"]: span for span in report["parts"]["test"]["rows"]}
    assert spans["z"]["first"] == 0
    assert spans["x"]["first_time"] == "2013-01-06T06:00:00Z"
    assert set(report["parts"]["test"]["series"]) == {"x", "y", "z"}
    from rnnedge.runs.data import load_run_data

    prepared = load_run_data(rnnedge.load_run(out))
    assert len(prepared.series[2].parts.train) == 0
