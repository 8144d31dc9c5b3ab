"""How tables are read: from the command line into the run, and out of it again."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from support.tables import table_layouts as layouts

import rnnedge
from rnnedge.cli import main
from rnnedge.data import load_dataset
from rnnedge.data.tables.sources.files import name_of
from rnnedge.runs.data import load_run_data
from rnnedge.runs.folder import load_run
from rnnedge_runtime.errors import DataError, SpecError

FAST = ("--hidden-size", "4", "--epochs", "1", "--chunk-length", "16", "--quiet")
QUICK: dict[str, Any] = {
    "hidden_size": 4,
    "epochs": 1,
    "chunk_length": 16,
    "is_quiet": True,
}
READING = (
    "--pivot",
    "entity_id",
    "--missing-value",
    "sensor.power=-999",
    "--na",
    "off",
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments])


def long_table(folder: Path, name: str = "data/house 1.csv") -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    rows = layouts.long_rows(minutes_apart=7)
    rows[11] = rows[11].replace(str(layouts.POWER[5]), "-999")
    rows[18] = rows[18].replace(str(layouts.TEMP[9]), "off")
    path.write_text(layouts.long_text(rows))
    return path


def train(*arguments: object) -> None:
    result = call("train", *arguments, *FAST)
    assert result.exit_code == 0, result.output


def sections(run: str) -> dict[str, Any]:
    return tomllib.loads(Path(run, "config.toml").read_text(encoding="utf-8"))


def test_what_was_said_of_a_table_goes_into_the_run_and_out_again(folder: Path) -> None:
    path = long_table(folder)
    train("data/*.csv", "--target", "sensor.power", *READING)
    data = sections("runs/data")["data"]
    assert data["source"] == str(folder / "data/*.csv")
    assert data["pivot"] == "entity_id"
    assert data["missing_values"] == ["sensor.power=-999"]
    assert data["na"] == ["off"]
    assert "resample" not in data
    run = load_run("runs/data")
    power = load_run_data(run).series[0].targets[:, 0]
    expected = layouts.VALUES[:, 1].copy()
    expected[5] = np.nan
    assert np.array_equal(power, expected, equal_nan=True)

    train("--config", "runs/data/config.toml")
    for name in ("config.toml", "model.safetensors", "report.json"):
        first, second = (
            Path(f"runs/{r}", name).read_bytes() for r in ("data", "data-2")
        )
        assert first == second or name == "report.json"
    train("--config", "runs/data", "--horizon", "2", "--out", "other", path)
    other = sections("other")
    assert other["train"]["horizon"] == 2
    assert other["data"]["source"] == str(path)
    assert other["data"]["pivot"] == "entity_id"

    exported = call("export", "runs/data", "--format", "onnx", "--out", "dist")
    assert exported.exit_code == 0, exported.output
    result = call("run", "dist/data.onnx", "--input", path, *READING)
    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) == 1 + layouts.NUM_ROWS
    hint = call("run", "dist/data.onnx", "--input", path)
    assert hint.exit_code == 2
    assert "name the column of these names (--pivot)" in hint.stderr


def test_fit_takes_the_same_names(folder: Path) -> None:
    path = folder / "german.txt"
    rows = [f"{t};{str(a).replace('.', ',')};x\n" for t, a, _ in layouts.ROWS]
    path.write_text("Zeit;Temperatur;note\n" + "".join(rows), encoding="utf-8")
    fitted = rnnedge.fit(
        path, target="Temperatur", delimiter=";", decimal=",", na="x", out="r", **QUICK
    )
    temp = fitted.prepared.series[0].targets[:, 0]
    assert np.array_equal(temp, layouts.VALUES[:, 0])
    data = sections("r")["data"]
    assert (data["delimiter"], data["decimal"], data["na"]) == (";", ",", ["x"])
    with pytest.raises(
        SpecError, match=r"delimitr is not a choice, .* delimiter, decimal"
    ):
        rnnedge.fit(path, target="Temperatur", delimitr=";", **QUICK)


def test_the_change_of_a_counter_from_training_to_the_device(folder: Path) -> None:
    steps = np.random.default_rng(2).integers(50, 90, layouts.NUM_ROWS)
    totals = (10_000_000_000 + np.cumsum(steps)).tolist()
    rows = [f"{t},{v}\n" for t, v in zip(layouts.STAMPS, totals, strict=True)]
    Path("meter.csv").write_text("time,total_wh\n" + "".join(rows))
    refused = call("train", "meter.csv", "--target", "total_wh", *FAST)
    assert refused.exit_code == 2
    assert "--difference total_wh" in refused.stderr
    train("meter.csv", "--target", "total_wh", "--difference", "total_wh")
    assert sections("runs/meter")["data"]["difference"] == ["total_wh"]
    assert load_run("runs/meter").spec.feature_names == ("total_wh_change",)
    load_run_data(load_run("runs/meter"))
    call("export", "runs/meter", "--format", "onnx", "--out", "dist")
    refused = call("run", "dist/meter.onnx", "--input", "meter.csv")
    assert "Read it with --difference total_wh" in refused.stderr
    refused = call("evaluate", "dist/meter.onnx", "meter.csv")
    assert "use --difference total_wh" in refused.stderr
    streamed = call(
        "run", "dist/meter.onnx", "--input", "meter.csv", "--difference", "total_wh"
    )
    assert streamed.exit_code == 0, streamed.output
    assert streamed.stdout.splitlines()[0] == "time,total_wh_change_1"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("data/*.csv", "data"),
        ("data/2024-*/*.csv", "data"),
        ("*.csv", "here"),
        ("data", "data"),
        ("data/", "data"),
        ("house 1.csv", "house 1"),
        ("a.b.csv.gz", "a"),
        ([Path("data/x.csv"), "y.csv"], "x"),
        ({"time": [1]}, "table"),
    ],
)
def test_the_name_of_data(
    folder: Path, monkeypatch: pytest.MonkeyPatch, source: Any, name: str
) -> None:
    (folder / "here/data").mkdir(parents=True)
    monkeypatch.chdir(folder / "here")
    assert name_of(source) == name


def test_a_config_that_is_none(folder: Path) -> None:
    Path("a.toml").write_text("[train]\nhorizon = 1\n")
    result = call("train", "--config", "a.toml")
    assert result.exit_code == 2
    assert "not the config of a training run" in result.stderr
    both = call("train", "--config", "a.toml", "--resume", "x")
    assert "--config stands beside --resume" in both.stderr


def test_two_columns_of_date_and_time(folder: Path) -> None:
    rows = [f"{t[:10]},{t[11:19]},{a}\n" for t, a, _ in layouts.ROWS]
    Path("a.csv").write_text("day,clock,temp\n" + "".join(rows))
    data = load_dataset("a.csv", targets="temp", time="day+clock")
    assert data.series[0].time is not None
    assert data.series[0].time.tolist() == layouts.EPOCHS
    with pytest.raises(DataError, match=r"no column .day.clok. for the time"):
        load_dataset("a.csv", targets="temp", time="day+clok")


def test_what_was_found_in_a_table_goes_into_the_run(folder: Path) -> None:
    rows = [
        f"{k % 28 + 1:02d}/{k // 28 + 1:02d}/2024;{k % 7},5;{k % 5}" for k in range(84)
    ]
    path = folder / "a.csv"
    path.write_text("Station: Kiel\n\nday;temp;load\n" + "\n".join(rows))
    train(path, "--target", "temp", "--out", "r")
    data = sections("r")["data"]
    found = {name: data[name] for name in data["found"]}
    assert found == {
        "decimal": ",",
        "delimiter": ";",
        "encoding": "utf-8-sig",
        "skip_rows": 1,
        "time": "day",
        "time_format": "%d/%m/%Y",
        "tz": "UTC",
    }
    prepared = load_run_data(load_run("r"))
    assert not set(prepared.notes) & {"The decimal mark is the comma."}
    other = folder / "b.csv"
    days = [
        f"2024-01-01 {k // 4:02d}:{k % 4 * 15:02d},{k % 7}.5,{k % 5}" for k in range(90)
    ]
    other.write_text("time,temp,load\n" + "\n".join(days))
    train(other, "--config", "r", "--out", "other")
    data = sections("other")["data"]
    assert (data["delimiter"], data["time"]) == (",", "time")
