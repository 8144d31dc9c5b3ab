"""From the bundled readings to forecasts, through the command line: the main job."""

import csv
import gzip
import json

import numpy as np
import pytest
from click.testing import CliRunner

from rnnedge.cli import main
from rnnedge.data.split import split_rows
from rnnedge.datasets import weather
from rnnedge_runtime import tolerances

HORIZON = 6


def rnnedge_command(*arguments):
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run on JFK, short but real, and its artifact."""
    path = tmp_path_factory.mktemp("jfk")
    train = ["train", weather("jfk"), "--target", "temp_c", "--horizon", HORIZON]
    small = ["--hidden-size", 24, "--epochs", 4, "--quiet"]
    rnnedge_command(*train, *small, "--out", path / "jfk")
    rnnedge_command("export", path / "jfk", "--format", "onnx", "--out", path)
    return path


def forecasts_of(folder, station):
    """Readings and forecasts `[T, horizon]`, as anyone would join them from the files."""
    out = folder / f"{station}.csv"
    rnnedge_command(
        "run", folder / "jfk.onnx", "--input", weather(station), "--output", out
    )
    with gzip.open(weather(station), "rt", encoding="utf-8") as file:
        readings = list(csv.DictReader(file))
    with out.open(encoding="utf-8") as file:
        forecasts = list(csv.DictReader(file))
    assert [row["time"] for row in forecasts] == [row["time"] for row in readings]
    truth = np.array([float(row["temp_c"] or "nan") for row in readings])
    names = [f"temp_c_{step}" for step in range(1, HORIZON + 1)]
    return truth, np.array([[float(row[name]) for name in names] for row in forecasts])


def test_mae_of_the_report_is_the_mae_of_the_streamed_file(folder):
    """The test part is streamed after the earlier parts, never from a zero state."""
    truth, y = forecasts_of(folder, "jfk")
    report = json.loads((folder / "jfk/report.json").read_text())
    scores = report["parts"]["test"]["scores"]["network"]["temp_c"]
    rows = split_rows(len(truth), HORIZON).test
    assert rows.start == int(0.8 * len(truth))
    for step in range(1, HORIZON + 1):
        error = (
            y[rows.start : rows.stop, step - 1]
            - truth[rows.start + step :][: len(rows)]
        )
        mae = float(np.nanmean(np.abs(error)))
        assert abs(mae - scores[str(step)]["mae"]) <= tolerances.REPORT_MAE
        assert int(np.isfinite(error).sum()) == scores[str(step)]["count"]


def test_an_unseen_station_is_streamed_without_retraining(folder):
    """Gaps and a wind of 469 m/s included; persistence at six hours is beaten."""
    truth, y = forecasts_of(folder, "ewr")
    assert np.isfinite(y).all()
    last = truth[
        np.maximum.accumulate(np.where(np.isfinite(truth), np.arange(len(truth)), 0))
    ]
    for rows in (slice(0, None), slice(int(0.8 * len(truth)), None)):
        ahead = truth[rows][HORIZON:]
        network = np.nanmean(np.abs(y[rows][:-HORIZON, -1] - ahead))
        persistence = np.nanmean(np.abs(last[rows][:-HORIZON] - ahead))
        assert network < persistence
    broken = 1002  # 2013-02-12T08:00Z, the row of the broken wind sensor
    assert np.abs(y[broken] - y[broken - 1]).max() < 5


def test_run_takes_a_pipe_and_goes_on_where_it_stopped(folder):
    with gzip.open(weather("jfk"), "rt", encoding="utf-8") as file:
        header, *lines = file.readlines()
    lines = lines[:200]
    runner = CliRunner()

    def stream(some, *flags):
        command = ["run", str(folder / "jfk.onnx"), *flags]
        result = runner.invoke(main, command, input=header + "".join(some))
        assert result.exit_code == 0, result.output
        return result.stdout.splitlines()[1:]

    whole = stream(lines)
    state = ("--state", str(folder / "cut.state"))
    assert stream(lines[:77], *state) + stream(lines[77:], *state) == whole
    objects = stream(lines, "--format", "jsonl")
    assert json.loads(objects[-1])["temp_c_6"] == float(whole[-1].split(",")[-1])
