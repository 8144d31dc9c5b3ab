"""`rnnedge.fit`, `resume` and `rnnedge train` on small files."""

import csv
import dataclasses
import inspect
import json
import signal
import subprocess
import sys
import tomllib

import numpy as np
import pytest
from click.testing import CliRunner
from support.tables.small_data import waves

import rnnedge
from rnnedge.cli import main
from rnnedge.runs.folder import load_run
from rnnedge.tasks.config import TrainConfig
from rnnedge.training.running import choose_device
from rnnedge_runtime.errors import DataError, NonFiniteError, SpecError
from rnnedge_runtime.tables.options import TableOptions

FAST = {"hidden_size": 4, "epochs": 2, "chunk_length": 16, "is_quiet": True}
FLAGS = ["--hidden-size", "4", "--epochs", "2", "--chunk-length", "16"]


@pytest.fixture
def table(tmp_path):
    series = waves(300, missing=0.02).series[0]
    path = tmp_path / "readings.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["time", "a", "b"])
        for t, row in zip(series.time, series.values, strict=True):
            stamp = np.datetime64(int(t), "s").item().isoformat() + "Z"
            writer.writerow([stamp, *("" if np.isnan(v) else f"{v:.3f}" for v in row)])
    return path


def rnnedge_command(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_fit_writes_a_whole_run_folder(table, tmp_path, pictures):
    fitted = rnnedge.fit(table, target="a", horizon=3, out=tmp_path / "runs/r", **FAST)
    folder = fitted.run.path
    assert {path.name for path in folder.iterdir()} == {
        "config.toml",
        "model.toml",
        "scores.csv",
        "results.csv",
        "model.safetensors",
        "spec.json",
        "stream.npz",
        "report.json",
        "loss.png",
        "forecast.png",
        "last.ckpt",
    }
    config = tomllib.loads((folder / "config.toml").read_text())
    assert config["data"]["source"] == str(table)
    assert config["train"]["horizon"] == 3
    rows = list(csv.DictReader((folder / "results.csv").open()))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    report = json.loads((folder / "report.json").read_text())
    for part in ("validation", "test"):
        for name in ("network", "persistence", "seasonal_naive", "ridge_ar"):
            for step in ("1", "2", "3"):
                score = report["parts"][part]["scores"][name]["a"][step]
                assert {"mae", "rmse", "mase", "skill_percent"} <= set(score)
    run = load_run(folder)
    assert run.name == "r"
    assert run.stream.shape == (300, run.spec.input_size)
    assert np.isfinite(run.stream).all()
    for plot in ("loss.png", "forecast.png"):
        assert (folder / plot).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_weights_of_the_run_give_the_forecasts_of_the_report(table, tmp_path):
    fitted = rnnedge.fit(table, target="a", horizon=2, out=tmp_path / "r", **FAST)
    model = rnnedge.SequenceModel(fitted.run.spec)
    model.load_weights(load_run(tmp_path / "r").weights)
    from rnnedge.training.validation import stream_predictions

    series = fitted.prepared.series[0]
    y = stream_predictions(model, series)[series.parts.test.start :][
        : len(series.parts.test)
    ]
    np.testing.assert_array_equal(y, fitted.evaluation.forecasts["network"][0])


def test_an_existing_run_is_kept_unless_told_otherwise(table, tmp_path):
    options = {"target": "a", "out": tmp_path / "r", **FAST}
    rnnedge.fit(table, **options)
    before = (tmp_path / "r/model.safetensors").read_bytes()
    with pytest.raises(DataError, match="already holds a run"):
        rnnedge.fit(table, seed=1, **options)
    assert (tmp_path / "r/model.safetensors").read_bytes() == before
    with pytest.raises(DataError, match="the run is finished"):
        rnnedge.resume(tmp_path / "r")
    rnnedge.fit(table, seed=1, overwrite=True, **options)
    assert (tmp_path / "r/model.safetensors").read_bytes() != before


def test_a_run_that_was_replaced_and_stopped_cannot_be_exported(table, tmp_path):
    """--overwrite left the old network beside the new config, and export took it."""
    rnnedge.fit(table, target="a", out=tmp_path / "r", **FAST)
    with pytest.raises(NonFiniteError, match="smaller --learning-rate"):
        rnnedge.fit(
            table,
            target="a",
            out=tmp_path / "r",
            overwrite=True,
            **{**FAST, "learning_rate": 1e30, "epochs": 5},
        )
    with pytest.raises(DataError, match=r"report\.json not found"):
        load_run(tmp_path / "r")


def test_bad_data_leaves_the_run_that_was_to_be_replaced(table, tmp_path):
    rnnedge.fit(table, target="a", out=tmp_path / "r", **FAST)
    before = {path.name: path.read_bytes() for path in (tmp_path / "r").iterdir()}
    for choices in ({"horizon": 90}, {"learning_rate": -1.0}):
        with pytest.raises((DataError, SpecError)):
            rnnedge.fit(
                table,
                target="a",
                out=tmp_path / "r",
                overwrite=True,
                **{**FAST, **choices},
            )
    after = {path.name: path.read_bytes() for path in (tmp_path / "r").iterdir()}
    assert after == before


def test_resume_takes_data_from_elsewhere_and_no_other_choice(
    table, tmp_path, monkeypatch
):
    """--resume worked from the folder of the first command alone, and dropped options."""
    monkeypatch.chdir(tmp_path)
    result = rnnedge_command(
        "train", "readings.csv", "--target", "a", "--out", "r", *FLAGS
    )
    assert result.exit_code == 0, result.output
    for name in ("report.json", "model.safetensors", "spec.json"):
        (tmp_path / "r" / name).unlink()
    refused = rnnedge_command("train", "--resume", "r", "--epochs", 9)
    assert refused.exit_code == 2
    assert "--epochs stands beside --resume" in refused.output
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert (
        rnnedge_command("train", "--resume", tmp_path / "r", "--quiet").exit_code == 0
    )
    (tmp_path / "r/report.json").unlink()
    table.rename(elsewhere / "moved.csv")
    moved = rnnedge_command("train", "moved.csv", "--resume", tmp_path / "r", "--quiet")
    assert moved.exit_code == 0, moved.output


def test_default_run_folder_is_named_after_the_data(table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = rnnedge.fit(table, target="a", **FAST)
    second = rnnedge.fit(table, target="a", **FAST)
    assert [str(r.run.path) for r in (first, second)] == [
        "runs/readings",
        "runs/readings-2",
    ]


def test_fit_leaves_threads_and_random_numbers_of_the_caller(table, tmp_path):
    import torch

    torch.manual_seed(5)
    threads = torch.get_num_threads()
    expected = torch.rand(3, generator=torch.Generator().manual_seed(5))
    rnnedge.fit(table, target="a", out=tmp_path / "r", **FAST)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads


def test_ctrl_c_saves_and_resume_ends_with_the_same_bits(table, tmp_path):
    flags = ["--target", "a", "--hidden-size", "8", "--epochs", "20"]
    flags += ["--patience", "20", "--chunk-length", "4", "--out"]
    command = [sys.executable, "-m", "rnnedge.cli", "train", str(table), *flags]
    process = subprocess.Popen(
        [*command, str(tmp_path / "cut")], stderr=subprocess.PIPE, text=True
    )
    lines = []
    for line in process.stderr:
        lines.append(line)
        if line.startswith("epoch 2/"):
            process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130, lines
    assert f"rnnedge train --resume {tmp_path / 'cut'}" in lines[-1]
    assert not (tmp_path / "cut/report.json").exists()
    resumed = rnnedge_command("train", "--resume", tmp_path / "cut", "--quiet")
    assert resumed.exit_code == 0, resumed.output
    whole = rnnedge_command("train", table, *flags, tmp_path / "whole", "--quiet")
    assert whole.exit_code == 0, whole.output
    for name in ("model.safetensors", "results.csv", "spec.json"):
        assert (tmp_path / "cut" / name).read_bytes() == (
            tmp_path / "whole" / name
        ).read_bytes()


def test_train_prints_the_table_and_the_next_command(table, tmp_path):
    result = rnnedge_command(
        "train", table, "--target", "a", "--horizon", 2, "--out", tmp_path / "r", *FLAGS
    )
    assert result.exit_code == 0, result.output
    for text in ("network", "persistence", "seasonal-naive", "ridge AR", "skill %"):
        assert text in result.output
    assert "epoch 1/2  loss" in result.output
    assert (
        f"Next: rnnedge export {tmp_path / 'r'} --format onnx --out dist"
        in result.output
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "a"], "no DATA was given"),
        (["{table}"], "no --target was given"),
        (["{table}", "--target", "a", "--bidirectional"], "cannot stream"),
        (["{table}", "--target", "a", "--horizon", "90"], "too few for horizon 90"),
        (["{table}", "--target", "a", "--unit", "a"], "expected NAME=UNIT"),
        (["{table}", "--target", "a", "--proj-size", "4"], "Use --cell lstm"),
        (["--resume", "{folder}/nowhere"], "config of a training run"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(table, tmp_path, arguments, message):
    filled = [a.format(table=table, folder=tmp_path) for a in arguments]
    before = sorted(tmp_path.rglob("*"))
    result = rnnedge_command("train", *filled)
    assert result.exit_code == 2, result.output
    lines = result.output.strip().splitlines()
    assert len(lines) == 1
    assert any(part in lines[0] for part in message.split("|"))
    assert sorted(tmp_path.rglob("*")) == before
    assert "Traceback" not in result.output


def test_debug_shows_the_traceback(table):
    result = rnnedge_command("--debug", "train", table)
    assert isinstance(result.exception, DataError)


def test_misspelt_choice_is_named(table):
    with pytest.raises(SpecError, match="hidden_sizes is not a choice"):
        rnnedge.fit(table, target="a", hidden_sizes=3)


def test_cuda_without_a_device_is_refused():
    import torch

    if torch.cuda.is_available():
        assert choose_device("cuda").type == choose_device("auto").type == "cuda"
        return
    assert choose_device("auto").type == "cpu"
    with pytest.raises(SpecError, match="finds no CUDA device"):
        choose_device("cuda")


@pytest.mark.parametrize("damage", ["absent", "cut", "text"])
def test_a_damaged_run_folder_is_refused(table, tmp_path, damage):
    rnnedge.fit(table, target="a", out=tmp_path / "r", **FAST)
    path = tmp_path / "r/model.safetensors"
    content = path.read_bytes()
    if damage == "absent":
        path.unlink()
    else:
        path.write_bytes(content[:100] if damage == "cut" else b"hello")
    with pytest.raises(DataError, match=r"model\.safetensors"):
        load_run(tmp_path / "r")


def test_several_series_of_different_length(tmp_path):
    lines = ["id,time,a"]
    for name, length in (("x", 200), ("y", 120)):
        for t in range(length):
            stamp = np.datetime64(1_357_020_000 + 3600 * t, "s")
            lines.append(f"{name},{stamp}Z,{np.sin(t / 4) + (name == 'y'):.4f}")
    path = tmp_path / "many.csv"
    path.write_text("\n".join(lines) + "\n")
    fitted = rnnedge.fit(
        path, target="a", series="id", out=tmp_path / "r", horizon=2, **FAST
    )
    spans = fitted.run.report["parts"]["test"]["rows"]
    assert [span["series"] for span in spans] == ["x"]
    assert [span["count"] for span in spans] == [38]


def test_a_second_of_training_beats_persistence(tmp_path):
    """The only test about learning: a clean wave, two seconds, a third of the error."""
    fitted = rnnedge.fit(
        _frame(waves(1200)),
        target="a",
        horizon=6,
        out=tmp_path / "r",
        hidden_size=16,
        epochs=15,
        is_quiet=True,
    )
    scores = fitted.run.report["parts"]["test"]["scores"]
    assert (
        scores["network"]["a"]["6"]["mae"] < scores["persistence"]["a"]["6"]["mae"] / 3
    )


def _frame(dataset):
    import polars

    series = dataset.series[0]
    columns = {"time": series.time, "a": series.values[:, 0], "b": series.values[:, 1]}
    return polars.DataFrame(columns)


def test_help_and_type_checkers_see_every_choice_of_fit():
    """They were hidden behind `**choices`."""
    seen = inspect.signature(rnnedge.fit).parameters
    for choices in (TrainConfig, TableOptions):
        for field in dataclasses.fields(choices):
            assert seen[field.name].default == field.default
            assert seen[field.name].kind is inspect.Parameter.KEYWORD_ONLY
    assert list(seen)[:3] == ["source", "target", "out"]
    assert "choices" not in seen


def test_a_graph_is_trained_and_its_table_trains_the_same_again(table, tmp_path):
    choices = {"target": "a", "horizon": 2, **FAST}
    own = {"cell": "cifg", "norm": "rms", "residual": True, "conv": "3x2", "head": 4}
    one = rnnedge.fit(table, out=tmp_path / "one", **{**choices, **own})
    assert one.run.spec.wiring
    text = (tmp_path / "one" / "model.toml").read_text()
    choices.pop("hidden_size", None)
    two = rnnedge.fit(table, out=tmp_path / "two", layers=text, **choices)
    assert two.run.spec == one.run.spec
    for name, values in one.run.weights.items():
        assert np.array_equal(values, two.run.weights[name])
