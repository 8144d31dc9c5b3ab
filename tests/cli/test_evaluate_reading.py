"""`rnnedge evaluate` and `rnnedge forecast` read a table as `rnnedge run` does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

import rnnedge
from rnnedge.cli import main

STAMPS = np.datetime64("2024-03-01T00:00") + np.arange(700) * np.timedelta64(1, "h")


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A model of local times and holes up to four hours."""
    monkeypatch.chdir(tmp_path)
    write("train.csv", STAMPS)
    fitted = rnnedge.fit(
        "train.csv",
        target="temp",
        out="run",
        tz="+05:00",
        max_gap="4h",
        derived="hour_of_day",
        hidden_size=4,
        epochs=1,
        is_quiet=True,
    )
    return str(rnnedge.export(fitted.run, formats="rnne", name="m").artifacts[0].path)


def write(path: str, stamps: np.ndarray) -> None:
    hours = stamps.astype(int)
    rows = [
        f"{stamp},{5 * np.sin(hour / 3.8):.3f}\n"
        for stamp, hour in zip(stamps, hours, strict=True)
    ]
    Path(path).write_text("time,temp\n" + "".join(rows))


def scores(model: str, path: str, *options: str) -> dict:
    result = call("evaluate", model, path, "--json", "scores.json", *options)
    assert result.exit_code == 0, result.output
    return json.loads(Path("scores.json").read_text())


def test_times_and_holes_are_those_of_the_model(model: str) -> None:
    """Times without an offset were taken as UTC, so that the hour of day was another, and
    a hole that starts anew in `rnnedge run` was filled."""
    write("log.csv", np.delete(STAMPS[:200], slice(80, 90)))
    found = scores(model, "log.csv", "--from", "2024-03-05T20:00")
    told = ("--tz", "+05:00", "--max-gap", "4h", "--from", "2024-03-05T20:00+05:00")
    assert found == scores(model, "log.csv", *told)
    assert (
        found["scores"] != scores(model, "log.csv", *told[2:], "--tz", "UTC")["scores"]
    )
    assert found["forecasts"] == 200 - 116 - 1  # the last has nothing to compare


def test_a_table_of_another_period_is_told_to_resample(model: str) -> None:
    write("days.csv", STAMPS[::24])
    result = call("evaluate", model, "days.csv")
    assert result.exit_code == 2
    assert "--resample 1h" in result.stderr


def test_a_forecast_refuses_what_a_stream_cannot_do(model: str) -> None:
    """Both options were taken, and nothing came of them."""
    for options in (("--sort",), ("--max-gap", "1h")):
        result = call("forecast", model, "train.csv", *options)
        assert result.exit_code == 2
        assert f"{' '.join(options)}: a stream" in result.stderr
